//! Interleaved float sound to Opus packets.

use std::collections::VecDeque;
use std::time::Duration;

use brooklet_media::bitstream::opus::{OpusHead, RATE};
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Control, Encoder, Error, Frame, Packet, Result, SampleFormat,
    StreamParams, TimeBase,
};
use bytes::Bytes;
use ropus::{Application, Bitrate, InbandFec};

use super::{NAME, channels, failed};
use crate::AudioEncode;
use crate::config::OpusApplication;
use crate::guard::guarded;
use crate::sound::{PacketClock, SoundShape, clipped};

/// The rates that Opus takes, in Hz. It always decodes to 48 kHz.
pub(crate) const RATES: &[u32] = &[48_000, 24_000, 16_000, 12_000, 8_000];

/// The layouts of channel mapping family 0.
pub(crate) const LAYOUTS: &[ChannelLayout] = &[ChannelLayout::Mono, ChannelLayout::Stereo];

/// The most bytes of a packet of 120 ms (RFC 6716 §3.4): six frames, their lengths and two bytes before them.
const MAX_PACKET: usize = 6 * 1_277 + 2;

/// The lengths of packets that Opus has, in 400ths of a second (RFC 6716 §2.1.4).
const DURATIONS: [u32; 9] = [1, 2, 4, 8, 16, 24, 32, 40, 48];

/// `flt` frames of any length to Opus packets of one length, on a clock of 48 kHz.
///
/// The first packets' trims tell the pre-skip, the last one's the padding. Samples past ±1 are clipped, those that are
/// no number become silence.
pub(crate) struct OpusEncoder {
    inner: ropus::Encoder,
    shape: SoundShape,
    params: StreamParams,
    clock: PacketClock,
    /// Samples of each channel in a packet, at the encoder's rate.
    samples: u32,
    /// Interleaved, less than a packet.
    held: Vec<f32>,
    packet: Vec<u8>,
    ready: VecDeque<Packet>,
    flushed: bool,
}

impl OpusEncoder {
    pub(crate) fn new(config: &AudioEncode) -> Result<Self> {
        let AudioEncode { rate, layout, opus, .. } = config;
        let (rate, layout) = (*rate, *layout);
        if !RATES.contains(&rate) {
            let rates: Vec<_> = RATES.iter().map(u32::to_string).collect();
            return Err(Error::unsupported(format!("Opus at {rate} Hz"), rates.join(", ")));
        }
        let samples = packet_samples(opus.frame_duration, rate)?;
        let application = match opus.application {
            OpusApplication::Audio => Application::Audio,
            OpusApplication::Voip => Application::Voip,
            OpusApplication::LowDelay => Application::RestrictedLowDelay,
        };
        // What ffmpeg asks of libopus where nothing is said.
        let usual = 64_000 + 32_000 * (layout.channels() as u64 - 1);
        let bit_rate = clamp(config.bit_rate.unwrap_or(usual), layout);
        let mut builder = ropus::Encoder::builder(rate, channels(layout.channels())?, application)
            .bitrate(Bitrate::Bits(bit_rate))
            .packet_loss_perc(opus.packet_loss.min(100))
            .inband_fec(if opus.fec { InbandFec::Enabled } else { InbandFec::Disabled })
            .dtx(opus.dtx)
            .vbr(!opus.constant_rate);
        if let Some(complexity) = config.complexity {
            builder = builder.complexity(complexity.min(10));
        }
        let inner = builder.build().map_err(failed)?;
        let pre_skip = u16::try_from(inner.lookahead() * (RATE / rate)).unwrap_or(u16::MAX);
        let head = OpusHead { channels: layout.channels() as u8, pre_skip, input_rate: rate, family: 0 };
        let audio = AudioParams {
            format: Some(SampleFormat::F32),
            frame_samples: Some(samples * (RATE / rate)),
            ..AudioParams::new(RATE, layout)
        };
        let mut params = StreamParams::audio(CodecId::Opus, TimeBase::hz(RATE), audio);
        params.extradata = head.build();
        params.bit_rate = Some(bit_rate.into());
        let clock = PacketClock::new(rate, inner.lookahead());
        Ok(Self {
            inner,
            shape: SoundShape { format: SampleFormat::F32, rate, layout },
            params,
            clock,
            samples,
            held: Vec::with_capacity(samples as usize * layout.channels()),
            packet: vec![0; MAX_PACKET],
            ready: VecDeque::new(),
            flushed: false,
        })
    }

    /// Encodes the packet's worth that is held.
    fn encode_held(&mut self) -> Result<()> {
        let Self { inner, held, packet, .. } = self;
        let coded = guarded(|| inner.encode_float(held, packet));
        self.held.clear();
        let coded = coded.ok_or_else(|| failed("the library failed on a frame"))?;
        let length = coded.map_err(|error| failed(format!("{error:?}")))?;
        let data = self.packet.get(..length).unwrap_or_default();
        let mut packet = Packet::new(0, 0, Bytes::copy_from_slice(data));
        self.clock.stamp(&mut packet, self.samples);
        self.ready.push_back(packet);
        Ok(())
    }

    /// From the encoder's rate to the 48 kHz that Opus counts in.
    fn on_opus_clock(&self, mut packet: Packet) -> Packet {
        let factor = RATE / self.shape.rate;
        packet.pts = packet.pts.saturating_mul(factor.into());
        packet.dts = packet.pts;
        packet.duration = packet.duration.saturating_mul(factor.into());
        packet.trim.start *= factor;
        packet.trim.end *= factor;
        packet
    }
}

impl Encoder for OpusEncoder {
    fn encode(&mut self, frame: &Frame) -> Result<()> {
        let frame = self.shape.check(frame, NAME)?;
        if self.flushed {
            return Err(Error::Usage(format!("{NAME}: a frame after the end")));
        }
        self.clock.take(frame);
        let full = self.samples as usize * self.shape.layout.channels();
        let mut left = frame.typed::<f32>(0);
        while !left.is_empty() {
            let (now, later) = left.split_at(left.len().min(full - self.held.len()));
            self.held.extend(now.iter().copied().map(clipped));
            left = later;
            if self.held.len() == full {
                self.encode_held()?;
            }
        }
        Ok(())
    }

    fn poll_packet(&mut self) -> Option<Packet> {
        let packet = self.ready.pop_front()?;
        Some(self.on_opus_clock(packet))
    }

    fn params(&self) -> &StreamParams {
        &self.params
    }

    fn flush(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.flushed, true) || self.clock.is_fresh() {
            return Ok(());
        }
        while self.clock.owed() > 0 {
            self.held.resize(self.samples as usize * self.shape.layout.channels(), 0.0);
            self.encode_held()?;
        }
        if let Some(last) = self.ready.back_mut() {
            self.clock.trim_end(last);
        }
        Ok(())
    }

    fn control(&mut self, control: Control) {
        if let Control::Bitrate(bit_rate) = control {
            // A rate within the limits is never refused.
            let _ = self.inner.set_bitrate(Bitrate::Bits(clamp(bit_rate, self.shape.layout)));
        }
    }
}

/// Samples of a packet of this length.
fn packet_samples(duration: Duration, rate: u32) -> Result<u32> {
    let wanted = duration.as_micros();
    let found = DURATIONS.into_iter().find(|length| u128::from(length * 2_500) == wanted);
    found.map(|length| rate / 400 * length).ok_or_else(|| {
        let what = format!("Opus packets of {} ms", duration.as_secs_f64() * 1_000.0);
        Error::unsupported(what, "2.5, 5, 10, 20, 40, 60, 80, 100, 120")
    })
}

/// The bit rates that libopus takes too.
fn clamp(bit_rate: u64, layout: ChannelLayout) -> u32 {
    bit_rate.clamp(500, 256_000 * layout.channels() as u64) as u32
}
