//! The round trip: what a peer sends, through a processor, back to it.
//!
//! | file | holds |
//! |---|---|
//! | `desk` | what a session's task and threads share: the choice of processor, counters, queues |
//! | `pictures` | two threads: one decodes all, one processes and encodes the newest |
//! | `sound` | a thread for sound that is processed; all other goes back as it came |
//! | `rate` | what the way carries to what the encoder is told |

mod desk;
mod pictures;
mod rate;
mod sound;

use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_media::{CodecId, DemuxEvent, Packet, StreamParams};
use brooklet_webrtc::{Error, Event};

use super::line::{Line, Turn};
pub(super) use desk::Desk;
pub use desk::{Choice, Report};
pub(super) use pictures::placeholder as picture_params;
use rate::Rate;
pub(super) use sound::params as sound_params;

/// The streams that are sent, by number.
const VIDEO: usize = 0;
const SOUND: usize = 1;
/// How old what waits for the network may be before pictures are dropped, and when they flow again.
const CONGESTED: Duration = Duration::from_millis(120);
const CLEAR: Duration = Duration::from_millis(40);
/// How long a session that its processor has ended can still be asked why.
const EPITAPH: Duration = Duration::from_secs(5);

/// Something for a decoder.
pub(super) struct Coded {
    /// Where they are new, from this packet on.
    params: Option<StreamParams>,
    packet: Packet,
}

/// Something to send back.
pub(super) struct Made {
    stream: usize,
    /// Where they are new, from this packet on.
    params: Option<StreamParams>,
    packet: Packet,
}

/// Sends what comes through the session's processor back, until the peer leaves or the processor can't go on.
pub(super) async fn round_trip(line: Line, desk: Arc<Desk>) -> Result<(), Error> {
    // Whatever way this ends, the threads end with it.
    let _closed = desk::Closing(desk.clone());
    let failed = |error: std::io::Error| Error::Protocol(format!("no thread for pictures: {error}"));
    pictures::start(&desk).map_err(failed)?;
    if desk.may_have_sound() {
        sound::start(&desk).map_err(failed)?;
    }
    let rate = Rate::new(Instant::now());
    let mut trip = Trip { line, desk, streams: Vec::new(), params: None, waits_for_key: false, rate };
    trip.run().await?;
    let Trip { line, desk, .. } = trip;
    line.close().await;
    if desk.report().failure.is_some() {
        tokio::time::sleep(EPITAPH).await;
    }
    Ok(())
}

struct Trip {
    line: Line,
    desk: Arc<Desk>,
    /// Whether each stream that arrives is video, by its number.
    streams: Vec<bool>,
    /// Of the pictures, until the decoder is told.
    params: Option<StreamParams>,
    /// The decoder was too slow: nothing goes to it before the next key frame.
    waits_for_key: bool,
    rate: Rate,
}

impl Trip {
    async fn run(&mut self) -> Result<(), Error> {
        let made = self.desk.made.clone();
        loop {
            match self.line.turn(made.receive()).await? {
                Turn::Other(Some(made)) => self.send(made)?,
                Turn::Event(Event::Media(event)) => self.take(event)?,
                Turn::Event(Event::KeyFrameWanted(_)) => self.desk.want_key_frame(),
                Turn::Event(Event::Estimate(bits)) => self.rate.note(bits),
                Turn::Event(Event::Closed) | Turn::Stopped | Turn::Other(None) => return Ok(()),
                Turn::Event(_) => {}
            }
            if let Some(aim) = self.rate.due(Instant::now()) {
                self.desk.aim(aim);
            }
            let backlog = self.line.session.backlog(VIDEO);
            if backlog > CONGESTED || backlog < CLEAR {
                self.desk.hold(backlog > CONGESTED);
            }
            if self.desk.takes_key_frame_wish() {
                self.line.session.request_key_frame(Instant::now());
            }
        }
    }

    fn take(&mut self, event: DemuxEvent) -> Result<(), Error> {
        match event {
            DemuxEvent::StreamAdded(params) => {
                let is_video = params.codec == CodecId::H264;
                self.streams.push(is_video);
                if is_video {
                    self.params = Some(params);
                }
            }
            DemuxEvent::Params { stream, params } if self.streams.get(stream) == Some(&true) => {
                self.params = Some(params);
            }
            DemuxEvent::Packet(packet) => match self.streams.get(packet.stream) {
                Some(true) => self.take_picture(packet),
                Some(false) => self.take_sound(packet)?,
                None => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn take_picture(&mut self, packet: Packet) {
        self.desk.count_received();
        if self.waits_for_key && !packet.key {
            return self.desk.count_dropped();
        }
        let taken = self.desk.coded.try_push(Coded { params: self.params.clone(), packet });
        if taken {
            self.params = None;
        } else {
            self.desk.count_dropped();
            self.line.session.request_key_frame(Instant::now());
        }
        self.waits_for_key = !taken;
    }

    fn take_sound(&mut self, mut packet: Packet) -> Result<(), Error> {
        if self.desk.has_sound() {
            // It never blocks: the oldest goes.
            let _ = self.desk.heard.push(packet);
        } else {
            packet.stream = SOUND;
            self.line.session.write(Instant::now(), &packet)?;
        }
        Ok(())
    }

    fn send(&mut self, made: Made) -> Result<(), Error> {
        if let Some(params) = &made.params {
            self.line.session.change_params(made.stream, params)?;
        }
        if self.line.session.write(Instant::now(), &made.packet)? && made.stream == VIDEO {
            self.desk.count_sent();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
