//! The thread that decodes pictures.

use std::sync::Arc;

use brooklet_media::{Decoder, Frame, FramePool};

use super::shared::{Coded, Decoded, Shared};
use crate::job::VideoSpec;
use crate::queue::Queue;
use crate::stage::PictureChain;
use crate::stage::cut::{Cut, Window};
use crate::{Error, Result};

/// The decoder, and what is done to its pictures.
pub(super) struct PictureThread {
    input: Queue<Coded>,
    output: Queue<Decoded>,
    decoder: Box<dyn Decoder>,
    how: VideoSpec,
    chain: PictureChain,
    window: Window,
    round: u64,
    /// Nothing more of this round is wanted.
    over: bool,
    failures: u64,
    shared: Arc<Shared>,
    pool: FramePool,
}

impl PictureThread {
    pub(super) fn new(
        input: Queue<Coded>,
        output: Queue<Decoded>,
        decoder: Box<dyn Decoder>,
        filters: Option<String>,
        window: Window,
        shared: Arc<Shared>,
        pool: FramePool,
    ) -> Result<Self> {
        let how = VideoSpec { filters, ..VideoSpec::default() };
        let chain = PictureChain::new(&how, &[], None, &pool).map_err(convert)?;
        let (round, over, failures) = (0, false, 0);
        Ok(Self { input, output, decoder, how, chain, window, round, over, failures, shared, pool })
    }

    /// Runs until the player ends.
    pub(super) fn run(mut self) {
        while let Some(coded) = self.input.pop() {
            if let Err(error) = self.handle(coded) {
                self.shared.fail(error);
                self.over = true;
                let _ = self.output.push(Decoded::End(self.round));
            }
        }
    }

    fn handle(&mut self, coded: Coded) -> Result<()> {
        let decoded = match coded {
            Coded::Round { round, from } => {
                self.decoder.reset();
                self.chain = PictureChain::new(&self.how, &[], None, &self.pool).map_err(convert)?;
                (self.round, self.over, self.window.from) = (round, false, from);
                return Ok(());
            }
            _ if self.over => return Ok(()),
            Coded::Packet { packet, .. } => self.decoder.decode(&packet),
            Coded::Params(params) => self.decoder.change_params(&params),
            Coded::End => {
                // What is held back and damaged is lost; all else has been shown.
                let _ = self.decoder.flush();
                self.hand_out()?;
                self.chain.flush().map_err(convert)?;
                self.hand_on()?;
                return self.finish();
            }
        };
        if let Err(error) = decoded {
            self.failures += 1;
            self.shared.journal.warn_some(self.failures, || error.to_string());
        }
        self.hand_out()
    }

    fn hand_out(&mut self) -> Result<()> {
        while let Some(frame) = self.decoder.poll_frame() {
            match self.window.cut(frame, &self.pool)? {
                Cut::Keep(Frame::Video(picture)) => self.chain.push(picture),
                Cut::Keep(Frame::Audio(_)) | Cut::Before => {}
                Cut::After => return self.finish(),
            }
            self.hand_on()?;
        }
        Ok(())
    }

    /// Blocks while enough pictures wait to be shown. One whose player has ended goes nowhere.
    fn hand_on(&mut self) -> Result<()> {
        while let Some(picture) = self.chain.poll().map_err(convert)? {
            let _ = self.output.push(Decoded::Picture(self.round, picture));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if !std::mem::replace(&mut self.over, true) {
            let _ = self.output.push(Decoded::End(self.round));
        }
        Ok(())
    }
}

fn convert(source: brooklet_media::Error) -> Error {
    Error::Convert { source }
}
