//! The thread that converts one stream's frames and hands them to a device, uncoded.

use std::sync::Arc;

use brooklet_media::{Frame, FramePool};

use super::Chain;
use super::cut::{Cut, Window};
use crate::job::{Counters, Playback};
use crate::output::device::DeviceSink;
use crate::queue::Queue;
use crate::{Error, Result, Stopper};

/// Frames that wait for a device; when full, the decoder blocks. Few, for a picture may have 8 MB.
pub(crate) const FRAMES: usize = 4;

/// One stream's conversions and the device where it ends.
pub(crate) struct PresentStage {
    pub(crate) input: Queue<Frame>,
    pub(crate) chain: Chain,
    pub(crate) window: Window,
    /// `-frames`: frames that may still pass.
    pub(crate) frames_left: Option<u64>,
    pub(crate) sink: Box<dyn DeviceSink>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) pool: FramePool,
    pub(crate) stopper: Stopper,
}

impl PresentStage {
    /// Runs until the last frame has been heard or seen. A stop ends it at once: who wants no more does not wait for
    /// what is left.
    pub(crate) fn run(mut self) -> Result<()> {
        let stopped = self.input.clone();
        self.stopper.on_stop(move || stopped.close());
        self.counters.begun(&[]);
        let outcome = self.present_all();
        // Whoever waits is told, however this ended.
        self.input.close();
        match outcome {
            Err(_) if self.stopper.is_stopped() => Ok(()),
            other => other,
        }
    }

    fn present_all(&mut self) -> Result<()> {
        while let Some(frame) = self.input.pop() {
            let frame = match self.window.cut(frame, &self.pool)? {
                Cut::Keep(frame) => self.window.shifted(frame),
                Cut::Before => continue,
                Cut::After => break,
            };
            self.chain.push(frame).map_err(convert)?;
            if !self.present_ready()? {
                break;
            }
        }
        if self.stopper.is_stopped() {
            return Ok(());
        }
        self.chain.flush().map_err(convert)?;
        self.present_ready()?;
        self.sink.finish()?;
        self.count();
        Ok(())
    }

    /// False where no more frames may pass.
    fn present_ready(&mut self) -> Result<bool> {
        while let Some(frame) = self.chain.poll().map_err(convert)? {
            match &mut self.frames_left {
                Some(0) => return Ok(false),
                Some(left) => *left -= 1,
                None => {}
            }
            self.counters.presented(&frame);
            self.sink.write(frame)?;
            self.count();
        }
        Ok(self.frames_left != Some(0))
    }

    fn count(&self) {
        let playback = self.sink.playback();
        self.counters
            .set_playback(Playback { dropped: playback.dropped + self.input.replaced(), ..playback });
    }
}

fn convert(source: brooklet_media::Error) -> Error {
    Error::Convert { source }
}
