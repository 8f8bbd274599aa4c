//! Decisions to samples: decoded, concealed, joined, and resampled to this machine's pace.

use brooklet_codec::{DecoderOptions, open_decoder};
use brooklet_convert::{AudioConverter, AudioTarget, DriftResampler};
use brooklet_media::{
    AudioFrame, AudioParams, CodecId, Decoder, Error, Frame, FramePool, Packet, PcmFormat, Result,
    SampleFormat, StreamParams, TimeBase,
};
use brooklet_rtp::{Concealer, Unit};
use bytes::{BufMut, Bytes, BytesMut};

/// Milliseconds of sound that go out at once.
const UNIT_MILLIS: u32 = 10;

/// Makes samples of one stream.
pub(super) struct Renderer {
    decoder: Box<dyn Decoder>,
    converter: AudioConverter,
    concealer: Concealer,
    resampler: DriftResampler,
    pool: FramePool,
    sound: AudioParams,
    params: StreamParams,
    /// The clock of the units.
    clock: TimeBase,
    pcm: PcmFormat,
    /// Samples that wait to be taken, as they go out.
    out: BytesMut,
    finished: bool,
}

impl Renderer {
    pub(super) fn new(stream: &StreamParams) -> Result<Self> {
        let sound = *stream.as_audio().ok_or_else(|| Error::Usage("no sound".into()))?;
        let pool = FramePool::new();
        let decoder =
            open_decoder(stream, &DecoderOptions { pool: pool.clone(), ..DecoderOptions::default() })?;
        let (rate, layout) = (sound.rate, sound.layout);
        // What was 16 bits stays so; all else loses nothing in numbers.
        let narrow = sound.format.is_some_and(|format| format.packed() == SampleFormat::S16);
        let pcm = if narrow { PcmFormat::S16Le } else { PcmFormat::F32Le };
        let made = AudioParams { format: Some(pcm.sample_format()), ..AudioParams::new(rate, layout) };
        let target = AudioTarget { format: Some(SampleFormat::F32p), rate: Some(rate), layout: Some(layout) };
        Ok(Self {
            decoder,
            converter: AudioConverter::new(target, pool.clone()),
            concealer: Concealer::new(rate, layout.channels()),
            resampler: DriftResampler::new(SampleFormat::F32p, rate, layout, pool.clone())?,
            pool,
            sound,
            params: StreamParams {
                start: Some(0),
                ..StreamParams::audio(CodecId::Pcm(pcm), TimeBase::hz(rate), made)
            },
            clock: stream.time_base,
            pcm,
            out: BytesMut::new(),
            finished: false,
        })
    }

    /// What comes out.
    pub(super) const fn params(&self) -> &StreamParams {
        &self.params
    }

    pub(super) const fn rate(&self) -> u32 {
        self.sound.rate
    }

    /// Samples that go out at once.
    pub(super) fn unit(&self) -> usize {
        (self.sound.rate * UNIT_MILLIS / 1_000).max(1) as usize
    }

    /// Samples that are there.
    pub(super) fn ready(&self) -> usize {
        self.out.len() / self.frame()
    }

    pub(super) fn set_speed(&mut self, speed: f64) {
        self.resampler.set_speed(speed);
    }

    /// Plays a unit; one that can't be decoded is concealed.
    pub(super) fn play(&mut self, unit: &Unit, skipped: bool) -> Result<()> {
        let mut planes = self.decode(unit)?;
        self.concealer.join(&mut planes, skipped);
        self.push(&planes)
    }

    /// Plays two units in the time of one.
    pub(super) fn hasten(&mut self, first: &Unit, second: &Unit) -> Result<()> {
        let mut planes = self.decode(first)?;
        for (plane, more) in planes.iter_mut().zip(self.decode(second)?) {
            plane.extend(more);
        }
        let mut planes = self.concealer.hasten(&planes);
        self.concealer.join(&mut planes, false);
        self.push(&planes)
    }

    /// Makes so many ticks of sound in place of what is missing: by the codec, which may find a copy of it in `next`, or from
    /// the sound before.
    pub(super) fn conceal(&mut self, ticks: i64, next: Option<&Unit>) -> Result<()> {
        let next = next.map(|unit| Packet::new(0, unit.timestamp, unit.data.clone()));
        if self.decoder.conceal(0, ticks, next.as_ref()).unwrap_or(false) {
            let mut planes = self.decoded()?;
            self.concealer.join(&mut planes, false);
            return self.push(&planes);
        }
        let planes = self.concealer.conceal(self.samples(ticks));
        self.push(&planes)
    }

    /// All that is held comes out.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.finished = true;
        self.resampler.finish()?;
        self.drain();
        Ok(())
    }

    /// The next samples, as bytes, and their number: a unit of them, at the end less.
    pub(super) fn take(&mut self) -> Option<(Bytes, usize)> {
        let samples = self.ready().min(self.unit());
        let enough = samples == self.unit() || self.finished && samples > 0;
        enough.then(|| (self.out.split_to(samples * self.frame()).freeze(), samples))
    }

    fn frame(&self) -> usize {
        self.pcm.bytes() * self.sound.layout.channels()
    }

    /// The samples of a unit. Some codecs give what they hold back with the next.
    fn decode(&mut self, unit: &Unit) -> Result<Vec<Vec<f32>>> {
        let packet = Packet { duration: unit.duration, ..Packet::new(0, unit.timestamp, unit.data.clone()) };
        if self.decoder.decode(&packet).is_err() {
            return Ok(self.concealer.conceal(self.samples(unit.duration)));
        }
        self.decoded()
    }

    /// What the decoder has ready.
    fn decoded(&mut self) -> Result<Vec<Vec<f32>>> {
        let mut planes = vec![Vec::new(); self.sound.layout.channels()];
        while let Some(Frame::Audio(frame)) = self.decoder.poll_frame() {
            self.converter.push(&frame)?;
        }
        while let Some(frame) = self.converter.poll() {
            for (number, plane) in planes.iter_mut().enumerate() {
                plane.extend_from_slice(frame.typed::<f32>(number));
            }
        }
        Ok(planes)
    }

    fn samples(&self, ticks: i64) -> usize {
        usize::try_from(self.clock.rescale(ticks, TimeBase::hz(self.sound.rate))).unwrap_or(0)
    }

    fn push(&mut self, planes: &[Vec<f32>]) -> Result<()> {
        let samples = planes.first().map_or(0, Vec::len);
        if samples == 0 {
            return Ok(());
        }
        let (rate, layout) = (self.sound.rate, self.sound.layout);
        let mut frame = AudioFrame::new(&self.pool, SampleFormat::F32p, rate, layout, samples)?;
        for (number, plane) in planes.iter().enumerate() {
            frame.typed_mut::<f32>(number).copy_from_slice(plane);
        }
        self.resampler.push(&frame)?;
        self.drain();
        Ok(())
    }

    /// What the resampler gave, as it goes out.
    fn drain(&mut self) {
        while let Some(frame) = self.resampler.poll() {
            for sample in 0..frame.samples() {
                for plane in 0..frame.planes() {
                    let value = frame.typed::<f32>(plane)[sample];
                    match self.pcm {
                        PcmFormat::S16Le => self.out.put_i16_le((value * 32_768.0).round() as i16),
                        _ => self.out.put_f32_le(value),
                    }
                }
            }
        }
    }
}
