//! Packets to pictures.

use std::collections::VecDeque;

use brooklet_media::bitstream::av1::{
    Av1Config, OBU_FRAME, OBU_FRAME_HEADER, OBU_REDUNDANT_FRAME_HEADER, OBU_SEQUENCE_HEADER,
    OBU_TEMPORAL_DELIMITER, OBU_TILE_GROUP, SequenceHeader, obus,
};
use brooklet_media::{
    CodecId, Color, Decoder, Error, Frame, FramePool, Packet, PixelFormat, Result, StreamParams, VideoFrame,
};
use rusty_av1d::{Picture, PixelLayout, PlanarImageComponent, Rav1dError, Settings};

use super::NAME;
use crate::guard::guarded;

/// The largest picture in pixels: that of the highest level, 6.3 (annex A.3), with which 8192x4352 is allowed.
const MAX_PIXELS: u32 = 35_651_584;

/// The most pictures, shown or not, that a packet may hold. A temporal unit shows one and brings a few that are shown
/// later; a forged one of some bytes for each could keep the decoder busy for minutes.
const MAX_PICTURES: u64 = 32;

/// What the library carries from a packet to its picture, beside times.
const KEY: i64 = 1;
const DISCARD: i64 = 2;

/// AV1 packets to pictures in order of presentation, each at once.
///
/// Only units that pictures are made of reach the library, which writes to standard error what it finds wrong with them,
/// and panics where a picture is damaged inside: decoding then goes on at the next key frame. After [`Decoder::reset`],
/// and at the start, packets are
/// skipped until a key frame.
pub(crate) struct Av1Decoder {
    inner: rusty_av1d::Decoder,
    /// The units of the configuration, for streams whose key frames come without their sequence header.
    config: Option<Av1Config>,
    params: StreamParams,
    color: Color,
    pool: FramePool,
    started: bool,
    ready: VecDeque<Frame>,
}

impl Av1Decoder {
    pub(crate) fn new(params: &StreamParams, pool: FramePool) -> Result<Self> {
        if params.codec != CodecId::Av1 {
            return Err(Error::Usage(format!("{} is not AV1", params.codec)));
        }
        let mut decoder = Self {
            inner: open()?,
            config: None,
            params: params.clone(),
            color: Color::default(),
            pool,
            started: false,
            ready: VecDeque::new(),
        };
        decoder.take_params(params)?;
        Ok(decoder)
    }

    fn take_params(&mut self, params: &StreamParams) -> Result<()> {
        self.params = params.clone();
        self.color = params.as_video().map_or_else(Color::default, |video| video.color);
        self.config = match params.extradata.is_empty() {
            true => None,
            false => Some(Av1Config::parse(&params.extradata)?),
        };
        match self.config.as_ref().and_then(Av1Config::sequence_header) {
            Some(header) => self.take_header(&header),
            None => Ok(()),
        }
    }

    fn take_header(&mut self, header: &SequenceHeader) -> Result<()> {
        if header.pixel_format().is_none() && !(header.monochrome && header.bit_depth == 10) {
            return Err(unsupported(header.bit_depth));
        }
        // What the container says of colour stands where the stream says nothing.
        if header.color != Color::default() {
            self.color = header.color;
        }
        Ok(())
    }

    /// What of a packet the library is given. A sequence header is put in front of a key frame that has none.
    fn units(&mut self, packet: &Packet) -> Result<Box<[u8]>> {
        let mut units = Vec::with_capacity(packet.data.len() + 32);
        let has_header = obus(&packet.data).any(|obu| obu.kind == OBU_SEQUENCE_HEADER);
        if let (false, true, Some(config)) = (has_header, packet.key, &self.config) {
            units.extend_from_slice(&config.units);
        }
        let mut pictures = 0;
        for obu in obus(&packet.data) {
            match obu.kind {
                OBU_SEQUENCE_HEADER => self.take_header(&SequenceHeader::parse(obu.payload)?)?,
                OBU_FRAME | OBU_FRAME_HEADER => pictures += 1,
                OBU_TEMPORAL_DELIMITER | OBU_TILE_GROUP | OBU_REDUNDANT_FRAME_HEADER => {}
                _ => continue,
            }
            units.extend_from_slice(obu.bytes);
        }
        Error::check_limit(NAME, "pictures in a packet", pictures, MAX_PICTURES)?;
        Ok(units.into())
    }

    /// Hands units to the library and takes all pictures that come of them.
    fn feed(&mut self, units: Box<[u8]>, packet: &Packet) -> Result<()> {
        let marks = if packet.key { KEY } else { 0 } | if packet.discard { DISCARD } else { 0 };
        let (pts, duration) = (Some(packet.pts), Some(packet.duration));
        let inner = &mut self.inner;
        let mut sent = guarded(|| inner.send_data(units, Some(marks), pts, duration));
        let mut outcome = Ok(());
        loop {
            let before = self.ready.len();
            let taken = self.take_pictures();
            let progress = self.ready.len() > before || taken.is_err();
            outcome = outcome.and(taken);
            match sent {
                Some(Ok(())) => return outcome,
                Some(Err(Rav1dError::TryAgain)) if progress => {}
                Some(Err(Rav1dError::TryAgain)) | None => return Err(self.restart()),
                Some(Err(error)) => return outcome.and(Err(failed(error))),
            }
            let inner = &mut self.inner;
            sent = guarded(|| inner.send_pending_data());
        }
    }

    /// Takes the pictures that the library has ready.
    fn take_pictures(&mut self) -> Result<()> {
        loop {
            let inner = &mut self.inner;
            match guarded(|| inner.get_picture()) {
                Some(Ok(picture)) => self.show(&picture)?,
                Some(Err(Rav1dError::TryAgain)) => return Ok(()),
                Some(Err(error)) => return Err(failed(error)),
                None => return Err(self.restart()),
            }
        }
    }

    fn show(&mut self, picture: &Picture) -> Result<()> {
        if picture.offset() & DISCARD != 0 {
            return Ok(());
        }
        let mut frame = copy(&self.pool, picture)?;
        frame.pts = picture.timestamp().unwrap_or(0);
        frame.duration = picture.duration();
        frame.time_base = self.params.time_base;
        frame.color = self.color;
        if let Some(video) = self.params.as_video() {
            frame.sample_aspect = video.sample_aspect;
        }
        frame.key = picture.offset() & KEY != 0;
        self.ready.push_back(Frame::Video(frame));
        Ok(())
    }

    /// A new start after a panic in the library, whose state is then not to be trusted: the error that says so.
    fn restart(&mut self) -> Error {
        self.started = false;
        match open() {
            Ok(fresh) => {
                let broken = std::mem::replace(&mut self.inner, fresh);
                let _ = guarded(move || drop(broken));
                Error::invalid(NAME, 0, "a damaged picture")
            }
            Err(error) => error,
        }
    }
}

impl Decoder for Av1Decoder {
    fn decode(&mut self, packet: &Packet) -> Result<()> {
        self.started |= packet.key;
        if !self.started {
            return Ok(());
        }
        let units = self.units(packet)?;
        // The library takes nothing for the end of the stream.
        if units.is_empty() { Ok(()) } else { self.feed(units, packet) }
    }

    fn poll_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<()> {
        // Without threads it holds nothing back.
        self.take_pictures()
    }

    fn reset(&mut self) {
        self.ready.clear();
        self.started = false;
        let inner = &mut self.inner;
        if guarded(|| inner.flush()).is_none() {
            let _ = self.restart();
        }
    }

    fn change_params(&mut self, params: &StreamParams) -> Result<()> {
        self.take_params(params)
    }
}

fn open() -> Result<rusty_av1d::Decoder> {
    let mut settings = Settings::new();
    // No threads below the facade, so no picture waits for the next either.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_frame_size_limit(MAX_PIXELS);
    // Of a scalable stream one picture at a time, the best.
    settings.set_all_layers(false);
    guarded(|| rusty_av1d::Decoder::with_settings(&settings))
        .unwrap_or(Err(Rav1dError::InvalidArgument))
        .map_err(failed)
}

/// The library's picture in a frame of ours.
fn copy(pool: &FramePool, picture: &Picture) -> Result<VideoFrame> {
    let depth = picture.bit_depth();
    let format = match (picture.pixel_layout(), depth) {
        (PixelLayout::I400, 8) => PixelFormat::Gray8,
        (PixelLayout::I420, 8) => PixelFormat::Yuv420p,
        (PixelLayout::I422, 8) => PixelFormat::Yuv422p,
        (PixelLayout::I444, 8) => PixelFormat::Yuv444p,
        (PixelLayout::I400 | PixelLayout::I420, 10) => PixelFormat::Yuv420p10,
        (PixelLayout::I422, 10) => PixelFormat::Yuv422p10,
        _ => return Err(unsupported(depth as u8)),
    };
    let (width, height) = (picture.width(), picture.height());
    let mut frame = VideoFrame::new(pool, format, width, height)?;
    let strides = [0, 1, 2].map(|plane| if plane < format.planes() { frame.stride(plane) } else { 0 });
    let components = [PlanarImageComponent::Y, PlanarImageComponent::U, PlanarImageComponent::V];
    for (plane, out) in frame.planes_mut().into_iter().enumerate().take(format.planes()) {
        if plane > 0 && picture.pixel_layout() == PixelLayout::I400 {
            let grey = (1u16 << (depth - 1)).to_le_bytes();
            out.chunks_exact_mut(2).for_each(|sample| sample.copy_from_slice(&grey));
            continue;
        }
        let (row_bytes, stride) =
            (format.row_bytes(plane, width), picture.stride(components[plane]) as usize);
        let rows = picture.plane(components[plane]).chunks(stride.max(1));
        for (out, row) in out.chunks_exact_mut(strides[plane]).zip(rows) {
            let row =
                row.get(..row_bytes).ok_or_else(|| Error::invalid(NAME, 0, "a picture of short rows"))?;
            out[..row_bytes].copy_from_slice(row);
        }
    }
    Ok(frame)
}

fn failed(error: Rav1dError) -> Error {
    match error {
        Rav1dError::InvalidArgument => Error::invalid(NAME, 0, "a picture that can't be decoded"),
        other => Error::Codec { codec: NAME, what: format!("{other}") },
    }
}

fn unsupported(bit_depth: u8) -> Error {
    Error::unsupported(
        format!("AV1 of this profile in {bit_depth} bits"),
        "4:2:0, 4:2:2, 4:4:4 and monochrome in 8 bits, 4:2:0, 4:2:2 and monochrome in 10",
    )
}
