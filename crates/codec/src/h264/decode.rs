//! Packets to pictures.

use std::borrow::Cow;
use std::collections::VecDeque;

use brooklet_media::bitstream::h264::{
    AvcConfig, NAL_IDR, NAL_PPS, NAL_SEI, NAL_SLICE, NAL_SPS, Sps, nal_type,
};
use brooklet_media::bitstream::nal;
use brooklet_media::{
    CodecId, Decoder, Error, Frame, FramePool, Packet, Result, StreamParams, TimeBase, VideoFrame,
};
use rust_h264::decoder::Decoder as Inner;
use rust_h264::error::DecodeError;
use rust_h264::nal::{NalUnit, NalUnitType};

use super::NAME;
use super::headers::{ParameterSets, Parity, SliceHead, recovery_point, reorder_depth};
use super::reorder::Reorder;
use crate::guard::guarded;

/// The most pixels that slices of one packet may touch together. The library copies the picture so far for
/// each slice but the first, so that a packet of a thousand slices could keep it busy for minutes; this is 256
/// slices of 1920x1080.
const MAX_SLICE_PIXELS: u64 = 512 << 20;

/// H.264 packets to pictures in order of presentation.
///
/// A picture is finished when its packet has been read, not when the next one begins, so a stream without
/// B-frames has no delay. After [`Decoder::reset`], and at the start, packets are skipped until one where
/// decoding can begin.
pub(crate) struct H264Decoder {
    inner: Inner,
    sets: ParameterSets,
    extradata: Option<AvcConfig>,
    time_base: TimeBase,
    pool: FramePool,
    order: Reorder,
    picture: Option<Picture>,
    start: Start,
    dts: i64,
    ready: VecDeque<Frame>,
}

/// How far decoding has come to pictures that are whole.
#[derive(Clone, Copy)]
enum Start {
    /// It waits for a picture to start with.
    Waiting,
    /// It started with a picture that is not IDR. Pictures shown before that one (at `pts`) refer to some that
    /// never came, and so may this many reference pictures from it on.
    Recovering {
        pts: i64,
        references: u32,
    },
    Done,
}

/// The picture that slices are being decoded into.
struct Picture {
    head: SliceHead,
    idr: bool,
    reference: bool,
    key: bool,
    discard: bool,
    pts: i64,
    duration: i64,
    /// The field that has come, where the other is still to come.
    lone_field: Option<Parity>,
}

impl H264Decoder {
    pub(crate) fn new(params: &StreamParams, pool: FramePool) -> Result<Self> {
        if params.codec != CodecId::H264 {
            return Err(Error::Usage(format!("{} is not H.264", params.codec)));
        }
        let mut decoder = Self {
            inner: Inner::new(),
            sets: ParameterSets::default(),
            extradata: None,
            time_base: params.time_base,
            pool,
            order: Reorder::default(),
            picture: None,
            start: Start::Waiting,
            dts: i64::MIN,
            ready: VecDeque::new(),
        };
        decoder.take_extradata(params)?;
        Ok(decoder)
    }

    fn take_extradata(&mut self, params: &StreamParams) -> Result<()> {
        self.extradata = match params.extradata.is_empty() {
            true => None,
            false => Some(AvcConfig::parse(&params.extradata)?),
        };
        if let Some(sps) = self.extradata.as_ref().and_then(AvcConfig::first_sps)
            && sps.chroma_format == 3
        {
            return Err(unsupported("4:4:4 chroma"));
        }
        self.take_sets()
    }

    /// Hands the parameter sets of the configuration to the library.
    fn take_sets(&mut self) -> Result<()> {
        let Some(config) = self.extradata.take() else { return Ok(()) };
        let taken = config.sps.iter().chain(&config.pps).try_for_each(|unit| self.take_set(unit));
        self.extradata = Some(config);
        taken
    }

    fn take_set(&mut self, unit: &[u8]) -> Result<()> {
        match nal_type(unit) {
            NAL_SPS => self.sets.take_sps(unit)?,
            _ => self.sets.take_pps(unit)?,
        }
        self.guarded(|inner| inner.decode_nal(&library_unit(unit)))?.map_err(failed)?;
        Ok(())
    }

    /// Decodes a slice, finishing the picture before it where it begins another. `recovery` is what a recovery
    /// point in the packet says.
    fn take_slice(&mut self, unit: &[u8], packet: &Packet, recovery: Option<u32>) -> Result<()> {
        let head = self.sets.slice_head(unit)?;
        let idr = nal_type(unit) == NAL_IDR;
        if matches!(self.start, Start::Waiting) {
            self.start = match recovery {
                _ if idr => Start::Done,
                Some(references) => Start::Recovering { pts: packet.pts, references },
                None if packet.key || head.intra => Start::Recovering { pts: packet.pts, references: 0 },
                None => return Ok(()),
            };
        }
        if head.first_mb == 0 || self.picture.is_none() {
            self.begin_picture(head, idr, unit, packet)?;
        }
        if let Some(picture) = &mut self.picture {
            picture.key |= idr || recovery == Some(0);
        }
        // What an earlier picture left pending was taken above, so nothing comes of this.
        self.guarded(|inner| inner.decode_nal(&library_unit(unit)))?.map_err(failed)?;
        Ok(())
    }

    fn begin_picture(&mut self, head: SliceHead, idr: bool, unit: &[u8], packet: &Packet) -> Result<()> {
        if let Some(first) = &mut self.picture
            && let (Some(field), Some(lone)) = (head.field, first.lone_field)
            && field != lone
            && head.frame_num == first.head.frame_num
        {
            first.lone_field = None;
            return Ok(());
        }
        // A packet may hold two pictures, though it should not.
        let second = self.picture.as_ref().is_some_and(|first| first.pts == packet.pts);
        let pts = if second { packet.pts.saturating_add(packet.duration) } else { packet.pts };
        let finished = self.finish_picture();
        self.picture = Some(Picture {
            lone_field: head.field,
            head,
            idr,
            reference: unit.first().is_some_and(|header| header & 0x60 != 0),
            key: packet.key,
            discard: packet.discard,
            pts,
            duration: packet.duration,
        });
        finished
    }

    /// Takes the picture that is being decoded from the library, into its place in the order.
    fn finish_picture(&mut self) -> Result<()> {
        let decoded = self.guarded(Inner::flush)?;
        let (Some(picture), Some(decoded)) = (self.picture.take(), decoded) else { return Ok(()) };
        let sps = &picture.head.sps;
        // A field whose other half was lost comes out as a picture of half the height.
        if (decoded.width, decoded.height) != (sps.width, sps.height) {
            return Ok(());
        }
        // A picture with memory_management_control_operation 5 leaves the library with its count reset to 0,
        // which no other picture between two IDR pictures has.
        let count = decoded.pic_order_cnt;
        let resets = count == 0 && picture.reference && !picture.head.bidirectional;
        if picture.idr || resets {
            self.order.begin_period();
        }
        self.order.set_depth(reorder_depth(sps), sps.reorder.is_some());
        if !picture.discard && self.is_whole(&picture) {
            let mut frame = copy(&self.pool, &decoded, sps)?;
            (frame.pts, frame.duration, frame.time_base) = (picture.pts, picture.duration, self.time_base);
            (frame.color, frame.sample_aspect) = (sps.color, sps.sample_aspect);
            frame.key = picture.key;
            self.order.push(count, frame);
        }
        Ok(())
    }

    /// Calls the library. Damaged streams make its sums overflow, which panics where the build checks for it;
    /// decoding then starts again at the next key frame.
    fn guarded<T>(&mut self, call: impl FnOnce(&mut Inner) -> T) -> Result<T> {
        guarded(|| call(&mut self.inner)).ok_or_else(|| {
            (self.inner, self.picture, self.start) = (Inner::new(), None, Start::Waiting);
            let _ = self.take_sets();
            Error::invalid(NAME, 0, "a damaged slice")
        })
    }

    /// Whether everything that the picture may refer to has been decoded.
    fn is_whole(&mut self, picture: &Picture) -> bool {
        let Start::Recovering { pts, references } = &mut self.start else { return true };
        let whole = picture.idr || *references == 0 && picture.pts >= *pts;
        if picture.idr || whole && picture.pts > *pts {
            self.start = Start::Done;
        } else if picture.reference {
            *references = references.saturating_sub(1);
        }
        whole
    }

    /// Whether the picture is a field that the next packet may complete.
    fn awaits_field(&self) -> bool {
        self.picture.as_ref().is_some_and(|picture| picture.lone_field.is_some())
    }
}

impl Decoder for H264Decoder {
    fn decode(&mut self, packet: &Packet) -> Result<()> {
        let mut result = Ok(());
        let mut note = |step: Result<()>| {
            if result.is_ok() {
                result = step;
            }
        };
        let (mut recovery, mut slice_pixels) = (None, 0);
        for unit in nal::length_prefixed_units(&packet.data, 4) {
            match nal_type(unit) {
                NAL_SPS | NAL_PPS => note(self.take_set(unit)),
                NAL_SEI => recovery = recovery.or_else(|| recovery_point(unit)),
                NAL_SLICE | NAL_IDR => {
                    note(self.take_slice(unit, packet, recovery));
                    slice_pixels += self.picture.as_ref().map_or(0, |picture| pixels(&picture.head.sps));
                    if slice_pixels > MAX_SLICE_PIXELS {
                        note(Error::check_limit(
                            NAME,
                            "pixels in the slices of a packet",
                            slice_pixels,
                            MAX_SLICE_PIXELS,
                        ));
                        break;
                    }
                }
                _ => {}
            }
        }
        if !self.awaits_field() {
            note(self.finish_picture());
        }
        self.dts = packet.dts;
        while let Some(frame) = self.order.pop(self.dts) {
            self.ready.push_back(Frame::Video(frame));
        }
        result
    }

    fn poll_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<()> {
        let finished = self.finish_picture();
        while let Some(frame) = self.order.pop_any() {
            self.ready.push_back(Frame::Video(frame));
        }
        finished
    }

    fn reset(&mut self) {
        self.inner = Inner::new();
        (self.order, self.picture, self.start) = (Reorder::default(), None, Start::Waiting);
        self.ready.clear();
        // They were taken before.
        let _ = self.take_sets();
    }

    fn change_params(&mut self, params: &StreamParams) -> Result<()> {
        let finished = self.finish_picture();
        self.time_base = params.time_base;
        self.take_extradata(params)?;
        finished
    }
}

/// One unit as the library wants it: without its header byte and its escapes.
fn library_unit(unit: &[u8]) -> NalUnit<'_> {
    let (header, payload) = unit.split_first().map_or((0, unit), |(header, payload)| (*header, payload));
    let escaped = payload.windows(3).any(|bytes| bytes == [0, 0, 3]);
    NalUnit {
        nal_ref_idc: header >> 5 & 3,
        nal_unit_type: NalUnitType::from(header & 0x1F),
        rbsp: if escaped { Cow::Owned(nal::unescape(payload)) } else { Cow::Borrowed(payload) },
    }
}

/// The library's picture, whose rows have no padding, in a frame of ours.
fn copy(pool: &FramePool, decoded: &rust_h264::decoder::Frame, sps: &Sps) -> Result<VideoFrame> {
    let format = sps.pixel_format().ok_or_else(|| unsupported("its sample depth"))?;
    let mut frame = VideoFrame::new(pool, format, decoded.width, decoded.height)?;
    let strides = [0, 1, 2].map(|plane| frame.stride(plane));
    let sources = [&decoded.y, &decoded.u, &decoded.v];
    for (plane, out) in frame.planes_mut().into_iter().enumerate() {
        if plane > 0 && sps.chroma_format == 0 {
            fill_grey(out, sps.bit_depth);
            continue;
        }
        let row_bytes = format.row_bytes(plane, decoded.width);
        for (out, row) in out.chunks_exact_mut(strides[plane]).zip(sources[plane].chunks_exact(row_bytes)) {
            out[..row_bytes].copy_from_slice(row);
        }
    }
    Ok(frame)
}

/// The chroma of a picture that has none.
fn fill_grey(plane: &mut [u8], bit_depth: u8) {
    match bit_depth {
        8 => plane.fill(128),
        deep => {
            let grey = (1u16 << (deep - 1)).to_le_bytes();
            plane.chunks_exact_mut(2).for_each(|sample| sample.copy_from_slice(&grey));
        }
    }
}

fn pixels(sps: &Sps) -> u64 {
    u64::from(sps.mbs_wide * sps.mbs_high) * 256
}

fn failed(error: DecodeError) -> Error {
    match error {
        DecodeError::Unsupported(what) => unsupported(what),
        DecodeError::InvalidSyntax(what) => Error::invalid(NAME, 0, what),
        DecodeError::UnexpectedEof => Error::invalid(NAME, 0, "a unit ends too early"),
    }
}

fn unsupported(what: &str) -> Error {
    Error::unsupported(
        format!("H.264 with {what}"),
        "8 and 10 bits, 4:2:0, 4:2:2 and monochrome, Baseline to High 4:2:2",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::VideoParams;
    use bytes::Bytes;

    /// Nine flat pictures of 16x16 whose luma is 40, 60, 80 …, by x264 with a pyramid of B-frames: the
    /// configuration, then (pts, dts) and packet in decoding order.
    const CONFIG: &str = "0164000affe100176764000aacd95ec044000003000400000300c83c48965801000668e9282b2c8b\
                          fdf8f800";
    const PACKETS: [(i64, i64, &str); 9] = [
        (0, -2, "0000000d65888400ebfef6737c0a6a8427"),
        (4, -1, "0000000c419a2467ffab873702762980"),
        (2, 0, "00000007419e4278afd181"),
        (1, 1, "00000008019e617449ffd380"),
        (3, 2, "00000008019e636a49ffd381"),
        (8, 3, "00000011419a685e9688ffa963e22effff8fe04ff1"),
        (6, 4, "00000009419e866e5112d7d181"),
        (5, 5, "00000008019ea57449ffd381"),
        (7, 6, "00000008019ea76a49ffd380"),
    ];

    fn bytes(hex: &str) -> Bytes {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    fn decoder() -> H264Decoder {
        let mut params = StreamParams::video(CodecId::H264, TimeBase::hz(25), VideoParams::new(16, 16));
        params.extradata = bytes(CONFIG);
        H264Decoder::new(&params, FramePool::new()).unwrap()
    }

    fn packets() -> Vec<Packet> {
        let packet = |(pts, dts, data): &(i64, i64, &str)| {
            let mut packet = Packet::new(0, *pts, bytes(data));
            (packet.dts, packet.key) = (*dts, *pts == 0);
            packet
        };
        PACKETS.iter().map(packet).collect()
    }

    /// The pts and the luma of every picture that is ready.
    fn shown(decoder: &mut H264Decoder) -> Vec<(i64, u8)> {
        let picture = |frame| match frame {
            Frame::Video(frame) => (frame.pts, frame.plane(0)[0]),
            Frame::Audio(_) => panic!("sound"),
        };
        std::iter::from_fn(|| decoder.poll_frame()).map(picture).collect()
    }

    #[test]
    fn pictures_come_in_order_with_their_times() {
        let mut decoder = decoder();
        let mut all = Vec::new();
        for (index, packet) in packets().iter().enumerate() {
            decoder.decode(packet).unwrap();
            all.extend(shown(&mut decoder));
            assert_eq!(all.len(), (index + 1).saturating_sub(2), "no more than two wait");
        }
        decoder.flush().unwrap();
        all.extend(shown(&mut decoder));
        assert_eq!(all, (0..9).map(|pts| (pts, 40 + 20 * pts as u8)).collect::<Vec<_>>());
    }

    #[test]
    fn discarded_pictures_are_decoded_and_not_shown() {
        let mut decoder = decoder();
        for mut packet in packets() {
            packet.discard = packet.pts < 3;
            decoder.decode(&packet).unwrap();
        }
        decoder.flush().unwrap();
        assert_eq!(shown(&mut decoder)[..2], [(3, 100), (4, 120)]);
    }

    #[test]
    fn nothing_is_shown_before_a_key_frame() {
        let mut decoder = decoder();
        let packets = packets();
        packets[3..].iter().for_each(|packet| decoder.decode(packet).unwrap());
        decoder.flush().unwrap();
        assert!(shown(&mut decoder).is_empty());
        packets[..2].iter().for_each(|packet| decoder.decode(packet).unwrap());
        decoder.reset();
        packets.iter().for_each(|packet| decoder.decode(packet).unwrap());
        decoder.flush().unwrap();
        assert_eq!(shown(&mut decoder).len(), 9);
    }

    #[test]
    fn every_single_damaged_bit_is_survived() {
        for at in 0..PACKETS.len() {
            let bits = packets()[at].data.len() * 8;
            for bit in 0..bits {
                let mut decoder = decoder();
                let mut seen = 0;
                for (index, mut packet) in packets().into_iter().enumerate().take(at + 3) {
                    if index == at {
                        let mut data = packet.data.to_vec();
                        data[bit / 8] ^= 0x80 >> (bit % 8);
                        packet.data = data.into();
                    }
                    let _ = decoder.decode(&packet);
                    seen += shown(&mut decoder).len();
                }
                let _ = decoder.flush();
                seen += shown(&mut decoder).len();
                // A damaged first_mb_in_slice may make two pictures of a packet.
                assert!(seen <= at + 4, "{seen} pictures, bit {bit} of packet {at}");
            }
        }
    }
}
