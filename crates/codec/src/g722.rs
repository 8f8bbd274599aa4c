//! ITU-T G.722: 7 kHz of sound in 64 kbit/s, 16 samples of it in a millisecond to 8 bytes.
//!
//! | file | holds |
//! |---|---|
//! | `mirror` | two filters that split sound into a lower and a higher band, and join them again (§5) |
//! | `quantizer` | a difference to a code of six or two bits, and back (§6) |
//! | `band` | what a band has learnt: how far the next difference may go, and where the next sample may be (§6) |
//!
//! A byte is two samples: the upper two bits are the higher band's difference, the lower six the lower one's.

mod band;
mod mirror;
mod quantizer;

use std::collections::VecDeque;

use brooklet_media::{
    AudioFrame, AudioParams, ChannelLayout, CodecId, Decoder, Encoder, Error, Frame, FramePool, Packet,
    Result, SampleFormat, StreamParams, TimeBase,
};

use crate::AudioEncode;
use crate::sound::{PacketClock, SoundShape, kept, stamp};
use band::Band;
use mirror::{Join, Split};

/// The only rate, in Hz.
const RATE: u32 = 16_000;
pub(crate) const RATES: &[u32] = &[RATE];
pub(crate) const LAYOUTS: &[ChannelLayout] = &[ChannelLayout::Mono];
const SHAPE: SoundShape = SoundShape { format: SampleFormat::S16, rate: RATE, layout: ChannelLayout::Mono };
/// Samples by which what is decoded is later than what was coded: the filters' length.
const DELAY: u32 = 22;

/// Packets of any length to `s16` frames of two samples for each byte.
pub(crate) struct G722Decoder {
    low: Band,
    high: Band,
    join: Join,
    time_base: TimeBase,
    pool: FramePool,
    /// Those of one packet.
    samples: Vec<i16>,
    ready: VecDeque<Frame>,
}

impl G722Decoder {
    pub(crate) fn new(params: &StreamParams, pool: FramePool) -> Result<Self> {
        let mono = params.as_audio().is_none_or(|audio| audio.layout.channels() == 1);
        if !mono {
            return Err(Error::unsupported("G.722 of more than one channel", "mono"));
        }
        Ok(Self {
            low: Band::low(),
            high: Band::high(),
            join: Join::default(),
            time_base: params.time_base,
            pool,
            samples: Vec::new(),
            ready: VecDeque::new(),
        })
    }

    fn pair(&mut self, byte: u8) -> [i16; 2] {
        let (low, high) = (byte & 0x3F, byte >> 6);
        let fine = quantizer::fine(low, self.low.step());
        let lower = quantizer::limited(self.low.expected() + fine);
        self.low.learn(quantizer::coarse(low, self.low.step()), quantizer::low_growth(low));
        let difference = quantizer::high(high, self.high.step());
        let higher = quantizer::limited(self.high.expected() + difference);
        self.high.learn(difference, quantizer::high_growth(high));
        self.join.samples(lower, higher)
    }
}

impl Decoder for G722Decoder {
    fn decode(&mut self, packet: &Packet) -> Result<()> {
        // All is decoded, for what follows builds on it.
        self.samples.clear();
        for byte in &packet.data {
            let pair = self.pair(*byte);
            self.samples.extend(pair);
        }
        let kept = kept(self.samples.len(), packet.trim);
        if kept.is_empty() || packet.discard {
            return Ok(());
        }
        let mut frame =
            AudioFrame::new(&self.pool, SampleFormat::S16, RATE, ChannelLayout::Mono, kept.len())?;
        frame.typed_mut::<i16>(0).copy_from_slice(&self.samples[kept.clone()]);
        stamp(&mut frame, packet, self.time_base, kept.start);
        self.ready.push_back(Frame::Audio(frame));
        Ok(())
    }

    fn poll_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn reset(&mut self) {
        (self.low, self.high, self.join) = (Band::low(), Band::high(), Join::default());
        self.ready.clear();
    }

    fn change_params(&mut self, params: &StreamParams) -> Result<()> {
        let ready = std::mem::take(&mut self.ready);
        *self = Self { ready, ..Self::new(params, self.pool.clone())? };
        Ok(())
    }
}

/// `s16` frames of any length to packets as long, on a clock of 16 kHz; a sample that is left over goes with the next.
pub(crate) struct G722Encoder {
    low: Band,
    high: Band,
    split: Split,
    params: StreamParams,
    clock: PacketClock,
    held: Option<i16>,
    ready: VecDeque<Packet>,
}

impl G722Encoder {
    pub(crate) fn new(config: &AudioEncode) -> Result<Self> {
        if (config.rate, config.layout) != (RATE, ChannelLayout::Mono) {
            let what = format!("G.722 at {} Hz, {}", config.rate, config.layout);
            return Err(Error::unsupported(what, "16000 Hz, mono"));
        }
        let audio = AudioParams { format: Some(SampleFormat::S16), ..AudioParams::new(RATE, config.layout) };
        let params = StreamParams::audio(CodecId::G722, TimeBase::hz(RATE), audio);
        Ok(Self {
            low: Band::low(),
            high: Band::high(),
            split: Split::default(),
            params: StreamParams { bit_rate: Some(64_000), ..params },
            clock: PacketClock::new(RATE, DELAY),
            held: None,
            ready: VecDeque::new(),
        })
    }

    fn push(&mut self, samples: impl Iterator<Item = i16>) {
        let mut bytes = Vec::new();
        for sample in samples {
            match self.held.take() {
                None => self.held = Some(sample),
                Some(first) => bytes.push(self.byte([first, sample])),
            }
        }
        if !bytes.is_empty() {
            let samples = 2 * bytes.len() as u32;
            let mut packet = Packet::new(0, 0, bytes.into());
            self.clock.stamp(&mut packet, samples);
            self.ready.push_back(packet);
        }
    }

    fn byte(&mut self, samples: [i16; 2]) -> u8 {
        let (lower, higher) = self.split.bands(samples);
        let low = quantizer::low_code(lower - self.low.expected(), self.low.step());
        self.low.learn(quantizer::coarse(low, self.low.step()), quantizer::low_growth(low));
        let high = quantizer::high_code(higher - self.high.expected(), self.high.step());
        self.high.learn(quantizer::high(high, self.high.step()), quantizer::high_growth(high));
        high << 6 | low
    }
}

impl Encoder for G722Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<()> {
        let frame = SHAPE.check(frame, "g722")?;
        self.clock.take(frame);
        self.push(frame.typed::<i16>(0).iter().copied());
        Ok(())
    }

    fn poll_packet(&mut self) -> Option<Packet> {
        self.ready.pop_front()
    }

    fn params(&self) -> &StreamParams {
        &self.params
    }

    fn flush(&mut self) -> Result<()> {
        if self.clock.is_fresh() {
            return Ok(());
        }
        // What the filters hold comes out with silence behind it.
        let owed = usize::try_from(self.clock.owed()).unwrap_or(0);
        let missing = owed.saturating_sub(usize::from(self.held.is_some()));
        self.push(std::iter::repeat_n(0, missing + (owed & 1)));
        if let Some(last) = self.ready.back_mut() {
            self.clock.trim_end(last);
        }
        Ok(())
    }
}
