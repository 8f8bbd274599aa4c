//! VP9 (VP9 Bitstream & Decoding Process Specification), decoded by `rusty_vp9`.

use std::collections::VecDeque;

use brooklet_media::{
    CodecId, Color, Decoder, Error, Frame, FramePool, Packet, PixelFormat, Result, StreamParams, VideoFrame,
};
use rusty_vp9::{BitReader, DecodedFrame, parse_uncompressed_header};

use crate::guard::guarded;

const NAME: &str = "vp9";

/// The largest picture in pixels: that of the highest level, 6.2 (annex A).
const MAX_PIXELS: u64 = 35_651_584;

/// VP9 packets to pictures in order of presentation, each at once. After [`Decoder::reset`], and at the start, packets
/// are skipped until a key frame.
pub(crate) struct Vp9Decoder {
    inner: rusty_vp9::Vp9Decoder,
    params: StreamParams,
    pool: FramePool,
    started: bool,
    ready: VecDeque<Frame>,
}

impl Vp9Decoder {
    pub(crate) fn new(params: &StreamParams, pool: FramePool) -> Result<Self> {
        if params.codec != CodecId::Vp9 {
            return Err(Error::Usage(format!("{} is not VP9", params.codec)));
        }
        let (inner, ready) = (rusty_vp9::Vp9Decoder::new(), VecDeque::new());
        Ok(Self { inner, params: params.clone(), pool, started: false, ready })
    }

    fn show(&mut self, picture: &DecodedFrame, packet: &Packet) -> Result<()> {
        if packet.discard {
            return Ok(());
        }
        let mut frame = copy(&self.pool, picture)?;
        (frame.pts, frame.duration, frame.key) = (packet.pts, packet.duration, packet.key);
        frame.time_base = self.params.time_base;
        if let Some(video) = self.params.as_video() {
            (frame.sample_aspect, frame.color) = (video.sample_aspect, video.color);
        }
        self.ready.push_back(Frame::Video(frame));
        Ok(())
    }

    /// Begins anew at the next key frame.
    fn restart(&mut self) {
        (self.inner, self.started) = (rusty_vp9::Vp9Decoder::new(), false);
    }
}

impl Decoder for Vp9Decoder {
    fn decode(&mut self, packet: &Packet) -> Result<()> {
        self.started |= packet.key;
        if !self.started {
            return Ok(());
        }
        let frames = frames(&packet.data);
        for frame in &frames {
            check_size(frame)?;
        }
        let (inner, mut outcome) = (&mut self.inner, Ok(()));
        if !matches!(guarded(|| inner.push(&packet.data, None)), Some(Ok(()))) {
            self.restart();
            return Err(damaged());
        }
        // One step for each: what is hidden gives nothing.
        for _ in 0..frames.len() {
            let inner = &mut self.inner;
            match guarded(|| inner.next_frame()) {
                Some(Ok(picture)) => outcome = outcome.and(self.show(&picture, packet)),
                Some(Err(rusty_vp9::Error::Again | rusty_vp9::Error::Eof)) => {}
                Some(Err(rusty_vp9::Error::InvalidData(what))) => {
                    outcome = outcome.and(Err(Error::invalid(NAME, 0, what)));
                }
                Some(Err(other)) => {
                    outcome = outcome.and(Err(Error::Codec { codec: NAME, what: other.to_string() }));
                }
                None => {
                    self.restart();
                    return Err(damaged());
                }
            }
        }
        outcome
    }

    fn poll_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn reset(&mut self) {
        self.ready.clear();
        self.restart();
    }

    fn change_params(&mut self, params: &StreamParams) -> Result<()> {
        self.params = params.clone();
        Ok(())
    }
}

/// The frames of a packet: those of a superframe (annex B), or one.
fn frames(packet: &[u8]) -> Vec<&[u8]> {
    superframe(packet).unwrap_or_else(|| vec![packet])
}

fn superframe(packet: &[u8]) -> Option<Vec<&[u8]>> {
    let marker = *packet.last()?;
    if marker & 0xE0 != 0xC0 {
        return None;
    }
    let (count, size_bytes) = (usize::from(marker & 7) + 1, usize::from(marker >> 3 & 3) + 1);
    let index = packet.len().checked_sub(2 + count * size_bytes)?;
    if packet[index] != marker {
        return None;
    }
    let mut rest = &packet[..index];
    let mut frames = Vec::with_capacity(count);
    for size in packet[index + 1..packet.len() - 1].chunks_exact(size_bytes) {
        let size = size.iter().rev().fold(0usize, |size, byte| size << 8 | usize::from(*byte));
        let (frame, after) = rest.split_at_checked(size)?;
        frames.push(frame);
        rest = after;
    }
    Some(frames)
}

/// Refuses a size before anything is allocated for it; one taken from a reference was checked there.
fn check_size(frame: &[u8]) -> Result<()> {
    let mut bits = BitReader::new(frame);
    match guarded(|| parse_uncompressed_header(&mut bits, &[(16, 16); 8])) {
        Some(Ok(header)) if !header.show_existing_frame => {
            VideoFrame::check_size(header.width, header.height)?;
            let pixels = u64::from(header.width) * u64::from(header.height);
            Error::check_limit(NAME, "picture area", pixels, MAX_PIXELS)
        }
        // The decoder says what is wrong with it.
        Some(_) => Ok(()),
        None => Err(damaged()),
    }
}

fn copy(pool: &FramePool, picture: &DecodedFrame) -> Result<VideoFrame> {
    let format = match (picture.bit_depth, picture.subsampling_x, picture.subsampling_y) {
        (8, 1, 1) => PixelFormat::Yuv420p,
        (8, 1, 0) => PixelFormat::Yuv422p,
        (8, 0, 0) => PixelFormat::Yuv444p,
        (10, 1, 1) => PixelFormat::Yuv420p10,
        (10, 1, 0) => PixelFormat::Yuv422p10,
        (depth, x, y) => {
            return Err(Error::unsupported(
                format!("VP9 of {depth} bits, chroma subsampled by {x} and {y}"),
                "4:2:0 and 4:2:2 in 8 and 10 bits, 4:4:4 in 8",
            ));
        }
    };
    let mut frame = VideoFrame::new(pool, format, picture.width, picture.height)?;
    frame.color = Color::default();
    let strides = [0, 1, 2].map(|plane| frame.stride(plane));
    for (plane, out) in frame.planes_mut().into_iter().enumerate() {
        let row_bytes = format.row_bytes(plane, picture.width);
        let (Some(samples), Some(stride)) = (picture.planes.get(plane), picture.strides.get(plane)) else {
            return Err(damaged());
        };
        for (out, row) in out.chunks_exact_mut(strides[plane]).zip(samples.chunks((*stride).max(1))) {
            out[..row_bytes].copy_from_slice(row.get(..row_bytes).ok_or_else(damaged)?);
        }
    }
    Ok(frame)
}

fn damaged() -> Error {
    Error::invalid(NAME, 0, "a damaged picture")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_superframe_is_taken_apart() {
        let packet = [1, 2, 3, 4, 0xC1, 1, 3, 0xC1];
        assert_eq!(frames(&packet), [&[1][..], &[2, 3, 4]]);
        assert_eq!(frames(&[1, 2, 3, 4, 0xC1, 1, 9, 0xC1]).len(), 1, "past the end");
        assert_eq!(frames(&[0xC7]).len(), 1);
        assert_eq!(frames(&[]).len(), 1);
    }

    #[test]
    fn a_forged_size_is_refused_before_memory_is_taken() {
        // A key frame of profile 0 that claims 65536x65536.
        let mut forged = vec![0x82, 0x49, 0x83, 0x42, 0x0F, 0xFF, 0xFF, 0xFF, 0xF0];
        forged.resize(64, 0);
        let params = StreamParams::video(
            CodecId::Vp9,
            brooklet_media::TimeBase::MILLIS,
            brooklet_media::VideoParams::new(0, 0),
        );
        let mut decoder = Vp9Decoder::new(&params, FramePool::new()).unwrap();
        let refused = decoder.decode(&Packet::new(0, 0, forged.into())).unwrap_err();
        assert!(matches!(refused, Error::Limit { .. }), "{refused}");
    }
}
