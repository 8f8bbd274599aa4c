//! Planar float sound to access units.

use std::collections::VecDeque;

use brooklet_media::bitstream::aac::FRAME_SAMPLES;
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Encoder, Error, Frame, Packet, Result, SampleFormat, StreamParams,
    TimeBase,
};
use bytes::Bytes;
use syom::EncodeOptions;

use super::{NAME, failed};
use crate::AudioEncode;
use crate::sound::{PacketClock, SoundShape, clipped};

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
    shape: SoundShape,
    params: StreamParams,
    clock: PacketClock,
    /// One plane for each channel, clipped.
    planes: Vec<Vec<f32>>,
    ready: VecDeque<Packet>,
    flushed: bool,
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
            shape: SoundShape { format: SampleFormat::F32p, rate, layout },
            params,
            clock: PacketClock::new(rate, PRIMING),
            planes: vec![Vec::new(); layout.channels()],
            ready: VecDeque::new(),
            flushed: false,
        })
    }

    /// Makes packets of what the library gave.
    fn stamp(&mut self, units: Vec<Bytes>) {
        for unit in units {
            let mut packet = Packet::new(0, 0, unit);
            self.clock.stamp(&mut packet, FRAME_SAMPLES);
            self.ready.push_back(packet);
        }
    }
}

impl Encoder for AacEncoder {
    fn encode(&mut self, frame: &Frame) -> Result<()> {
        let frame = self.shape.check(frame, NAME)?;
        if self.flushed {
            return Err(Error::Usage(format!("{NAME}: a frame after the end")));
        }
        self.clock.take(frame);
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
        if std::mem::replace(&mut self.flushed, true) || self.clock.is_fresh() {
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
        if let Some(last) = self.ready.back_mut() {
            self.clock.trim_end(last);
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

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
