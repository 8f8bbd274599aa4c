//! FLAC with `flacenc` (RFC 9639); it is decoded in [`crate::symphonia`].

use std::collections::VecDeque;

use brooklet_media::bitstream::flac::StreamInfo;
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Encoder, Error, Frame, Packet, Result, SampleFormat, StreamParams,
    TimeBase,
};
use flacenc::bitsink::ByteSink;
use flacenc::component::BitRepr;
use flacenc::config;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Context, Fill, FrameBuf};

use crate::AudioEncode;
use crate::guard::guarded;
use crate::sound::{PacketClock, SoundShape};

const NAME: &str = "flac";

/// What the sample formats are stored as: 16 bits, and 24 of 32.
pub(crate) const FORMATS: &[SampleFormat] = &[SampleFormat::S16, SampleFormat::S32];

/// The layouts that FLAC numbers (RFC 9639 §9.1.3).
pub(crate) const LAYOUTS: &[ChannelLayout] = &[
    ChannelLayout::Mono,
    ChannelLayout::Stereo,
    ChannelLayout::Surround,
    ChannelLayout::FourZero,
    ChannelLayout::FiveZero,
    ChannelLayout::FiveOne,
    ChannelLayout::SevenOne,
];

/// The highest rate that a frame header can say in Hz (RFC 9639 §9.1.2).
const MAX_RATE: u32 = 655_350;

/// Block sizes with a number of their own in a frame header, none longer than the streamable subset has.
const BLOCKS: [u32; 7] = [4_608, 4_096, 2_304, 2_048, 1_152, 1_024, 576];

/// `s16` and `s32` frames of any length to FLAC frames of at most a tenth of a second; of `s32` the upper 24 bits.
///
/// At the end the parameters change once: STREAMINFO then has the sum and the lengths, for a file that can be patched.
pub(crate) struct FlacEncoder {
    settings: Verified<config::Encoder>,
    info: flacenc::component::StreamInfo,
    /// What the sum is made from.
    sum: Context,
    block: FrameBuf,
    shape: SoundShape,
    block_samples: u32,
    /// Interleaved, less than a block.
    held: Vec<i32>,
    frames: usize,
    known: StreamInfo,
    params: StreamParams,
    clock: PacketClock,
    ready: VecDeque<Packet>,
    flushed: bool,
}

impl FlacEncoder {
    pub(crate) fn new(config: &AudioEncode) -> Result<Self> {
        let AudioEncode { rate, layout, format, complexity, .. } = *config;
        let bits = match format {
            SampleFormat::S16 => 16,
            SampleFormat::S32 => 24,
            other => return Err(Error::unsupported(format!("sample format {other} in {NAME}"), "s16, s32")),
        };
        if rate == 0 || rate > MAX_RATE || layout.channels() > 8 {
            return Err(Error::unsupported(
                format!("{NAME} at {rate} Hz with channels {layout}"),
                format!("1 to 8 channels, up to {MAX_RATE} Hz"),
            ));
        }
        let block_samples = BLOCKS.into_iter().find(|block| *block <= rate / 10).unwrap_or(576);
        let channels = layout.channels();
        let info = flacenc::component::StreamInfo::new(rate as usize, channels, bits).map_err(failed)?;
        let known = StreamInfo {
            min_block: block_samples as u16,
            max_block: block_samples as u16,
            min_frame: 0,
            max_frame: 0,
            rate,
            channels: channels as u8,
            bits: bits as u8,
            samples: 0,
            md5: [0; 16],
        };
        let audio = AudioParams {
            format: Some(format),
            frame_samples: Some(block_samples),
            ..AudioParams::new(rate, layout)
        };
        let mut params = StreamParams::audio(CodecId::Flac, TimeBase::hz(rate), audio);
        params.extradata = known.build();
        Ok(Self {
            settings: settings(complexity.unwrap_or(5))
                .into_verified()
                .map_err(|(_, error)| failed(error))?,
            info,
            sum: Context::new(bits, channels),
            block: FrameBuf::with_size(channels, block_samples as usize).map_err(failed)?,
            shape: SoundShape { format, rate, layout },
            block_samples,
            held: Vec::with_capacity(block_samples as usize * channels),
            frames: 0,
            known,
            params,
            clock: PacketClock::new(rate, 0),
            ready: VecDeque::new(),
            flushed: false,
        })
    }

    /// Encodes what is held.
    fn encode_held(&mut self) -> Result<()> {
        let samples = (self.held.len() / self.shape.layout.channels()) as u32;
        let Self { settings, info, sum, block, held, frames, .. } = self;
        let coded = guarded(|| -> Result<Vec<u8>> {
            sum.fill_interleaved(held).map_err(failed)?;
            block.fill_interleaved(held).map_err(failed)?;
            let frame = flacenc::encode_fixed_size_frame(settings, block, *frames & 0x7FFF_FFFF, info)
                .map_err(failed)?;
            let mut bytes = ByteSink::new();
            frame.write(&mut bytes).map_err(|error| failed(format!("{error:?}")))?;
            Ok(bytes.into_inner())
        });
        self.held.clear();
        let data = coded.unwrap_or_else(|| Err(failed("the library failed on a block")))?;
        self.frames += 1;
        let bytes = data.len() as u32;
        let known = &mut self.known;
        known.min_frame = if known.min_frame == 0 { bytes } else { known.min_frame.min(bytes) };
        known.max_frame = known.max_frame.max(bytes);
        known.samples += u64::from(samples);
        let mut packet = Packet::new(0, 0, data.into());
        self.clock.stamp(&mut packet, samples);
        self.ready.push_back(packet);
        Ok(())
    }
}

impl Encoder for FlacEncoder {
    fn encode(&mut self, frame: &Frame) -> Result<()> {
        let frame = self.shape.check(frame, NAME)?;
        if self.flushed {
            return Err(Error::Usage(format!("{NAME}: a frame after the end")));
        }
        self.clock.take(frame);
        let full = self.block_samples as usize * self.shape.layout.channels();
        let mut from = 0;
        let samples = frame.samples() * self.shape.layout.channels();
        while from < samples {
            let upto = samples.min(from + full - self.held.len());
            match self.shape.format {
                SampleFormat::S16 => {
                    let part = frame.typed::<i16>(0).get(from..upto).unwrap_or_default();
                    self.held.extend(part.iter().map(|sample| i32::from(*sample)));
                }
                _ => {
                    let part = frame.typed::<i32>(0).get(from..upto).unwrap_or_default();
                    self.held.extend(part.iter().map(|sample| sample >> 8));
                }
            }
            from = upto;
            if self.held.len() == full {
                self.encode_held()?;
            }
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
        if !self.held.is_empty() {
            self.encode_held()?;
        }
        self.known.md5 = self.sum.md5_digest();
        self.params.extradata = self.known.build();
        Ok(())
    }
}

/// The library's settings nearest to `flac -0` … `-8`.
fn settings(level: u8) -> config::Encoder {
    let mut settings = config::Encoder::default();
    settings.multithread = false;
    let coding = &mut settings.subframe_coding;
    match level {
        0..=2 => coding.use_lpc = false,
        3..=4 => coding.qlpc.lpc_order = 8,
        5..=6 => coding.qlpc.lpc_order = 10,
        _ => coding.qlpc.lpc_order = 12,
    }
    settings
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Codec { codec: NAME, what: error.to_string() }
}
