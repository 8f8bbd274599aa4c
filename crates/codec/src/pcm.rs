//! Uncompressed sound in every byte order and width of [`PcmFormat`], and G.711.

mod g711;

use std::collections::VecDeque;

use brooklet_media::{
    AudioFrame, AudioParams, CodecId, Decoder, Encoder, Error, Frame, FramePool, Packet, PcmFormat, Result,
    StreamParams, TimeBase,
};
use bytemuck::Pod;
use bytes::Bytes;

use crate::AudioEncode;
use crate::sound::{SampleClock, SoundShape, kept, stamp};

/// PCM packets of any length to interleaved frames of the same length.
pub(crate) struct PcmDecoder {
    format: PcmFormat,
    params: AudioParams,
    time_base: TimeBase,
    pool: FramePool,
    ready: VecDeque<Frame>,
}

impl PcmDecoder {
    pub(crate) fn new(params: &StreamParams, pool: FramePool) -> Result<Self> {
        let (CodecId::Pcm(format), Some(audio)) = (params.codec, params.as_audio()) else {
            return Err(Error::Usage(format!("{} is not PCM sound", params.codec)));
        };
        Ok(Self { format, params: *audio, time_base: params.time_base, pool, ready: VecDeque::new() })
    }
}

impl Decoder for PcmDecoder {
    fn decode(&mut self, packet: &Packet) -> Result<()> {
        let AudioParams { rate, layout, .. } = self.params;
        let block = self.format.bytes() * layout.channels();
        // Bytes of a sample that did not come whole are left out.
        let kept = kept(packet.data.len() / block, packet.trim);
        if kept.is_empty() || packet.discard {
            return Ok(());
        }
        let bytes = &packet.data[kept.start * block..kept.end * block];
        let mut frame = AudioFrame::new(&self.pool, self.format.sample_format(), rate, layout, kept.len())?;
        unpack(self.format, bytes, &mut frame);
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
        self.ready.clear();
    }

    fn change_params(&mut self, params: &StreamParams) -> Result<()> {
        let ready = std::mem::take(&mut self.ready);
        *self = Self { ready, ..Self::new(params, self.pool.clone())? };
        Ok(())
    }
}

/// Interleaved frames of any length to PCM packets of the same length.
pub(crate) struct PcmEncoder {
    format: PcmFormat,
    shape: SoundShape,
    params: StreamParams,
    clock: SampleClock,
    ready: VecDeque<Packet>,
}

impl PcmEncoder {
    pub(crate) fn new(format: PcmFormat, config: &AudioEncode) -> Result<Self> {
        let AudioEncode { rate, layout, .. } = *config;
        if rate == 0 {
            return Err(Error::Usage("sound at 0 Hz".into()));
        }
        let audio = AudioParams { format: Some(format.sample_format()), ..AudioParams::new(rate, layout) };
        let mut params = StreamParams::audio(CodecId::Pcm(format), TimeBase::hz(rate), audio);
        params.bit_rate = Some(u64::from(rate) * (format.bytes() * layout.channels() * 8) as u64);
        Ok(Self {
            format,
            shape: SoundShape { format: format.sample_format(), rate, layout },
            params,
            clock: SampleClock::new(rate),
            ready: VecDeque::new(),
        })
    }
}

impl Encoder for PcmEncoder {
    fn encode(&mut self, frame: &Frame) -> Result<()> {
        let frame = self.shape.check(frame, self.params.codec.name())?;
        if frame.samples() == 0 {
            return Ok(());
        }
        let mut packet = Packet::new(0, self.clock.advance(frame), pack(self.format, frame));
        packet.duration = frame.samples() as i64;
        self.ready.push_back(packet);
        Ok(())
    }

    fn poll_packet(&mut self) -> Option<Packet> {
        self.ready.pop_front()
    }

    fn params(&self) -> &StreamParams {
        &self.params
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Stored samples to those of `frame`, which has as many.
fn unpack(format: PcmFormat, bytes: &[u8], frame: &mut AudioFrame) {
    use PcmFormat::*;
    match format {
        _ if is_native(format) => frame.plane_mut(0).copy_from_slice(bytes),
        U8 => frame.plane_mut(0).copy_from_slice(bytes),
        S16Le => read(bytes, frame, i16::from_le_bytes),
        S16Be => read(bytes, frame, i16::from_be_bytes),
        S24Le => read(bytes, frame, |[a, b, c]| i32::from_le_bytes([0, a, b, c])),
        S24Be => read(bytes, frame, |[a, b, c]| i32::from_be_bytes([a, b, c, 0])),
        S32Le => read(bytes, frame, i32::from_le_bytes),
        S32Be => read(bytes, frame, i32::from_be_bytes),
        F32Le => read(bytes, frame, f32::from_le_bytes),
        F32Be => read(bytes, frame, f32::from_be_bytes),
        F64Le => read(bytes, frame, f64::from_le_bytes),
        F64Be => read(bytes, frame, f64::from_be_bytes),
        Alaw => read(bytes, frame, |[code]| g711::from_alaw(code)),
        Mulaw => read(bytes, frame, |[code]| g711::from_mulaw(code)),
    }
}

/// The samples of `frame`, which has the format's own kind of samples, as they are stored. Of 32 bits, 24-bit
/// formats keep the upper ones.
fn pack(format: PcmFormat, frame: &AudioFrame) -> Bytes {
    use PcmFormat::*;
    match format {
        _ if is_native(format) => Bytes::copy_from_slice(frame.plane(0)),
        U8 => Bytes::copy_from_slice(frame.plane(0)),
        S16Le => write(frame, i16::to_le_bytes),
        S16Be => write(frame, i16::to_be_bytes),
        S24Le => write(frame, |sample: i32| {
            let [_, a, b, c] = sample.to_le_bytes();
            [a, b, c]
        }),
        S24Be => write(frame, |sample: i32| {
            let [a, b, c, _] = sample.to_be_bytes();
            [a, b, c]
        }),
        S32Le => write(frame, i32::to_le_bytes),
        S32Be => write(frame, i32::to_be_bytes),
        F32Le => write(frame, f32::to_le_bytes),
        F32Be => write(frame, f32::to_be_bytes),
        F64Le => write(frame, f64::to_le_bytes),
        F64Be => write(frame, f64::to_be_bytes),
        Alaw => write(frame, |sample| [g711::to_alaw(sample)]),
        Mulaw => write(frame, |sample| [g711::to_mulaw(sample)]),
    }
}

/// Whether samples are stored as this machine has them in memory.
const fn is_native(format: PcmFormat) -> bool {
    use PcmFormat::*;
    match cfg!(target_endian = "little") {
        true => matches!(format, S16Le | S32Le | F32Le | F64Le),
        false => matches!(format, S16Be | S32Be | F32Be | F64Be),
    }
}

fn read<const N: usize, T: Pod>(bytes: &[u8], frame: &mut AudioFrame, sample: impl Fn([u8; N]) -> T) {
    let (stored, _) = bytes.as_chunks();
    for (out, stored) in frame.typed_mut(0).iter_mut().zip(stored) {
        *out = sample(*stored);
    }
}

fn write<const N: usize, T: Pod>(frame: &AudioFrame, stored: impl Fn(T) -> [u8; N]) -> Bytes {
    let samples = frame.typed::<T>(0);
    let mut out = vec![0; samples.len() * N];
    for (out, sample) in out.as_chunks_mut().0.iter_mut().zip(samples) {
        *out = stored(*sample);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use brooklet_media::ChannelLayout;

    use super::*;
    use brooklet_media::Trim;
    use proptest::prelude::*;

    fn encoder(format: PcmFormat) -> PcmEncoder {
        let config = AudioEncode::new(48_000, ChannelLayout::Stereo, format.sample_format());
        PcmEncoder::new(format, &config).unwrap()
    }

    fn decode(format: PcmFormat, packet: &Packet) -> Option<AudioFrame> {
        let mut decoder = PcmDecoder::new(encoder(format).params(), FramePool::new()).unwrap();
        decoder.decode(packet).unwrap();
        decoder.poll_frame().map(|frame| match frame {
            Frame::Audio(frame) => frame,
            Frame::Video(_) => panic!("a picture"),
        })
    }

    proptest! {
        #[test]
        fn stored_bytes_come_back_exactly(
            format in prop::sample::select(PcmFormat::ALL.to_vec()),
            bytes in prop::collection::vec(any::<u8>(), 16..400),
        ) {
            let block = format.bytes() * 2;
            let whole = bytes.len() / block * block;
            let frame = decode(format, &Packet::new(0, 7, bytes.clone().into())).unwrap();
            prop_assert_eq!((frame.pts, frame.samples()), (7, bytes.len() / block));
            let mut encoder = encoder(format);
            encoder.encode(&Frame::Audio(frame)).unwrap();
            let packet = encoder.poll_packet().unwrap();
            prop_assert_eq!(packet.pts, 7);
            // Both signs of zero in µ-law decode to 0, which encodes to the positive one.
            let expected: Vec<u8> = match format {
                PcmFormat::Mulaw => bytes.iter().map(|code| if *code == 0x7F { 0xFF } else { *code }).collect(),
                _ => bytes,
            };
            prop_assert_eq!(&packet.data[..], &expected[..whole]);
        }
    }

    #[test]
    fn values_are_what_their_bytes_say() {
        let value = |format, bytes: &[u8]| {
            decode(format, &Packet::new(0, 0, Bytes::copy_from_slice(&[bytes, bytes].concat()))).unwrap()
        };
        assert_eq!(value(PcmFormat::S24Be, &[0xFF, 0xFE, 0xFD]).typed::<i32>(0), [-66_304; 2]);
        assert_eq!(value(PcmFormat::S24Le, &[1, 2, 3]).typed::<i32>(0), [0x0302_0100; 2]);
        assert_eq!(value(PcmFormat::F32Be, &[0x3F, 0x80, 0, 0]).typed::<f32>(0), [1.0; 2]);
    }

    #[test]
    fn trimmed_samples_move_the_time() {
        let mut packet = Packet::new(0, 100, vec![0; 40].into());
        packet.trim = Trim { start: 3, end: 2 };
        let frame = decode(PcmFormat::S16Le, &packet).unwrap();
        assert_eq!((frame.pts, frame.samples()), (103, 5));
        packet.trim.end = 7;
        assert!(decode(PcmFormat::S16Le, &packet).is_none());
    }
}
