//! The source: arrivals in, packets of samples out, on time.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_convert::Steering;
use brooklet_media::{CodecId, DemuxEvent, Packet, StreamParams, TimeBase, Timestamp};
use brooklet_rtp::{Decision, Depacketizer, Playout, PlayoutOptions, RawSound};

use super::render::Renderer;
use super::{Buffering, LEAST_BUFFER};
use crate::job::Journal;
use crate::protocol::{PacketSource, SourceOptions};
use crate::queue::{Popped, Queue};
use crate::rtp::{Arrival, Door};
use crate::{Error, Result, Url};

/// How often the buffer is looked at while it fills.
const LOOK: Duration = Duration::from_millis(5);
/// Whoever takes the samples may be so late before the schedule moves along.
const SLIP: Duration = Duration::from_millis(200);
/// How often its state is told.
const TELL: Duration = Duration::from_millis(500);

/// Where datagrams come from, and how they become units.
pub(super) enum Feed {
    /// Bare samples.
    Raw {
        params: StreamParams,
        sound: Box<RawSound>,
        arrivals: Queue<io::Result<Arrival>>,
        timeout: Option<Duration>,
    },
    /// RTP.
    Rtp(Box<Door>),
}

impl Feed {
    pub(super) fn raw(
        params: StreamParams,
        arrivals: Queue<io::Result<Arrival>>,
        timeout: Option<Duration>,
    ) -> Self {
        let (frame, rate) = match (params.codec, params.as_audio()) {
            (CodecId::Pcm(pcm), Some(audio)) => (pcm.bytes() * audio.layout.channels(), audio.rate),
            _ => (1, 8_000),
        };
        Self::Raw { sound: Box::new(RawSound::new(frame, rate)), params, arrivals, timeout }
    }

    fn arrivals(&self) -> Queue<io::Result<Arrival>> {
        match self {
            Self::Raw { arrivals, .. } => arrivals.clone(),
            Self::Rtp(door) => door.queue.clone(),
        }
    }

    const fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Raw { timeout, .. } => *timeout,
            Self::Rtp(door) => door.timeout,
        }
    }

    /// What the sound is, as soon as that is known.
    fn params(&self) -> Result<Option<StreamParams>, brooklet_rtp::Error> {
        match self {
            Self::Raw { params, .. } => Ok(Some(params.clone())),
            Self::Rtp(door) => door.receiver.format().map(|format| format.stream_params()).transpose(),
        }
    }
}

/// Sound that is being played.
pub(super) struct Playing {
    url: String,
    journal: Arc<Journal>,
    feed: Feed,
    arrivals: Queue<io::Result<Arrival>>,
    how: Buffering,
    epoch: Instant,
    stage: Option<Stage>,
    /// Datagrams that came before the stage was set.
    events: VecDeque<DemuxEvent>,
    ended: bool,
    told: Instant,
}

/// What is there once the sound is known.
struct Stage {
    playout: Playout,
    depacketizer: Option<Depacketizer>,
    renderer: Renderer,
    steering: Steering,
    /// When the first sample was due, and how many have been given.
    begin: Option<Instant>,
    given: u64,
    clock: TimeBase,
}

impl Playing {
    pub(super) fn new(url: &Url, feed: Feed, options: &SourceOptions) -> Self {
        let how = options
            .buffer
            .unwrap_or(Buffering { delay: Duration::from_secs(1), catch_up: Default::default() });
        let now = Instant::now();
        Self {
            url: url.text.clone(),
            journal: options.journal.clone(),
            arrivals: feed.arrivals(),
            feed,
            how: Buffering { delay: how.delay.max(LEAST_BUFFER), ..how },
            epoch: now,
            stage: None,
            events: VecDeque::new(),
            ended: false,
            told: now,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.epoch.elapsed()
    }

    /// Takes all that comes until `until`.
    fn listen(&mut self, until: Instant) -> Result<()> {
        loop {
            match self.arrivals.pop_until(Some(until)) {
                Popped::Item(Ok(arrival)) => self.take(&arrival)?,
                Popped::Item(Err(source)) => return Err(Error::io(&self.url, "cannot receive", source)),
                Popped::Late => return Ok(()),
                Popped::End => return Err(Error::Stopped),
            }
            if Instant::now() >= until && self.stage.is_none() {
                return Ok(());
            }
        }
    }

    fn take(&mut self, arrival: &Arrival) -> Result<()> {
        let now = Timestamp::ZERO + arrival.at.saturating_duration_since(self.epoch);
        match &mut self.feed {
            Feed::Raw { sound, .. } => {
                let unit = sound.push(arrival.bytes.clone(), now);
                self.set_stage()?;
                if let (Some(stage), Some(unit)) = (&mut self.stage, unit) {
                    stage.playout.push(unit, now);
                }
            }
            Feed::Rtp(door) if arrival.control => {
                // What is no RTCP is passed over: ports get all kinds of things.
                let _ = door.receiver.control(&arrival.bytes, now);
                if let (Some(stage), true) = (&mut self.stage, door.receiver.has_ended()) {
                    stage.playout.finish();
                }
            }
            Feed::Rtp(door) => {
                let received = door.receiver.packet(&arrival.bytes, now).ok().flatten();
                door.report(now);
                self.set_stage()?;
                let (Some(stage), Some(received)) = (&mut self.stage, received) else { return Ok(()) };
                let Some(depacketizer) = &mut stage.depacketizer else { return Ok(()) };
                let packet = received.packet;
                depacketizer.push(&packet.payload, received.timestamp, packet.marker, false);
                while let Some(unit) = depacketizer.poll() {
                    stage.playout.push(unit, now);
                }
            }
        }
        Ok(())
    }

    /// Makes ready to play, as soon as it is known what.
    fn set_stage(&mut self) -> Result<()> {
        let failed = |source| Error::Rtp { url: self.url.clone(), source };
        let (None, Some(params)) = (&self.stage, self.feed.params().map_err(failed)?) else { return Ok(()) };
        if params.as_audio().is_none() {
            return Err(Error::Usage(format!(
                "{}: -buffer plays sound, and this is {}",
                self.url, params.codec
            )));
        }
        let depacketizer = match &self.feed {
            Feed::Raw { .. } => None,
            Feed::Rtp(door) => door.receiver.format().map(Depacketizer::new),
        };
        let options = PlayoutOptions {
            catch_up: self.how.catch_up,
            timeout: self.feed.timeout(),
            ..PlayoutOptions::new(params.time_base, self.how.delay)
        };
        let renderer = Renderer::new(&params).map_err(|source| Error::media(&self.url, source))?;
        self.events.push_back(DemuxEvent::StreamAdded(renderer.params().clone()));
        self.events.push_back(DemuxEvent::HeaderRead);
        self.stage = Some(Stage {
            playout: Playout::new(options),
            depacketizer,
            renderer,
            steering: Steering::new(self.how.delay).with_limit(5e-3),
            begin: None,
            given: 0,
            clock: params.time_base,
        });
        Ok(())
    }

    /// Waits for the next unit's time, and renders it. False when all is played.
    fn play(&mut self) -> Result<bool> {
        let due = self.stage.as_ref().and_then(Stage::due).unwrap_or_else(|| Instant::now() + LOOK);
        self.listen(due)?;
        self.tell();
        let now = self.now();
        let Some(stage) = &mut self.stage else {
            return match self.feed.timeout() {
                Some(after) if self.epoch.elapsed() >= after => {
                    Err(Error::Timeout { url: self.url.clone(), what: "nothing came", after })
                }
                _ => Ok(true),
            };
        };
        let played = stage.play(now).map_err(|source| Error::media(&self.url, source))?;
        while let Some(packet) = stage.next_packet() {
            self.events.push_back(DemuxEvent::Packet(packet));
        }
        Ok(played)
    }

    /// Tells how it goes, for the status line.
    fn tell(&mut self) {
        let Some(stage) = &self.stage else { return };
        if self.told.elapsed() < TELL {
            return;
        }
        self.told = Instant::now();
        let measures = stage.playout.measures();
        let millis = |ticks: i64| stage.clock.seconds(ticks) * 1e3;
        self.journal.set_status(format!(
            "buffer={:.0}ms/{:.0}ms conceal={:.0}ms late={} drop={}",
            stage.playout.level().as_secs_f64() * 1e3,
            stage.playout.target().as_secs_f64() * 1e3,
            millis(measures.concealed),
            measures.late,
            measures.dropped,
        ));
    }
}

impl Stage {
    /// When the next unit is due; `None` before the first.
    fn due(&self) -> Option<Instant> {
        let rate = self.renderer.rate();
        Some(
            self.begin?
                + Duration::from_nanos((u128::from(self.given) * 1_000_000_000 / u128::from(rate)) as u64),
        )
    }

    /// Asks for so much that a unit of samples is there.
    fn play(&mut self, now: Timestamp) -> brooklet_media::Result<bool> {
        if let Some(late) = self.due().map(|due| due.elapsed()).filter(|late| *late > SLIP) {
            // Whoever takes the samples has stood still: the schedule goes on from here.
            self.begin = self.begin.map(|begin| begin + late);
        }
        while self.renderer.ready() < self.renderer.unit() {
            if let Some(delay) = self.playout.delay(now) {
                self.steering.set_target(self.playout.target());
                let elapsed = Duration::from_secs_f64(self.clock.seconds(self.playout.unit()));
                let speed = self.steering.update(delay, self.playout.ratio(), elapsed);
                self.renderer.set_speed(speed);
            }
            match self.playout.next(now) {
                Decision::Wait => return Ok(true),
                Decision::End => {
                    self.renderer.finish()?;
                    return Ok(false);
                }
                Decision::Play { unit, skipped } => self.renderer.play(&unit, skipped)?,
                Decision::Hasten(first, second) => self.renderer.hasten(&first, &second)?,
                Decision::Conceal(ticks) => self.renderer.conceal(ticks, self.playout.upcoming())?,
                Decision::Expand(ticks) => self.renderer.conceal(ticks, None)?,
            }
            self.begin.get_or_insert_with(Instant::now);
        }
        Ok(true)
    }

    fn next_packet(&mut self) -> Option<Packet> {
        let (data, samples) = self.renderer.take()?;
        let packet = Packet { duration: samples as i64, ..Packet::new(0, self.given as i64, data) };
        self.given += samples as u64;
        Some(packet)
    }

    /// What happened, in a line.
    fn account(&self) -> String {
        let measures = self.playout.measures();
        let millis = |ticks: i64| self.clock.seconds(ticks) * 1e3;
        format!(
            "{} packets played, {:.0} ms concealed, {:.0} ms inserted, {} late, {} dropped, {} under-runs, \
             {:.0} ms of delay on average",
            measures.played,
            millis(measures.concealed),
            millis(measures.expanded),
            measures.late,
            measures.dropped,
            measures.underruns,
            measures.mean_delay() * 1e3,
        )
    }
}

impl PacketSource for Playing {
    fn is_live(&self) -> bool {
        true
    }

    fn next(&mut self) -> Result<Option<DemuxEvent>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            self.ended = !self.play()?;
        }
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let now = self.now();
        if let Some(stage) = &self.stage {
            self.journal.note(format!("{}: {}", self.url, stage.account()));
        }
        if let Feed::Rtp(door) = &mut self.feed {
            door.leave(now);
        }
        self.arrivals.close();
    }
}
