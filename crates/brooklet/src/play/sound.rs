//! The thread that decodes sound and writes it to the speaker, and says which sample is which moment of the media.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_convert::AudioTarget;
use brooklet_device::Speaker;
use brooklet_media::{
    AudioFrame, ChannelLayout, Decoder, Frame, FramePool, SampleFormat, StreamParams, TimeBase, Timestamp,
};

use super::follow::Follower;
use super::shared::{Coded, Shared};
use crate::job::AudioSpec;
use crate::queue::Queue;
use crate::stage::SoundChain;
use crate::stage::cut::{Cut, Window};
use crate::{Error, Result};

/// Sound that is off by more than this from where the sound before it ended stands in a place of its own.
const STEP: Duration = Duration::from_millis(1);
/// How much of a live source may wait to be heard, in packets' time, before some of it is left out, and how much then
/// still waits: what came in a burst at the start, or piled up after a stumble, would be delay for ever.
const MOST_BEHIND: Duration = Duration::from_millis(800);
const LEAST_BEHIND: Duration = Duration::from_millis(150);

/// The decoder, the conversions and the speaker.
pub(super) struct SoundThread {
    input: Queue<Coded>,
    decoder: Box<dyn Decoder>,
    how: AudioSpec,
    target: AudioTarget,
    chain: SoundChain,
    speaker: Speaker,
    rate: u32,
    volume: f32,
    /// The speaker holds.
    held: bool,
    /// Samples that were written.
    written: u64,
    /// Where the last of them ended.
    end: Option<Timestamp>,
    window: Window,
    round: u64,
    over: bool,
    /// Of a live source: leads it along with the speaker's clock.
    follower: Option<Follower>,
    epoch: Instant,
    /// The clock of the packets.
    clock: TimeBase,
    /// Sound is left out, until little enough waits.
    skipping: bool,
    failures: u64,
    shared: Arc<Shared>,
    pool: FramePool,
}

impl SoundThread {
    #[expect(clippy::too_many_arguments, reason = "one caller, which names them all")]
    pub(super) fn new(
        input: Queue<Coded>,
        decoder: Box<dyn Decoder>,
        params: &StreamParams,
        filters: Option<String>,
        speaker: Speaker,
        window: Window,
        shared: Arc<Shared>,
        live: bool,
        pool: FramePool,
    ) -> Result<Self> {
        let (rate, layout) =
            params.as_audio().map_or((48_000, ChannelLayout::Stereo), |sound| (sound.rate, sound.layout));
        let target = AudioTarget { format: Some(SampleFormat::F32), rate: Some(rate), layout: Some(layout) };
        let how = AudioSpec { filters, ..AudioSpec::default() };
        let chain = SoundChain::new(&how, target, &pool).map_err(convert)?;
        let chain = chain.without_gaps((!live).then_some(Timestamp::ZERO));
        let follower = Follower::new(SampleFormat::F32, rate, layout, pool.clone()).map_err(convert)?;
        Ok(Self {
            input,
            decoder,
            how,
            target,
            chain,
            speaker,
            rate,
            volume: 1.0,
            held: false,
            written: 0,
            end: None,
            window,
            round: 0,
            over: false,
            follower: live.then_some(follower),
            epoch: Instant::now(),
            clock: params.time_base,
            skipping: false,
            failures: 0,
            shared,
            pool,
        })
    }

    /// Runs until the player ends. A speaker that goes away leaves the pictures alone.
    pub(super) fn run(mut self) {
        while let Some(coded) = self.input.pop() {
            match self.handle(coded) {
                Ok(()) => {}
                Err(Error::Stopped) => break,
                Err(error) => {
                    self.shared.journal.warn(format!("{error}; it is played on without sound"));
                    self.shared.fall_silent(self.round);
                    break;
                }
            }
        }
        // What waits is not wanted, and nobody is to wait for room here.
        self.speaker.stop();
        while let Some(coded) = self.input.pop() {
            if let Coded::Round { round, .. } = coded {
                self.shared.fall_silent(round);
            }
        }
    }

    fn handle(&mut self, coded: Coded) -> Result<()> {
        let decoded = match coded {
            Coded::Round { round, from } => {
                self.decoder.reset();
                self.speaker.flush()?;
                (self.round, self.over, self.window.from) = (round, false, from);
                return self.begin_anew(from);
            }
            _ if self.over => return Ok(()),
            Coded::Packet { packet, came } => {
                if let Some(follower) = &mut self.follower {
                    follower.arrive(self.clock.at(packet.pts), since(self.epoch, came));
                }
                self.decoder.decode(&packet)
            }
            Coded::Params(params) => {
                self.clock = params.time_base;
                self.decoder.change_params(&params)
            }
            Coded::End => {
                let _ = self.decoder.flush();
                self.hand_out()?;
                return self.finish();
            }
        };
        if let Err(error) = decoded {
            self.failures += 1;
            self.shared.journal.warn_some(self.failures, || error.to_string());
        }
        self.hand_out()
    }

    /// The next sound follows on nothing.
    fn begin_anew(&mut self, start: Option<Timestamp>) -> Result<()> {
        let chain = SoundChain::new(&self.how, self.target, &self.pool).map_err(convert)?;
        self.chain = chain.without_gaps(start);
        self.end = None;
        if let Some(follower) = &mut self.follower {
            follower.begin_anew();
        }
        Ok(())
    }

    fn hand_out(&mut self) -> Result<()> {
        while let Some(frame) = self.decoder.poll_frame() {
            match self.window.cut(frame, &self.pool)? {
                Cut::Keep(Frame::Audio(sound)) if self.is_in_time(&sound)? => {
                    self.chain.push(&sound).map_err(convert)?
                }
                Cut::Keep(_) | Cut::Before => {}
                Cut::After => return self.finish(),
            }
            self.write_ready()?;
        }
        Ok(())
    }

    /// Whether sound of a live source is to be heard, or left out because too much waits behind it.
    fn is_in_time(&mut self, sound: &AudioFrame) -> Result<bool> {
        if self.follower.is_none() {
            return Ok(true);
        }
        let length = TimeBase::hz(sound.rate()).at(sound.samples() as i64).since(Timestamp::ZERO);
        let waiting = length * u32::try_from(self.input.len()).unwrap_or(u32::MAX);
        let skips = waiting > if self.skipping { LEAST_BEHIND } else { MOST_BEHIND };
        if !skips && self.skipping {
            self.begin_anew(None)?;
        }
        self.skipping = skips;
        Ok(!skips)
    }

    fn write_ready(&mut self) -> Result<()> {
        while let Some(sound) = self.chain.poll().map_err(convert)? {
            match &mut self.follower {
                None => self.write(&sound)?,
                Some(follower) => {
                    if let Some(heard) = self.shared.heard(self.round) {
                        let underruns = self.speaker.clock().underruns();
                        follower.hear(heard, underruns, since(self.epoch, Instant::now()));
                    }
                    follower.push(&sound).map_err(convert)?;
                    self.write_led()?;
                }
            }
        }
        Ok(())
    }

    /// What the follower has ready.
    fn write_led(&mut self) -> Result<()> {
        while let Some(sound) = self.follower.as_mut().and_then(Follower::poll) {
            self.write(&sound)?;
        }
        Ok(())
    }

    /// Blocks while the speaker has enough, or while the player holds.
    fn write(&mut self, sound: &AudioFrame) -> Result<()> {
        if !self.wait_for_turn()? {
            return Ok(());
        }
        let volume = self.shared.volume();
        if volume != self.volume {
            self.volume = volume;
            self.speaker.set_volume(volume)?;
        }
        let at = sound.time_base.at(sound.pts);
        let follows = self.end.is_some_and(|end| at.since(end) <= STEP && end.since(at) <= STEP);
        if !follows {
            self.shared.place_sound(self.round, self.written, at, self.rate, &self.speaker.clock());
            self.end = Some(at);
        }
        let length = TimeBase::hz(self.rate).at(sound.samples() as i64).since(Timestamp::ZERO);
        self.end = self.end.map(|end| end + length);
        self.written += sound.samples() as u64;
        self.speaker.write(sound).map_err(Error::from)
    }

    /// Holds the speaker while the player holds; false where this round is over.
    fn wait_for_turn(&mut self) -> Result<bool> {
        if !self.held && self.shared.is_paused() {
            self.speaker.pause(true)?;
            self.held = true;
        }
        let goes_on = self.shared.wait_for_turn(self.round);
        if goes_on && std::mem::take(&mut self.held) {
            self.speaker.pause(false)?;
        }
        Ok(goes_on)
    }

    /// Returns when the last sound of this round has been heard.
    fn finish(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.over, true) {
            return Ok(());
        }
        self.chain.flush().map_err(convert)?;
        self.write_ready()?;
        if let Some(follower) = &mut self.follower {
            follower.finish().map_err(convert)?;
            self.write_led()?;
        }
        if self.wait_for_turn()? {
            self.speaker.drain()?;
            self.shared.fall_silent(self.round);
        }
        Ok(())
    }
}

fn since(epoch: Instant, at: Instant) -> Timestamp {
    Timestamp::ZERO + at.saturating_duration_since(epoch)
}

fn convert(source: brooklet_media::Error) -> Error {
    Error::Convert { source }
}
