//! What users see: some frames in one piece of memory.

use brooklet_media::{AudioFrame, Error, PixelFormat, Result, SampleFormat, TimeBase, Timestamp, VideoFrame};
use bytemuck::AnyBitPattern;

/// Frames of one stream, one after the other, in memory that is aligned for every sample type.
///
/// | kind | shape |
/// |---|---|
/// | sound | (frames, channels) |
/// | rgb24, bgr24, rgba, bgra, gray | (frames, height, width, channels) |
/// | yuv444p | (frames, channels, height, width) |
#[derive(Clone, Debug)]
pub struct Chunk {
    /// When its first frame is to be seen or heard, from the start of the input.
    pub at: Timestamp,
    shape: Vec<usize>,
    /// In units of 8 bytes, for the alignment.
    memory: Vec<u64>,
    len: usize,
}

impl Chunk {
    /// Frames, and then what one frame is made of: see the table above.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Frames.
    pub fn frames(&self) -> usize {
        self.shape[0]
    }

    /// The samples as bytes, native-endian.
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.memory)[..self.len]
    }

    /// The samples as numbers; `T` must be as wide as one sample (`f32` for flt, `u8` for pictures).
    pub fn samples<T: AnyBitPattern>(&self) -> &[T] {
        // The memory is aligned to 8 bytes and holds whole samples, so the cast holds for every such `T`.
        bytemuck::cast_slice(self.bytes())
    }
}

/// Gathers frames of one stream into chunks of a fixed number.
#[derive(Debug)]
pub(crate) struct Gather {
    frames_per_chunk: usize,
    open: Option<Chunk>,
}

impl Gather {
    pub(crate) fn new(frames_per_chunk: usize) -> Self {
        Self { frames_per_chunk: frames_per_chunk.max(1), open: None }
    }

    /// Adds a picture; a chunk where it is full.
    pub(crate) fn add_picture(&mut self, picture: &VideoFrame) -> Result<Option<Chunk>> {
        let format = picture.format();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let frame = match format {
            PixelFormat::Yuv444p => vec![3, height, width],
            packed if packed.planes() == 1 => vec![height, width, packed.components() as usize],
            other => {
                let supported = "rgb24, bgr24, rgba, bgra, gray, yuv444p";
                return Err(Error::unsupported(format!("a chunk of {other}"), supported));
            }
        };
        let bytes = format.picture_bytes(picture.width(), picture.height());
        let at = picture.time_base.at(picture.pts);
        let capacity = self.frames_per_chunk;
        let chunk = self.open.get_or_insert_with(|| Chunk::empty(at, &frame, capacity * bytes));
        if chunk.shape[1..] != frame {
            return Err(Error::Usage("pictures of two sizes in one chunk".into()));
        }
        let mut start = chunk.len;
        chunk.grow(bytes, 1);
        for plane in 0..format.planes() {
            for row in picture.rows(plane) {
                bytemuck::cast_slice_mut(&mut chunk.memory)[start..start + row.len()].copy_from_slice(row);
                start += row.len();
            }
        }
        Ok(self.take_full())
    }

    /// Adds interleaved sound; every chunk that it fills goes to `full`.
    pub(crate) fn add_sound(&mut self, sound: &AudioFrame, mut full: impl FnMut(Chunk)) -> Result<()> {
        if sound.format().is_planar() {
            return Err(Error::unsupported(format!("a chunk of {}", sound.format()), packed_names()));
        }
        let channels = sound.layout().channels();
        let step = channels * sound.format().bytes();
        let mut rest = sound.plane(0);
        while !rest.is_empty() {
            let done = (sound.plane(0).len() - rest.len()) / step;
            let clock = TimeBase::hz(sound.rate());
            let at = sound.time_base.at(sound.pts) + clock.at(done as i64).since(Timestamp::ZERO);
            let capacity = self.frames_per_chunk;
            let chunk = self.open.get_or_insert_with(|| Chunk::empty(at, &[channels], capacity * step));
            let room = capacity - chunk.shape[0];
            let (now, later) = rest.split_at((room * step).min(rest.len()));
            let start = chunk.len;
            chunk.grow(now.len(), now.len() / step);
            bytemuck::cast_slice_mut(&mut chunk.memory)[start..start + now.len()].copy_from_slice(now);
            rest = later;
            if let Some(chunk) = self.take_full() {
                full(chunk);
            }
        }
        Ok(())
    }

    /// The last chunk, which may have fewer frames.
    pub(crate) fn finish(&mut self) -> Option<Chunk> {
        self.open.take()
    }

    fn take_full(&mut self) -> Option<Chunk> {
        self.open.take_if(|chunk| chunk.shape[0] >= self.frames_per_chunk)
    }
}

impl Chunk {
    fn empty(at: Timestamp, frame: &[usize], capacity: usize) -> Self {
        let shape = std::iter::once(0).chain(frame.iter().copied()).collect();
        Self { at, shape, memory: Vec::with_capacity(capacity.div_ceil(8)), len: 0 }
    }

    fn grow(&mut self, bytes: usize, frames: usize) {
        self.len += bytes;
        self.shape[0] += frames;
        self.memory.resize(self.len.div_ceil(8), 0);
    }
}

fn packed_names() -> String {
    let packed = SampleFormat::ALL.iter().filter(|format| !format.is_planar());
    packed.map(|format| format.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{ChannelLayout, FramePool};

    #[test]
    fn sound_is_cut_into_chunks_without_loss() {
        let bytes: Vec<u8> = (0..20i16).flat_map(i16::to_ne_bytes).collect();
        let pool = FramePool::new();
        let sound =
            AudioFrame::from_raw(&pool, SampleFormat::S16, 1_000, ChannelLayout::Stereo, &bytes).unwrap();
        let (mut gather, mut chunks) = (Gather::new(4), Vec::new());
        gather.add_sound(&sound, |chunk| chunks.push(chunk)).unwrap();
        chunks.extend(gather.finish());
        let all: Vec<i16> = chunks.iter().flat_map(|chunk| chunk.samples::<i16>().to_vec()).collect();
        assert_eq!(all, (0..20).collect::<Vec<_>>());
        assert_eq!(
            chunks.iter().map(|chunk| chunk.shape().to_vec()).collect::<Vec<_>>(),
            [[4, 2], [4, 2], [2, 2]]
        );
        assert_eq!(chunks[1].at, Timestamp::from_millis(4));
    }

    #[test]
    fn pictures_stand_one_after_the_other() {
        let pool = FramePool::new();
        let mut gather = Gather::new(2);
        let picture = |value| VideoFrame::from_raw(&pool, PixelFormat::Rgb24, 3, 1, &[value; 9]).unwrap();
        assert!(gather.add_picture(&picture(1)).unwrap().is_none());
        let chunk = gather.add_picture(&picture(2)).unwrap().unwrap();
        assert_eq!((chunk.shape(), &chunk.bytes()[8..10]), (&[2, 1, 3, 3][..], &[1, 2][..]));
    }
}
