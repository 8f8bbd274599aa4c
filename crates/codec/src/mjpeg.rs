//! Motion JPEG (ITU-T T.81), decoded by `zune-jpeg`.

use std::collections::VecDeque;
use std::io::Cursor;

use brooklet_media::{
    CodecId, Color, Decoder, Error, Frame, FramePool, Matrix, Packet, PixelFormat, Range, Result,
    StreamParams, VideoFrame,
};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::guard::guarded;

const NAME: &str = "mjpeg";

/// An APP0 segment that says that the Huffman tables left out are those of T.81 Annex K: what AVI files say, and what
/// webcams mean without saying it.
const USUAL_TABLES: [u8; 10] = [0xFF, 0xE0, 0, 8, b'A', b'V', b'I', b'1', 0, 0];

/// JPEG pictures to frames of full range, each at once: `yuv420p`, `yuv422p`, `yuv444p` or `gray` as they are stored.
///
/// The library gives chroma at the size of luma; where the picture has less, it is brought back by averaging, without
/// a detour over RGB.
pub(crate) struct MjpegDecoder {
    params: StreamParams,
    pool: FramePool,
    ready: VecDeque<Frame>,
}

impl MjpegDecoder {
    pub(crate) fn new(params: &StreamParams, pool: FramePool) -> Result<Self> {
        if params.codec != CodecId::Mjpeg {
            return Err(Error::Usage(format!("{} is not Motion JPEG", params.codec)));
        }
        Ok(Self { params: params.clone(), pool, ready: VecDeque::new() })
    }
}

impl Decoder for MjpegDecoder {
    fn decode(&mut self, packet: &Packet) -> Result<()> {
        if packet.discard {
            return Ok(());
        }
        let head = Head::parse(&packet.data)?;
        VideoFrame::check_size(head.width, head.height)?;
        let samples = decode(&packet.data, &head)?;
        let mut frame = picture(&self.pool, &head, &samples)?;
        (frame.pts, frame.duration, frame.key) = (packet.pts, packet.duration, true);
        frame.time_base = self.params.time_base;
        frame.color = Color { range: Range::Full, matrix: Matrix::Bt601 };
        if let Some(video) = self.params.as_video() {
            frame.sample_aspect = video.sample_aspect;
        }
        self.ready.push_back(Frame::Video(frame));
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
        self.params = params.clone();
        Ok(())
    }
}

/// What stands before the picture itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Head {
    width: u32,
    height: u32,
    format: PixelFormat,
    has_tables: bool,
}

impl Head {
    /// Reads the segments up to the first scan (T.81 Annex B).
    fn parse(data: &[u8]) -> Result<Self> {
        let invalid = |at: usize, what: &str| Error::invalid(NAME, at as u64, what);
        if !data.starts_with(&[0xFF, 0xD8]) {
            return Err(invalid(0, "it does not start with SOI"));
        }
        let (mut at, mut frame, mut has_tables) = (2, None, false);
        loop {
            let &[0xFF, marker] =
                data.get(at..).and_then(<[u8]>::first_chunk).ok_or_else(|| invalid(at, "no scan"))?
            else {
                return Err(invalid(at, "no marker where one should be"));
            };
            // Fill bytes, and markers that stand alone.
            if marker == 0xFF || (0xD0..=0xD8).contains(&marker) || marker == 1 {
                at += if marker == 0xFF { 1 } else { 2 };
                continue;
            }
            if marker == 0xDA {
                break;
            }
            let length =
                data.get(at + 2..).and_then(<[u8]>::first_chunk).map(|length| u16::from_be_bytes(*length));
            let length = usize::from(length.unwrap_or(0));
            let body = length.checked_sub(2).and_then(|body| data.get(at + 4..)?.get(..body));
            let body = body.ok_or_else(|| invalid(at, "a segment is longer than the picture"))?;
            match marker {
                0xC4 => has_tables = true,
                0xC0..=0xC2 => {
                    frame = Some(read_frame(body).ok_or_else(|| invalid(at, "a damaged frame header"))?)
                }
                _ => {}
            }
            at += 2 + length;
        }
        let (width, height, sampling) = frame.ok_or_else(|| invalid(at, "a scan before a frame header"))?;
        let format = match sampling {
            None => PixelFormat::Gray8,
            Some((1, 1)) => PixelFormat::Yuv444p,
            Some((2, 1)) => PixelFormat::Yuv422p,
            Some((2, 2)) => PixelFormat::Yuv420p,
            Some((across, down)) => {
                let what = format!("JPEG with {across}x{down} luma samples to one of chroma");
                return Err(Error::unsupported(what, "1x1, 2x1, 2x2, or luma alone"));
            }
        };
        Ok(Self { width, height, format, has_tables })
    }
}

/// Luma samples to one of chroma, across and down; none where there is luma alone.
type Sampling = Option<(u8, u8)>;

/// Width, height and sampling.
fn read_frame(body: &[u8]) -> Option<(u32, u32, Sampling)> {
    let head: &[u8; 6] = body.first_chunk()?;
    let (height, width) = (u16::from_be_bytes([head[1], head[2]]), u16::from_be_bytes([head[3], head[4]]));
    let sampling = |component: usize| {
        let factors = *body.get(7 + 3 * component)?;
        let (across, down) = (factors >> 4, factors & 15);
        (across > 0 && down > 0).then_some((across, down))
    };
    let sampling = match head[5] {
        1 => None,
        3 => {
            let (luma, chroma) = (sampling(0)?, sampling(1)?);
            Some((luma.0 / chroma.0, luma.1 / chroma.1))
        }
        _ => return None,
    };
    Some((width.into(), height.into(), sampling))
}

/// Interleaved Y, Cb, Cr of every pixel, or Y alone.
fn decode(data: &[u8], head: &Head) -> Result<Vec<u8>> {
    let with_tables;
    let data = if head.has_tables {
        data
    } else {
        with_tables = [&data[..2], &USUAL_TABLES, &data[2..]].concat();
        &with_tables
    };
    let space = if head.format == PixelFormat::Gray8 { ColorSpace::Luma } else { ColorSpace::YCbCr };
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(space)
        .set_max_width(head.width as usize)
        .set_max_height(head.height as usize);
    let decoded = guarded(|| JpegDecoder::new_with_options(Cursor::new(data), options).decode());
    let samples = match decoded {
        Some(Ok(samples)) => samples,
        Some(Err(error)) => return Err(Error::invalid(NAME, 0, format!("{error:?}"))),
        None => return Err(Error::invalid(NAME, 0, "a damaged picture")),
    };
    let each = if space == ColorSpace::Luma { 1 } else { 3 };
    let wanted = head.width as usize * head.height as usize * each;
    if samples.len() < wanted { Err(Error::invalid(NAME, 0, "it ends early")) } else { Ok(samples) }
}

fn picture(pool: &FramePool, head: &Head, samples: &[u8]) -> Result<VideoFrame> {
    let mut frame = VideoFrame::new(pool, head.format, head.width, head.height)?;
    let strides = [0, 1, 2].map(|plane| frame.stride(plane));
    let width = head.width as usize;
    if head.format == PixelFormat::Gray8 {
        if let Some(plane) = frame.planes_mut().into_iter().next() {
            let rows = plane.chunks_exact_mut(strides[0]).zip(samples.chunks_exact(width));
            rows.for_each(|(out, row)| out[..width].copy_from_slice(row));
        }
        return Ok(frame);
    }
    let (across, down) = match head.format {
        PixelFormat::Yuv420p => (2, 2),
        PixelFormat::Yuv422p => (2, 1),
        _ => (1, 1),
    };
    let rows: Vec<&[u8]> = samples.chunks_exact(width * 3).collect();
    for (plane, out) in frame.planes_mut().into_iter().enumerate() {
        let (across, down) = if plane == 0 { (1, 1) } else { (across, down) };
        for (out, rows) in out.chunks_exact_mut(strides[plane]).zip(rows.chunks(down)) {
            for (column, sample) in out.iter_mut().take(width.div_ceil(across)).enumerate() {
                let block = rows.iter().flat_map(|row| {
                    let (from, upto) = (column * across, (column * across + across).min(width));
                    row[from * 3 + plane..]
                        .iter()
                        .step_by(3)
                        .take(upto - from)
                        .map(|sample| u32::from(*sample))
                });
                let (sum, count) = block.fold((0, 0), |(sum, count), sample| (sum + sample, count + 1));
                *sample = ((sum + count / 2) / count.max(1)) as u8;
            }
        }
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{TimeBase, VideoParams};
    use proptest::prelude::*;

    fn decoder() -> MjpegDecoder {
        let params = StreamParams::video(CodecId::Mjpeg, TimeBase::MILLIS, VideoParams::new(0, 0));
        MjpegDecoder::new(&params, FramePool::new()).unwrap()
    }

    /// 8x8 of one grey, without Huffman tables: a quantiser of ones, DC difference 0, end of block.
    fn flat() -> Vec<u8> {
        let quantiser = [&[0xFF, 0xDB, 0, 67, 0][..], &[1; 64]].concat();
        let frame = [0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0];
        // DC category 0 is 00, AC end of block is 1010; ones fill the byte.
        let scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, 0b0010_1011, 0xFF, 0xD9];
        [&[0xFF, 0xD8][..], &quantiser, &frame, &scan].concat()
    }

    #[test]
    fn the_usual_tables_are_meant_where_there_are_none() {
        let mut decoder = decoder();
        decoder.decode(&Packet::new(0, 40, flat().into())).unwrap();
        let Some(Frame::Video(frame)) = decoder.poll_frame() else { panic!("no picture") };
        assert_eq!(
            (frame.format(), frame.width(), frame.height(), frame.pts),
            (PixelFormat::Gray8, 8, 8, 40)
        );
        assert!(frame.plane(0)[..8].iter().all(|sample| *sample == 128));
    }

    #[test]
    fn a_forged_size_is_refused_before_memory_is_taken() {
        let mut forged = flat();
        let at = forged.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        forged[at + 5..at + 9].fill(0xFF);
        assert!(matches!(decoder().decode(&Packet::new(0, 0, forged.into())), Err(Error::Limit { .. })));
    }

    proptest! {
        #[test]
        fn damage_is_refused_or_shown(
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut: prop::sample::Index,
        ) {
            let mut data = flat();
            for (at, byte) in flips {
                let at = at.index(data.len());
                data[at] = byte;
            }
            // A large picture is only slower.
            if Head::parse(&data).is_ok_and(|head| head.width * head.height < 1 << 16) {
                let _ = decoder().decode(&Packet::new(0, 0, data.clone().into()));
            }
            data.truncate(cut.index(data.len()));
            let _ = Head::parse(&data);
        }
    }
}
