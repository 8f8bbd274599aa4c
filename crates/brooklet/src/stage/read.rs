//! The thread that reads one input and hands its packets to decoders and outputs.

use std::sync::Arc;

use brooklet_media::{MediaKind, Packet, StreamParams};

use super::cut::Window;
use super::decode::Coded;
use super::pace::Pace;
use crate::input::{Input, InputEvent};
use crate::job::Journal;
use crate::output::Exit;
use crate::queue::Queue;
use crate::radio::NowPlaying;
use crate::{Error, Result, Stopper};

/// One input and where its streams go.
pub(crate) struct ReadStage {
    pub(crate) input: Input,
    /// By number of the stream.
    pub(crate) routes: Vec<Vec<Route>>,
    /// `-re`.
    pub(crate) realtime: bool,
    /// `-t`, `-to`: on the job's clock.
    pub(crate) window: Window,
    pub(crate) stopper: Stopper,
    pub(crate) journal: Arc<Journal>,
    /// Told what the input says that it plays.
    pub(crate) playing: NowPlaying,
}

/// Where the packets of a stream go.
pub(crate) enum Route {
    /// To a decoder.
    Decode(Queue<Coded>),
    /// To an output as they are.
    Copy(Box<CopyRoute>),
}

/// `-c copy`.
pub(crate) struct CopyRoute {
    exit: Exit,
    params: StreamParams,
    window: Window,
    /// Pictures before the first key frame of what is wanted can't be decoded, and are left out.
    started: bool,
    /// dts of the last packet: an output takes none that goes back.
    last_dts: i64,
}

impl ReadStage {
    /// Runs until the input ends, nobody wants more, or it is stopped. What went wrong is told to `fail` before anybody downstream
    /// meets the end: that they got nothing is only what comes of it.
    pub(crate) fn run(mut self, fail: impl FnOnce(Error)) {
        match self.read_all() {
            Ok(()) | Err(Error::Stopped) => {}
            Err(error) => fail(error),
        }
        self.routes.iter().flatten().for_each(Route::end);
    }

    fn read_all(&mut self) -> Result<()> {
        let mut pace = Pace::default();
        let mut packets = 0u64;
        let mut past = vec![false; self.routes.len()];
        while !self.stopper.is_stopped() {
            let event = match self.input.next() {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(()),
                Err(Error::Stopped) => return Ok(()),
                // What was read before the damage, or before the sender fell silent, is worth finishing.
                Err(error) if packets > 0 => {
                    self.journal.warn(format!("{error}; what came before it is kept"));
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            if let Some(title) = self.input.take_title() {
                self.playing.set(&title);
            }
            match event {
                InputEvent::Packet(packet) => {
                    packets += 1;
                    let Some(time_base) =
                        self.input.streams().get(packet.stream).map(|stream| stream.time_base)
                    else {
                        continue;
                    };
                    let at = time_base.at(packet.dts);
                    if self.realtime && !pace.wait(at, &self.stopper) {
                        return Ok(());
                    }
                    if self.window.is_past(at) {
                        if let Some(past) = past.get_mut(packet.stream) {
                            *past = true;
                        }
                        if self.all_past(&past) {
                            return Ok(());
                        }
                        continue;
                    }
                    self.hand_out(&packet);
                    if self.routes.iter().all(Vec::is_empty) {
                        return Ok(());
                    }
                }
                InputEvent::Params(stream, params) => {
                    self.routes.get_mut(stream).into_iter().flatten().for_each(|route| route.change(&params));
                }
            }
        }
        Ok(())
    }

    fn hand_out(&mut self, packet: &Packet) {
        if let Some(routes) = self.routes.get_mut(packet.stream) {
            routes.retain_mut(|route| route.push(packet));
        }
    }

    /// Whether every stream that someone wants has come to its end.
    fn all_past(&self, past: &[bool]) -> bool {
        self.routes.iter().zip(past).all(|(routes, past)| *past || routes.is_empty())
    }
}

impl Route {
    fn push(&mut self, packet: &Packet) -> bool {
        match self {
            Self::Decode(queue) => queue.push(Coded::Packet(packet.clone())).is_ok(),
            Self::Copy(route) => route.push(packet),
        }
    }

    fn change(&mut self, params: &StreamParams) {
        match self {
            // A decoder that is gone wants to know nothing.
            Self::Decode(queue) => drop(queue.push(Coded::Params(params.clone()))),
            Self::Copy(route) => {
                route.params = params.clone();
                route.exit.change(params);
            }
        }
    }

    fn end(&self) {
        match self {
            Self::Decode(queue) => queue.end(),
            Self::Copy(route) => route.exit.end(),
        }
    }
}

impl CopyRoute {
    /// The way of a stream with these parameters into an output.
    pub(crate) fn new(mut exit: Exit, params: &StreamParams, window: Window) -> Self {
        exit.announce(params);
        let started = params.media() != MediaKind::Video;
        Self { exit, params: params.clone(), window, started, last_dts: i64::MIN }
    }

    fn push(&mut self, packet: &Packet) -> bool {
        let time_base = self.params.time_base;
        let at = time_base.at(packet.dts);
        if self.window.is_past(at) {
            self.exit.end();
            return false;
        }
        let is_early = self.window.from.is_some_and(|from| time_base.at(packet.pts) < from);
        self.started |= packet.key && !is_early;
        if !self.started || is_early {
            return true;
        }
        let mut packet = packet.clone();
        if let Some(from) = self.window.from {
            packet.pts -= time_base.ticks(from);
            packet.dts -= time_base.ticks(from);
        }
        packet.dts = packet.dts.max(self.last_dts);
        packet.pts = packet.pts.max(packet.dts);
        self.last_dts = packet.dts;
        self.exit.push(packet)
    }
}
