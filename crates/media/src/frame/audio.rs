//! Some sound.

use alloc::format;
use alloc::sync::Arc;
use core::fmt;

use bytemuck::AnyBitPattern;

use super::pool::{ALIGN, Buffer, FramePool};
use crate::{ChannelLayout, Error, Result, SampleFormat, TimeBase};

/// The most samples of one channel in one frame: 87 s at 48 kHz.
const MAX_SAMPLES: usize = 1 << 22;

/// A run of samples of every channel at one rate. Cloning shares the samples.
#[derive(Clone)]
pub struct AudioFrame {
    format: SampleFormat,
    rate: u32,
    layout: ChannelLayout,
    samples: usize,
    plane_stride: usize,
    buffer: Arc<Buffer>,
    /// Presentation time of the first sample in ticks of `time_base`.
    pub pts: i64,
    /// The clock of `pts`.
    pub time_base: TimeBase,
}

impl AudioFrame {
    /// `samples` samples of unspecified content for each channel, at pts 0 of a clock that ticks once a sample.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for more than 4 million samples, [`Error::Usage`] for a rate of 0.
    pub fn new(
        pool: &FramePool,
        format: SampleFormat,
        rate: u32,
        layout: ChannelLayout,
        samples: usize,
    ) -> Result<Self> {
        if rate == 0 {
            return Err(Error::Usage("sound at 0 Hz".into()));
        }
        Error::check_limit("audio", "samples in a frame", samples as u64, MAX_SAMPLES as u64)?;
        let plane_bytes = samples * format.bytes() * if format.is_planar() { 1 } else { layout.channels() };
        let plane_stride = plane_bytes.next_multiple_of(ALIGN);
        let planes = if format.is_planar() { layout.channels() } else { 1 };
        let buffer = Arc::new(pool.take(plane_stride * planes));
        Ok(Self {
            format,
            rate,
            layout,
            samples,
            plane_stride,
            buffer,
            pts: 0,
            time_base: TimeBase::hz(rate),
        })
    }

    /// Interleaved sound from native-endian bytes, as many samples as there are whole ones.
    ///
    /// # Errors
    ///
    /// As [`AudioFrame::new`]; [`Error::Usage`] for a planar `format`.
    pub fn from_raw(
        pool: &FramePool,
        format: SampleFormat,
        rate: u32,
        layout: ChannelLayout,
        bytes: &[u8],
    ) -> Result<Self> {
        if format.is_planar() {
            return Err(Error::Usage(format!("raw bytes are interleaved, {format} is planar")));
        }
        let samples = bytes.len() / (format.bytes() * layout.channels());
        let mut frame = Self::new(pool, format, rate, layout, samples)?;
        let plane = frame.plane_mut(0);
        plane.copy_from_slice(&bytes[..plane.len()]);
        Ok(frame)
    }

    /// The sample format.
    pub const fn format(&self) -> SampleFormat {
        self.format
    }

    /// Samples of each channel in a second.
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// The channels.
    pub const fn layout(&self) -> ChannelLayout {
        self.layout
    }

    /// Samples of each channel in this frame.
    pub const fn samples(&self) -> usize {
        self.samples
    }

    /// Number of planes: one where samples are interleaved, else one for each channel.
    pub const fn planes(&self) -> usize {
        if self.format.is_planar() { self.layout.channels() } else { 1 }
    }

    /// The native-endian bytes of `plane`, without padding. Panics where there is no such plane.
    pub fn plane(&self, plane: usize) -> &[u8] {
        let start = plane * self.plane_stride;
        &self.buffer.bytes()[start..start + self.plane_bytes()]
    }

    /// The bytes of `plane`, to be written. Copies the sound first where it is shared.
    pub fn plane_mut(&mut self, plane: usize) -> &mut [u8] {
        let (start, len) = (plane * self.plane_stride, self.plane_bytes());
        &mut Arc::make_mut(&mut self.buffer).bytes_mut()[start..start + len]
    }

    /// The samples of `plane` as numbers; `T` must be as wide as the format's samples (`i16` for s16).
    pub fn typed<T: AnyBitPattern>(&self, plane: usize) -> &[T] {
        // Planes start on 64-byte boundaries and hold whole samples, so the cast holds for every such `T`.
        bytemuck::cast_slice(self.plane(plane))
    }

    /// [`AudioFrame::typed`], to be written.
    pub fn typed_mut<T: bytemuck::Pod>(&mut self, plane: usize) -> &mut [T] {
        bytemuck::cast_slice_mut(self.plane_mut(plane))
    }

    const fn plane_bytes(&self) -> usize {
        self.samples * self.format.bytes() * if self.format.is_planar() { 1 } else { self.layout.channels() }
    }
}

impl fmt::Debug for AudioFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, rate, layout, samples, pts, time_base, .. } = self;
        write!(f, "AudioFrame({format} {rate} Hz {layout}, {samples} samples, pts {pts} of {time_base})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unaligned_bytes_become_aligned_samples() {
        let bytes = [0u8, 1, 0, 2, 0, 3, 0, 4, 0];
        let frame = AudioFrame::from_raw(
            &FramePool::new(),
            SampleFormat::S16,
            8_000,
            ChannelLayout::Stereo,
            &bytes[1..],
        );
        assert_eq!(frame.unwrap().typed::<i16>(0), [1, 2, 3, 4]);
    }

    #[test]
    fn planes_do_not_touch() {
        let pool = FramePool::new();
        let mut frame = AudioFrame::new(&pool, SampleFormat::F32p, 48_000, ChannelLayout::Stereo, 3).unwrap();
        frame.typed_mut::<f32>(0).fill(1.0);
        frame.typed_mut::<f32>(1).fill(2.0);
        assert_eq!(frame.typed::<f32>(0), [1.0; 3]);
    }
}
