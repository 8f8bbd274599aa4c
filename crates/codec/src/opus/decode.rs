//! Opus packets to interleaved float sound, and what stands in for those that were lost.

use std::collections::VecDeque;

use brooklet_media::bitstream::opus::{OpusHead, RATE, packet_samples};
use brooklet_media::{
    AudioFrame, ChannelLayout, CodecId, Decoder, Error, Frame, FramePool, Packet, Result, SampleFormat,
    StreamParams, TimeBase, Trim,
};
use ropus::DecodeMode;

use super::{NAME, channels, failed};
use crate::guard::guarded;
use crate::sound::{kept, stamp};

/// The most samples of a packet: 120 ms (RFC 6716 §3.4).
const MAX_SAMPLES: usize = 5_760;

/// Samples that are made up at once: 20 ms.
const USUAL: usize = 960;

/// The step in which lost sound is made up: 2.5 ms.
const STEP: usize = 120;

/// Opus packets to `flt` frames at 48 kHz, one for one.
///
/// The pre-skip is what the packets' trims say, and the demuxer's affair; the output gain is applied.
pub(crate) struct OpusDecoder {
    inner: ropus::Decoder,
    layout: ChannelLayout,
    gain: i16,
    time_base: TimeBase,
    pool: FramePool,
    /// Interleaved, one packet.
    sound: Vec<f32>,
    ready: VecDeque<Frame>,
}

impl OpusDecoder {
    pub(crate) fn new(params: &StreamParams, pool: FramePool) -> Result<Self> {
        let audio = match (params.codec, params.as_audio()) {
            (CodecId::Opus, Some(audio)) => audio,
            _ => return Err(Error::Usage(format!("{} is not Opus sound", params.codec))),
        };
        let head = OpusHead::parse(&params.extradata);
        let layout = match head {
            Some(head) if head.family == 0 => ChannelLayout::from_channels(head.channels),
            Some(head) => {
                let what = format!("Opus with {} channels in family {}", head.channels, head.family);
                return Err(Error::unsupported(what, "1 or 2 channels in family 0"));
            }
            // As from RTP, where two channels are always announced (RFC 7587 §7).
            None => Some(audio.layout),
        };
        let layout = layout.unwrap_or(ChannelLayout::Stereo);
        let gain = params.extradata.get(16..18).filter(|_| head.is_some());
        let gain = gain.map_or(0, |gain| i16::from_le_bytes([gain[0], gain[1]]));
        Ok(Self {
            inner: open(layout, gain)?,
            layout,
            gain,
            time_base: params.time_base,
            pool,
            sound: vec![0.0; MAX_SAMPLES * layout.channels()],
            ready: VecDeque::new(),
        })
    }

    /// Decodes into `sound`, at most `samples`; how many it were.
    fn run(&mut self, data: &[u8], samples: usize, mode: DecodeMode) -> Result<usize> {
        let wanted = samples.min(MAX_SAMPLES) * self.layout.channels();
        let Self { inner, sound, .. } = self;
        let Some(sound) = sound.get_mut(..wanted) else { return Ok(0) };
        match guarded(|| inner.decode_float(data, sound, mode)) {
            Some(decoded) => decoded.map_err(|error| failed(format!("{error:?}"))),
            None => {
                self.inner = open(self.layout, self.gain)?;
                Err(failed("the packet is damaged"))
            }
        }
    }

    /// Makes a frame of the first `samples` of `sound`.
    fn give(&mut self, samples: usize, packet: &Packet, trim: Trim) -> Result<()> {
        let kept = kept(samples, trim);
        if kept.is_empty() || packet.discard {
            return Ok(());
        }
        let channels = self.layout.channels();
        let mut frame = AudioFrame::new(&self.pool, SampleFormat::F32, RATE, self.layout, kept.len())?;
        let from = self.sound.get(kept.start * channels..kept.end * channels).unwrap_or_default();
        frame.typed_mut(0).copy_from_slice(from);
        stamp(&mut frame, packet, self.time_base, kept.start);
        self.ready.push_back(Frame::Audio(frame));
        Ok(())
    }
}

impl Decoder for OpusDecoder {
    fn decode(&mut self, packet: &Packet) -> Result<()> {
        if packet_samples(&packet.data).is_none() {
            return Err(Error::invalid(NAME, 0, "a packet of no length or of more than 120 ms"));
        }
        let samples = self.run(&packet.data, MAX_SAMPLES, DecodeMode::Normal)?;
        self.give(samples, packet, packet.trim)
    }

    fn conceal(&mut self, pts: i64, duration: i64, next: Option<&Packet>) -> Result<bool> {
        let wanted = self.time_base.rescale(duration, TimeBase::hz(RATE)).max(0);
        let mut left = (usize::try_from(wanted).unwrap_or(0).min(RATE as usize)).next_multiple_of(STEP);
        let mut place = Packet::new(0, pts, bytes::Bytes::new());
        while left > 0 {
            // The packet after the gap holds a coarse copy of the last that was lost; the library makes up the rest.
            let copy = next.filter(|_| left <= MAX_SAMPLES);
            let samples = match copy {
                Some(next) => self.run(&next.data, left, DecodeMode::Fec)?,
                None => self.run(&[], left.min(USUAL), DecodeMode::Normal)?,
            };
            if samples == 0 {
                return Ok(false);
            }
            self.give(samples, &place, Trim::default())?;
            place.pts += TimeBase::hz(RATE).rescale(samples as i64, self.time_base);
            left = left.saturating_sub(samples);
        }
        Ok(true)
    }

    fn poll_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn reset(&mut self) {
        self.ready.clear();
        if let Ok(inner) = open(self.layout, self.gain) {
            self.inner = inner;
        }
    }

    fn change_params(&mut self, params: &StreamParams) -> Result<()> {
        let ready = std::mem::take(&mut self.ready);
        *self = Self { ready, ..Self::new(params, self.pool.clone())? };
        Ok(())
    }
}

fn open(layout: ChannelLayout, gain: i16) -> Result<ropus::Decoder> {
    let mut inner = ropus::Decoder::new(RATE, channels(layout.channels())?).map_err(failed)?;
    inner.set_gain(gain.into()).map_err(|error| failed(format!("{error:?}")))?;
    Ok(inner)
}
