//! The thread that decodes one stream, for all who want its frames.

use std::sync::Arc;

use brooklet_media::{Decoder, Frame, FramePool, Packet, Rational, StreamParams, TimeBase};

use super::Behind;
use super::cut::{Cut, Window};
use crate::job::Journal;
use crate::queue::Queue;
use crate::{Error, Result};

/// Packets that wait for a decoder; when full, the input is not read.
pub(crate) const PACKETS: usize = 32;
/// The same where each is a whole raw picture.
pub(crate) const RAW_PICTURES: usize = 4;
/// The same where each is a whole picture of a camera, which keeps the newest while this is full.
pub(crate) const CAPTURED: usize = 1;

/// What the input's thread hands to a decoder.
#[derive(Debug)]
pub(crate) enum Coded {
    Packet(Packet),
    Params(StreamParams),
}

/// One stream's decoder and those who want its frames.
pub(crate) struct DecodeStage {
    pub(crate) url: String,
    pub(crate) input: Queue<Coded>,
    pub(crate) decoder: Box<dyn Decoder>,
    pub(crate) window: Window,
    /// Where the user says what rate the pictures have, whatever their times say.
    pub(crate) rate: Option<Counted>,
    /// The clock of the packets.
    pub(crate) time_base: TimeBase,
    pub(crate) outputs: Vec<Queue<Frame>>,
    /// Where the source does not wait.
    pub(crate) behind: Option<Behind>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) pool: FramePool,
}

/// `-r` of an input: each picture is one tick after the one before.
pub(crate) struct Counted {
    time_base: TimeBase,
    next: i64,
}

impl Counted {
    /// At so many pictures in a second, from 0 on.
    pub(crate) fn new(rate: Rational) -> Option<Self> {
        Some(Self { time_base: TimeBase::new(rate.den(), rate.num())?, next: 0 })
    }

    fn stamp(&mut self, frame: Frame) -> Frame {
        let Frame::Video(mut picture) = frame else { return frame };
        (picture.time_base, picture.pts, picture.duration) = (self.time_base, self.next, 1);
        self.next += 1;
        Frame::Video(picture)
    }
}

impl DecodeStage {
    /// Runs until the input ends or nobody wants more.
    pub(crate) fn run(mut self) -> Result<()> {
        let outcome = self.decode_all();
        // Whoever waits on either side is told, however this ended.
        self.input.close();
        self.outputs.iter().for_each(Queue::end);
        outcome
    }

    fn decode_all(&mut self) -> Result<()> {
        let (mut frames, mut failures) = (0u64, 0u64);
        let mut last_failure = None;
        while let Some(coded) = self.input.pop() {
            let decoded = match coded {
                Coded::Packet(packet) => self.decode(&packet),
                Coded::Params(params) => {
                    self.time_base = params.time_base;
                    self.decoder.change_params(&params)
                }
            };
            // Damage costs the frames that it hit; the stream goes on, as in every player.
            if let Err(error) = decoded {
                failures += 1;
                self.journal.warn_some(failures, || format!("{}: {error}", self.url));
                last_failure = Some(error);
            }
            match self.hand_out(&mut frames)? {
                true => {}
                false => return Ok(()),
            }
        }
        if let Err(error) = self.decoder.flush() {
            last_failure = Some(error);
        }
        self.hand_out(&mut frames)?;
        match last_failure {
            Some(error) if frames == 0 => Err(Error::media(&self.url, error)),
            _ => Ok(()),
        }
    }

    fn decode(&mut self, packet: &Packet) -> brooklet_media::Result<()> {
        match &mut self.behind {
            Some(behind) => behind.watch(self.time_base.at(packet.dts), || self.decoder.decode(packet)),
            None => self.decoder.decode(packet),
        }
    }

    /// False when nobody wants more.
    fn hand_out(&mut self, frames: &mut u64) -> Result<bool> {
        while let Some(frame) = self.decoder.poll_frame() {
            *frames += 1;
            match self.window.cut(frame, &self.pool)? {
                Cut::Keep(frame) => {
                    let frame = match &mut self.rate {
                        Some(rate) => rate.stamp(frame),
                        None => frame,
                    };
                    self.outputs.retain(|output| output.push(frame.clone()).is_ok());
                }
                Cut::Before => {}
                Cut::After => return Ok(false),
            }
            if self.outputs.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
