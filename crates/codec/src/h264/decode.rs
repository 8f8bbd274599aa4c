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
use super::headers::{ParameterSets, Parity, SliceHead, is_recovery_point, reorder_depth};
use super::reorder::Reorder;

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
    waiting: bool,
    dts: i64,
    ready: VecDeque<Frame>,
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
            waiting: true,
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
        self.inner.decode_nal(&library_unit(unit)).map_err(failed)?;
        Ok(())
    }

    /// Decodes a slice, finishing the picture before it where it begins another.
    fn take_slice(&mut self, unit: &[u8], packet: &Packet, can_start: bool) -> Result<()> {
        let head = self.sets.slice_head(unit)?;
        let idr = nal_type(unit) == NAL_IDR;
        if self.waiting && !(can_start || idr || head.intra) {
            return Ok(());
        }
        if head.first_mb == 0 || self.picture.is_none() {
            self.begin_picture(head, idr, unit, packet)?;
        }
        self.waiting = false;
        // What an earlier picture left pending was taken above, so nothing comes of this.
        self.inner.decode_nal(&library_unit(unit)).map_err(failed)?;
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
        let decoded = self.inner.flush();
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
        if !picture.discard {
            let mut frame = copy(&self.pool, &decoded, sps)?;
            (frame.pts, frame.duration, frame.time_base) = (picture.pts, picture.duration, self.time_base);
            (frame.color, frame.sample_aspect) = (sps.color, sps.sample_aspect);
            frame.key = picture.key || picture.idr;
            self.order.push(count, frame);
        }
        Ok(())
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
        let (mut can_start, mut slice_pixels) = (packet.key, 0);
        for unit in nal::length_prefixed_units(&packet.data, 4) {
            match nal_type(unit) {
                NAL_SPS | NAL_PPS => note(self.take_set(unit)),
                NAL_SEI => can_start |= self.waiting && is_recovery_point(unit),
                NAL_SLICE | NAL_IDR => {
                    note(self.take_slice(unit, packet, can_start));
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
        (self.order, self.picture, self.waiting) = (Reorder::default(), None, true);
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
