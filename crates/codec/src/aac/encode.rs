//! Planar float sound to access units.

use std::collections::VecDeque;

use brooklet_media::bitstream::aac::FRAME_SAMPLES;
use brooklet_media::{
    AudioFrame, AudioParams, ChannelLayout, CodecId, Encoder, Error, Frame, Packet, Result, SampleFormat,
    StreamParams, TimeBase, Trim,
};
use bytes::Bytes;
use syom::EncodeOptions;

use super::{NAME, failed};
use crate::AudioEncode;
use crate::sound::SampleClock;

/// The rates that AAC has numbers for and the library takes, in Hz.
pub(crate) const RATES: &[u32] =
    &[96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// The layouts of channelConfiguration 1 to 7.
pub(crate) const LAYOUTS: &[ChannelLayout] = &[
    ChannelLayout::Mono,
    ChannelLayout::Stereo,
    ChannelLayout::Surround,
    ChannelLayout::FourZero,
    ChannelLayout::FiveZero,
    ChannelLayout::FiveOne,
    ChannelLayout::SevenOne,
];

/// The most bits of one channel in one access unit (ISO/IEC 14496-3 §4.5.3).
const MAX_UNIT_BITS: u64 = 6_144;

/// Samples that the decoder gives before the first one that went in.
const PRIMING: u32 = 1_024;

/// `fltp` frames of any length to AAC-LC access units of 1024 samples.
///
/// The first packet stands one access unit before the first sample, and its trim says that nothing of it is
/// to be heard; the last one's trim says how much of it is padding. Samples past ±1 are clipped, those that
/// are no number become silence.
pub(crate) struct AacEncoder {
    inner: syom::Encoder,
    shape: (u32, ChannelLayout),
    params: StreamParams,
    clock: SampleClock,
    runs: VecDeque<Run>,
    /// Samples that went in, and where the next packet's first sample stands among them.
    taken: i64,
    next: i64,
    /// One plane for each channel, clipped.
    planes: Vec<Vec<f32>>,
    ready: VecDeque<Packet>,
    flushed: bool,
}

/// From the sample `from` of all that went in, pts are counted from `pts`.
#[derive(Clone, Copy)]
struct Run {
    from: i64,
    pts: i64,
}

impl AacEncoder {
    pub(crate) fn new(config: &AudioEncode) -> Result<Self> {
        let AudioEncode { rate, layout, .. } = *config;
        if !RATES.contains(&rate) {
            return Err(Error::unsupported(format!("AAC at {rate} Hz"), list(RATES)));
        }
        if !LAYOUTS.contains(&layout) {
            return Err(Error::unsupported(format!("AAC with channels {layout}"), list(LAYOUTS)));
        }
        let most = MAX_UNIT_BITS * layout.channels() as u64 * u64::from(rate) / u64::from(FRAME_SAMPLES);
        let bit_rate = config.bit_rate.unwrap_or(default_bit_rate(layout)).clamp(1, most);
        let options = EncodeOptions::raw().with_bitrate_bps(bit_rate as u32);
        let inner = syom::Encoder::new(rate, layout.channels(), &options).map_err(failed)?;
        let audio = AudioParams {
            format: Some(SampleFormat::F32p),
            frame_samples: Some(FRAME_SAMPLES),
            ..AudioParams::new(rate, layout)
        };
        let mut params = StreamParams::audio(CodecId::Aac, TimeBase::hz(rate), audio);
        params.extradata = Bytes::copy_from_slice(inner.asc());
        params.bit_rate = Some(bit_rate);
        Ok(Self {
            inner,
            shape: (rate, layout),
            params,
            clock: SampleClock::new(rate),
            runs: VecDeque::new(),
            taken: 0,
            next: -i64::from(PRIMING),
            planes: vec![Vec::new(); layout.channels()],
            ready: VecDeque::new(),
            flushed: false,
        })
    }

    /// Notes when the samples of `frame` are to be heard, where that does not follow from those before.
    fn note_time(&mut self, frame: &AudioFrame) {
        let pts = self.clock.advance(frame);
        let from = self.taken;
        if self.runs.back().is_none_or(|run| run.pts + (from - run.from) != pts) {
            self.runs.push_back(Run { from, pts });
        }
        self.taken += frame.samples() as i64;
    }

    /// Makes packets of what the library gave.
    fn stamp(&mut self, units: Vec<Bytes>) {
        for unit in units {
            let at = self.next;
            self.next += i64::from(FRAME_SAMPLES);
            while self.runs.get(1).is_some_and(|later| later.from <= at) {
                self.runs.pop_front();
            }
            let run = self.runs.front().copied().unwrap_or(Run { from: 0, pts: 0 });
            let mut packet = Packet::new(0, run.pts.saturating_add(at - run.from), unit);
            packet.duration = i64::from(FRAME_SAMPLES);
            packet.trim.start = if at < 0 { PRIMING } else { 0 };
            self.ready.push_back(packet);
        }
    }
}

impl Encoder for AacEncoder {
    fn encode(&mut self, frame: &Frame) -> Result<()> {
        let frame = match frame {
            Frame::Audio(frame)
                if frame.format() == SampleFormat::F32p && (frame.rate(), frame.layout()) == self.shape =>
            {
                frame
            }
            other => {
                return Err(Error::Usage(format!("{NAME} was opened for another shape than {other:?}")));
            }
        };
        if self.flushed {
            return Err(Error::Usage(format!("{NAME}: a frame after the end")));
        }
        self.note_time(frame);
        for (channel, plane) in self.planes.iter_mut().enumerate() {
            plane.clear();
            plane.extend(frame.typed::<f32>(channel).iter().copied().map(clipped));
        }
        let mut planes = [&[][..]; syom::MAX_PLANES];
        for (slot, plane) in planes.iter_mut().zip(&self.planes) {
            *slot = plane;
        }
        let mut units = Vec::new();
        let planes = planes.get(..self.planes.len()).unwrap_or(&planes);
        self.inner
            .feed(planes, |unit| {
                units.push(Bytes::copy_from_slice(unit.payload));
                Ok(())
            })
            .map_err(failed)?;
        self.stamp(units);
        Ok(())
    }

    fn poll_packet(&mut self) -> Option<Packet> {
        self.ready.pop_front()
    }

    fn params(&self) -> &StreamParams {
        &self.params
    }

    fn flush(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.flushed, true) || self.taken == 0 {
            return Ok(());
        }
        let mut units = Vec::new();
        self.inner
            .finish(|unit| {
                units.push(Bytes::copy_from_slice(unit.payload));
                Ok(())
            })
            .map_err(failed)?;
        self.stamp(units);
        let padding = self.next - self.taken;
        if let (Some(last), Ok(end)) = (self.ready.back_mut(), u32::try_from(padding)) {
            last.trim = Trim { end: end.min(FRAME_SAMPLES), ..last.trim };
            last.duration = i64::from(FRAME_SAMPLES - last.trim.end);
        }
        Ok(())
    }
}

/// What ffmpeg's own encoder aims at: 128 kbit/s for a pair, 69 for a single channel, 16 for LFE.
const fn default_bit_rate(layout: ChannelLayout) -> u64 {
    match layout {
        ChannelLayout::Mono => 69_000,
        ChannelLayout::Stereo => 128_000,
        ChannelLayout::Surround => 197_000,
        ChannelLayout::FourZero => 266_000,
        ChannelLayout::FiveZero => 325_000,
        ChannelLayout::FiveOne => 341_000,
        _ => 469_000,
    }
}

fn clipped(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
