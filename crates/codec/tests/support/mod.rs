//! A tone through an encoder and back.
// Helpers of tests may fail as tests do; not each test uses each.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

use brooklet_codec::{AudioEncode, DecoderOptions, EncoderConfig, OpusEncode, open_decoder, open_encoder};
use brooklet_media::{
    AudioFrame, ChannelLayout, Encoder, Frame, FramePool, Packet, SampleFormat, StreamParams,
};

/// What goes in and how.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) codec: &'static str,
    pub(crate) format: SampleFormat,
    pub(crate) rate: u32,
    pub(crate) layout: ChannelLayout,
    pub(crate) bit_rate: Option<u64>,
    pub(crate) opus: OpusEncode,
}

impl Case {
    pub(crate) fn encoder(&self) -> Box<dyn Encoder> {
        let sound = AudioEncode::new(self.rate, self.layout, self.format);
        let sound = AudioEncode { bit_rate: self.bit_rate, opus: self.opus, ..sound };
        open_encoder(&EncoderConfig::audio(self.codec, sound)).unwrap()
    }

    /// A sine of its own frequency for each channel, low enough for every rate: 440 Hz, 660 Hz …
    pub(crate) fn tone(&self, channel: usize, sample: i64) -> f32 {
        let frequency = 440.0 + 220.0 * channel as f64;
        (0.4 * (std::f64::consts::TAU * frequency * sample as f64 / f64::from(self.rate)).sin()) as f32
    }

    pub(crate) fn frame(&self, from: i64, samples: usize) -> Frame {
        self.frame_of(from, samples, |channel, at| self.tone(channel, at))
    }

    pub(crate) fn frame_of(&self, from: i64, samples: usize, sound: impl Fn(usize, i64) -> f32) -> Frame {
        let mut frame =
            AudioFrame::new(&FramePool::new(), self.format, self.rate, self.layout, samples).unwrap();
        frame.pts = from;
        for channel in 0..self.layout.channels() {
            let at = |index: usize| sound(channel, from + index as i64);
            match self.format {
                SampleFormat::F32p => {
                    let plane = frame.typed_mut::<f32>(channel);
                    plane.iter_mut().enumerate().for_each(|(index, sample)| *sample = at(index));
                }
                SampleFormat::F32 => {
                    let step = self.layout.channels();
                    let samples = frame.typed_mut::<f32>(0).iter_mut().skip(channel).step_by(step);
                    samples.enumerate().for_each(|(index, sample)| *sample = at(index));
                }
                SampleFormat::S16p => {
                    let plane = frame.typed_mut::<i16>(channel);
                    plane
                        .iter_mut()
                        .enumerate()
                        .for_each(|(index, sample)| *sample = (at(index) * 32_767.0) as i16);
                }
                other => panic!("no test makes {other}"),
            }
        }
        Frame::Audio(frame)
    }

    /// Packets of `total` samples that come in frames of `chunk`.
    pub(crate) fn encode(&self, total: usize, chunk: usize) -> (StreamParams, Vec<Packet>) {
        let mut encoder = self.encoder();
        let mut packets = Vec::new();
        for from in (0..total).step_by(chunk) {
            encoder.encode(&self.frame(from as i64, chunk.min(total - from))).unwrap();
            packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
        }
        encoder.flush().unwrap();
        packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
        (encoder.params().clone(), packets)
    }

    /// How far the error of the middle of `samples` is below the tone of a channel, dB.
    pub(crate) fn ratio(&self, channel: usize, samples: &[f32]) -> f32 {
        let inner = samples.len() / 4..samples.len() * 3 / 4;
        let error: f32 = inner.clone().map(|at| (samples[at] - self.tone(channel, at as i64)).powi(2)).sum();
        let signal: f32 = inner.map(|at| self.tone(channel, at as i64).powi(2)).sum();
        10.0 * (signal / error.max(f32::MIN_POSITIVE)).log10()
    }
}

/// Decoded sound by channel, and the pts of its first sample.
pub(crate) fn decode(params: &StreamParams, packets: &[Packet]) -> (i64, Vec<Vec<f32>>) {
    let mut decoder = open_decoder(params, &DecoderOptions::default()).unwrap();
    let (mut start, mut next, mut channels) = (None, 0, Vec::new());
    for packet in packets {
        decoder.decode(packet).unwrap();
        while let Some(Frame::Audio(frame)) = decoder.poll_frame() {
            assert!(start.is_none() || frame.pts == next, "no gap: {} is not {next}", frame.pts);
            start.get_or_insert(frame.pts);
            channels.resize(frame.layout().channels(), Vec::new());
            next = frame.pts + frame.samples() as i64;
            for (channel, out) in channels.iter_mut().enumerate() {
                out.extend(samples(&frame, channel));
            }
        }
    }
    (start.unwrap(), channels)
}

/// The samples of a channel, whatever their format.
pub(crate) fn samples(frame: &AudioFrame, channel: usize) -> Vec<f32> {
    let step = frame.layout().channels();
    match frame.format() {
        SampleFormat::F32p => frame.typed::<f32>(channel).to_vec(),
        SampleFormat::F32 => frame.typed::<f32>(0).iter().copied().skip(channel).step_by(step).collect(),
        SampleFormat::S16p => frame.typed::<i16>(channel).iter().map(|s| f32::from(*s) / 32_767.0).collect(),
        other => panic!("no test takes {other}"),
    }
}
