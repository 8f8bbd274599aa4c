//! Planar float sound to MP3 frames, each as soon as its samples are in.

use std::collections::VecDeque;

use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Control, Encoder, Error, Frame, Packet, Result, SampleFormat,
    StreamParams, TimeBase,
};
use rusty_mp3::encode::Mp3Encode;
use rusty_mp3::encode::lametag::{DECODER_DELAY, ENCODER_DELAY};
use rusty_mp3::header::{FrameHeader, MpegVersion};

use super::NAME;
use crate::AudioEncode;
use crate::guard::guarded;
use crate::sound::{PacketClock, SoundShape, clipped};

/// The rates of MPEG-1, MPEG-2 and MPEG-2.5, in Hz.
pub(crate) const RATES: &[u32] = &[48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];

/// The layouts of layer III.
pub(crate) const LAYOUTS: &[ChannelLayout] = &[ChannelLayout::Mono, ChannelLayout::Stereo];

/// What ffmpeg asks of LAME where nothing is said, bit/s.
const DEFAULT_BIT_RATE: u64 = 128_000;

/// Past this, old decoders of MPEG-2.5 give up, bit/s; LAME's limit too.
const MAX_LOW_BIT_RATE: u64 = 64_000;

/// Samples that any decoder gives before the first one that went in.
const DELAY: u32 = (ENCODER_DELAY + DECODER_DELAY) as u32;

/// `fltp` frames of any length to MP3 frames of 1152 samples, below 32 kHz of 576, at a constant rate.
///
/// A frame needs none that follow it: its bits are all its own (no bit reservoir), so it comes out with its last sample
/// and a listener can start at any. The first ones' trims tell the delay, the last one's the padding. Samples past ±1
/// are clipped, those that are no number become silence.
pub(crate) struct Mp3Encoder {
    inner: Mp3Encode,
    header: FrameHeader,
    samples: usize,
    /// Bytes·rate that frames without padding are behind the bit rate.
    debt: u64,
    shape: SoundShape,
    params: StreamParams,
    clock: PacketClock,
    /// One plane for each channel, less than a frame.
    planes: Vec<Vec<f32>>,
    ready: VecDeque<Packet>,
    flushed: bool,
}

impl Mp3Encoder {
    pub(crate) fn new(config: &AudioEncode) -> Result<Self> {
        let AudioEncode { rate, layout, .. } = *config;
        if !LAYOUTS.contains(&layout) {
            return Err(Error::unsupported(format!("MP3 with channels {layout}"), "mono, stereo"));
        }
        let bit_rate = config.bit_rate.unwrap_or(DEFAULT_BIT_RATE);
        let header = header(rate, layout, bit_rate)?;
        let samples = header.version.samples_per_frame();
        let audio = AudioParams {
            format: Some(SampleFormat::F32p),
            frame_samples: u32::try_from(samples).ok(),
            ..AudioParams::new(rate, layout)
        };
        let mut params = StreamParams::audio(CodecId::Mp3, TimeBase::hz(rate), audio);
        params.bit_rate = Some(u64::from(header.bitrate_kbps) * 1_000);
        Ok(Self {
            inner: Mp3Encode::new(),
            header,
            samples,
            debt: 0,
            shape: SoundShape { format: SampleFormat::F32p, rate, layout },
            params,
            clock: PacketClock::new(rate, DELAY),
            planes: vec![Vec::with_capacity(samples); layout.channels()],
            ready: VecDeque::new(),
            flushed: false,
        })
    }

    /// Encodes the frame that the planes hold.
    fn encode_frame(&mut self) -> Result<()> {
        self.header.padding = self.is_padded();
        let Self { inner, header, planes, .. } = self;
        let Some(Ok(data)) = guarded(|| inner.encode_frame(header, planes, None)) else {
            self.inner = Mp3Encode::new();
            self.planes.iter_mut().for_each(Vec::clear);
            return Err(Error::Codec { codec: NAME, what: "the library failed on a frame".into() });
        };
        self.planes.iter_mut().for_each(Vec::clear);
        let mut packet = Packet::new(0, 0, data.into());
        self.clock.stamp(&mut packet, self.samples as u32);
        self.ready.push_back(packet);
        Ok(())
    }

    /// Whether this frame has one byte more, so that the rate is kept (ISO/IEC 11172-3 §2.4.3.1).
    fn is_padded(&mut self) -> bool {
        let rate = u64::from(self.shape.rate);
        let bytes_rate = self.samples as u64 / 8 * u64::from(self.header.bitrate_kbps) * 1_000;
        self.debt += bytes_rate % rate;
        let padded = self.debt >= rate;
        self.debt -= if padded { rate } else { 0 };
        padded
    }
}

impl Encoder for Mp3Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<()> {
        let frame = self.shape.check(frame, NAME)?;
        if self.flushed {
            return Err(Error::Usage(format!("{NAME}: a frame after the end")));
        }
        self.clock.take(frame);
        let mut from = 0;
        while from < frame.samples() {
            let held = self.planes.first().map_or(0, Vec::len);
            let upto = frame.samples().min(from + self.samples - held);
            for (channel, plane) in self.planes.iter_mut().enumerate() {
                let samples = frame.typed::<f32>(channel).get(from..upto).unwrap_or_default();
                plane.extend(samples.iter().copied().map(clipped));
            }
            if held + upto - from == self.samples {
                self.encode_frame()?;
            }
            from = upto;
        }
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
        while self.clock.owed() > 0 {
            self.planes.iter_mut().for_each(|plane| plane.resize(self.samples, 0.0));
            self.encode_frame()?;
        }
        if let Some(last) = self.ready.back_mut() {
            self.clock.trim_end(last);
        }
        Ok(())
    }

    fn control(&mut self, control: Control) {
        let SoundShape { rate, layout, .. } = self.shape;
        if let Control::Bitrate(bit_rate) = control
            && let Ok(header) = header(rate, layout, bit_rate)
        {
            self.header = header;
        }
    }
}

/// What all frames begin with: the layer's bit rate nearest to the wanted one.
fn header(rate: u32, layout: ChannelLayout, bit_rate: u64) -> Result<FrameHeader> {
    let channels = layout.channels() as u16;
    let open = |bit_rate: u64| {
        let kilobits = u32::try_from(bit_rate.saturating_add(500) / 1_000).unwrap_or(u32::MAX).max(1);
        rusty_mp3::encoder_header(rate, channels, kilobits).map_err(|_| {
            let rates: Vec<_> = RATES.iter().map(u32::to_string).collect();
            Error::unsupported(format!("MP3 at {rate} Hz"), rates.join(", "))
        })
    };
    let header = open(bit_rate)?;
    if header.version == MpegVersion::V2_5 { open(bit_rate.min(MAX_LOW_BIT_RATE)) } else { Ok(header) }
}
