//! The thread that reads the input, and goes to other places of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_media::Timestamp;

use super::shared::{Coded, Shared};
use crate::Error;
use crate::input::{Input, InputEvent};
use crate::queue::Queue;

/// What is read past the end that was asked for: a picture is shown after those that are decoded later.
const PAST: Duration = Duration::from_secs(1);

/// The input, and where its streams go.
pub(super) struct ReadThread {
    pub(super) input: Input,
    /// By number of the stream.
    pub(super) routes: Vec<Option<Queue<Coded>>>,
    pub(super) shared: Arc<Shared>,
    /// `-t`: nothing from here on is wanted.
    pub(super) end: Option<Timestamp>,
}

impl ReadThread {
    /// Runs until the player ends: after the last packet it waits to be sent back.
    pub(super) fn run(mut self) {
        while !self.shared.is_ended() {
            if let Some((round, target)) = self.shared.take_seek() {
                self.begin(round, target);
            }
            match self.input.next() {
                Ok(Some(InputEvent::Packet(packet))) => {
                    let at =
                        self.input.streams().get(packet.stream).map(|stream| stream.time_base.at(packet.dts));
                    if at.zip(self.end).is_some_and(|(at, end)| at >= end + PAST) {
                        if !self.rest() {
                            return;
                        }
                    } else if let Some(Some(route)) = self.routes.get(packet.stream) {
                        // A queue that is closed says that the player ends.
                        let _ = route.push(Coded::Packet { packet, came: Instant::now() });
                    }
                }
                Ok(Some(InputEvent::Params(stream, params))) => {
                    if let Some(Some(route)) = self.routes.get(stream) {
                        let _ = route.push(Coded::Params(params));
                    }
                }
                Ok(None) => {
                    if !self.rest() {
                        return;
                    }
                }
                Err(Error::Stopped) => return,
                Err(error) => {
                    self.shared.journal.warn(format!("{error}; what came before it is played"));
                    if !self.rest() {
                        return;
                    }
                }
            }
        }
    }

    /// There is no more: waits to be sent elsewhere. False at the end.
    fn rest(&mut self) -> bool {
        self.tell(|| Coded::End);
        let Some((round, target)) = self.shared.wait_for_seek() else { return false };
        self.begin(round, target);
        true
    }

    fn begin(&mut self, round: u64, target: Timestamp) {
        if !self.input.seek_to(target) {
            self.shared.journal.warn("can't go to another place in this input".to_string());
        }
        self.tell(|| Coded::Round { round, from: Some(target) });
    }

    fn tell(&self, what: impl Fn() -> Coded) {
        for route in self.routes.iter().flatten() {
            let _ = route.push(what());
        }
    }
}
