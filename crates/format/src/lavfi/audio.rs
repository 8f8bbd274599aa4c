//! Tone and silence.

use std::f64::consts::TAU;

use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Error, Packet, PcmFormat, Result, SampleFormat, StreamParams,
    TimeBase,
};
use bytes::Bytes;

use super::Generator;
use super::graph::{Filter, Options};
use crate::values::parse_duration;

/// Frames in a packet where nothing else is said.
const PACKET: u32 = 1_024;
/// A tone's peak: an eighth of full scale, as ffmpeg's.
const PEAK: f64 = 4_095.0;
/// Bits of the phase that choose an entry of the table.
const TABLE_BITS: u32 = 15;
/// A beep lasts this part of a second.
const BEEP_PART: u32 = 25;

/// `sine`: frequency, beep_factor, sample_rate, duration, samples_per_frame.
///
/// # Errors
///
/// [`Error::Usage`] for a wrong option.
pub(super) fn open_sine(filter: Filter<'_>) -> Result<Box<dyn Generator>> {
    let options = Options::parse(
        filter,
        &[
            &["frequency", "f"],
            &["beep_factor", "b"],
            &["sample_rate", "r"],
            &["duration", "d"],
            &["samples_per_frame"],
        ],
    )?;
    let frequency = options.value("frequency", number)?.unwrap_or(440.0);
    let beep_factor = options.value("beep_factor", number)?.unwrap_or(0.0);
    let pacing = Pacing::new(&options, "samples_per_frame", ChannelLayout::Mono)?;
    let step = |frequency: f64| (frequency / f64::from(pacing.rate) * 2f64.powi(32)).round() as i64 as u32;
    let entries = 1u32 << TABLE_BITS;
    let table = (0..entries).map(|n| (PEAK * (TAU * f64::from(n) / f64::from(entries)).sin()).round() as i16);
    let sine = Sine {
        step: step(frequency),
        beep_step: (beep_factor > 0.0).then(|| step(frequency * beep_factor)),
        table: table.collect(),
        pacing,
    };
    Ok(Box::new(sine))
}

/// `anullsrc`: channel_layout, sample_rate, nb_samples, duration.
///
/// # Errors
///
/// [`Error::Usage`] for a wrong option.
pub(super) fn open_silence(filter: Filter<'_>) -> Result<Box<dyn Generator>> {
    let options = Options::parse(
        filter,
        &[&["channel_layout", "cl"], &["sample_rate", "r"], &["nb_samples", "n"], &["duration", "d"]],
    )?;
    let layout = options.value("channel_layout", str::parse)?.unwrap_or(ChannelLayout::Stereo);
    let pacing = Pacing::new(&options, "nb_samples", layout)?;
    let zeros = Bytes::from(vec![0; pacing.packet as usize * pacing.frame_bytes()]);
    Ok(Box::new(Silence { pacing, zeros }))
}

/// How many frames come when.
#[derive(Debug)]
struct Pacing {
    params: StreamParams,
    rate: u32,
    channels: usize,
    /// Frames in a packet.
    packet: u32,
    /// Frames in all.
    end: Option<i64>,
    next: i64,
}

impl Pacing {
    fn new(options: &Options, packet: &str, layout: ChannelLayout) -> Result<Self> {
        let rate = options.value("sample_rate", whole)?.unwrap_or(44_100);
        let packet = options.value(packet, whole)?.unwrap_or(PACKET);
        if rate == 0 || packet == 0 {
            return Err(Error::Usage(format!("sound at {rate} Hz in packets of {packet}")));
        }
        Error::check_limit("lavfi", "the number of samples in a packet", packet.into(), 65_535)?;
        let clock = TimeBase::hz(rate);
        // ffmpeg takes a duration of 0 or less for none.
        let duration = options.value("duration", parse_duration)?.filter(|micros| *micros > 0);
        let end = duration.map(|micros| TimeBase::MICROS.rescale(micros, clock));
        let audio = AudioParams { format: Some(SampleFormat::S16), ..AudioParams::new(rate, layout) };
        let mut params = StreamParams::audio(CodecId::Pcm(PcmFormat::S16Le), clock, audio);
        (params.start, params.duration) = (Some(0), end);
        Ok(Self { params, rate, channels: layout.channels(), packet, end, next: 0 })
    }

    fn frame_bytes(&self) -> usize {
        2 * self.channels
    }

    fn next_pts(&self) -> Option<i64> {
        (self.end.is_none_or(|end| self.next < end)).then_some(self.next)
    }

    /// Steps over the next packet; returns its first frame and its frames.
    fn advance(&mut self) -> Option<(i64, u32)> {
        let first = self.next_pts()?;
        let left = self.end.map_or(i64::MAX, |end| end - first);
        let count = u32::try_from(left).unwrap_or(u32::MAX).min(self.packet);
        self.next = first.saturating_add(count.into());
        Some((first, count))
    }

    fn seek(&mut self, pts: i64) {
        self.next = pts.max(0) / i64::from(self.packet) * i64::from(self.packet);
    }
}

/// A tone, read from a table by a 32-bit phase that depends on the frame's number alone.
#[derive(Debug)]
struct Sine {
    pacing: Pacing,
    /// Phase from one frame to the next, in 2⁻³² periods.
    step: u32,
    beep_step: Option<u32>,
    table: Vec<i16>,
}

impl Sine {
    fn at(&self, phase: u32) -> i16 {
        self.table.get((phase >> (32 - TABLE_BITS)) as usize).copied().unwrap_or(0)
    }

    fn sample(&self, frame: i64) -> i16 {
        let tone = self.at((frame as u32).wrapping_mul(self.step));
        let Some(beep_step) = self.beep_step else { return tone };
        let (second, within) = (frame / i64::from(self.pacing.rate), frame % i64::from(self.pacing.rate));
        let length = i64::from((self.pacing.rate + BEEP_PART / 2) / BEEP_PART);
        if within >= length {
            return tone;
        }
        // The beep's phase goes on from where the last beep ended.
        let sounded = second.wrapping_mul(length).wrapping_add(within);
        tone.saturating_add(self.at((sounded as u32).wrapping_mul(beep_step)).saturating_mul(2))
    }
}

impl Generator for Sine {
    fn params(&self) -> &StreamParams {
        &self.pacing.params
    }

    fn next_pts(&self) -> Option<i64> {
        self.pacing.next_pts()
    }

    fn next(&mut self) -> Option<Packet> {
        let (first, count) = self.pacing.advance()?;
        let frames = first..first + i64::from(count);
        let data: Vec<u8> = frames.flat_map(|frame| self.sample(frame).to_le_bytes()).collect();
        Some(Packet { duration: count.into(), ..Packet::new(0, first, data.into()) })
    }

    fn seek(&mut self, pts: i64) {
        self.pacing.seek(pts);
    }
}

/// Nothing to be heard; all packets share the same zeros.
#[derive(Debug)]
struct Silence {
    pacing: Pacing,
    zeros: Bytes,
}

impl Generator for Silence {
    fn params(&self) -> &StreamParams {
        &self.pacing.params
    }

    fn next_pts(&self) -> Option<i64> {
        self.pacing.next_pts()
    }

    fn next(&mut self) -> Option<Packet> {
        let (first, count) = self.pacing.advance()?;
        let data = self.zeros.slice(..count as usize * self.pacing.frame_bytes());
        Some(Packet { duration: count.into(), ..Packet::new(0, first, data) })
    }

    fn seek(&mut self, pts: i64) {
        self.pacing.seek(pts);
    }
}

fn number(text: &str) -> Result<f64> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| Error::Usage(format!("'{text}' is no number from 0 up")))
}

fn whole(text: &str) -> Result<u32> {
    text.parse().map_err(|_| Error::Usage(format!("'{text}' is no whole number")))
}
