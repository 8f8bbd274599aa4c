//! Pictures to packets.

use std::collections::VecDeque;
use std::sync::Arc;

use brooklet_media::bitstream::av1::{Av1Config, OBU_TEMPORAL_DELIMITER, obus};
use brooklet_media::{
    CodecId, Control, Encoder, Error, Frame, FramePool, Packet, PixelFormat, Result, StreamParams,
    VideoFrame, VideoParams,
};
use bytes::{Bytes, BytesMut};
use rav1e::prelude::{
    Config, Context, EncoderConfig, EncoderStatus, FrameParameters, FrameType, FrameTypeOverride,
};

use super::NAME;
use super::settings::{check_format, settings};
use crate::VideoEncode;
use crate::guard::guarded;

/// `yuv420p` pictures to AV1 packets, in order of presentation.
///
/// Packets come some pictures late: the library looks ahead, by four where [`VideoEncode::live`] is set, else by a
/// dozen or more. A bit rate that [`Control::Bitrate`] asks for is aimed at from the next key frame on, because the
/// library takes one only when it starts.
pub(crate) struct Av1Encoder {
    inner: Context<u8>,
    settings: EncoderConfig,
    params: StreamParams,
    /// How long a picture lasts that does not say so, in ticks.
    period: i64,
    /// pts and duration of the pictures that no packet has come of.
    pending: VecDeque<(i64, i64)>,
    key_wanted: bool,
    new_bit_rate: Option<i32>,
    ready: VecDeque<Packet>,
}

impl Av1Encoder {
    pub(crate) fn new(video: &VideoEncode) -> Result<Self> {
        check_format(video.format)?;
        let settings = settings(video)?;
        let mut shown = VideoParams::new(video.width, video.height);
        shown.format = Some(PixelFormat::Yuv420p);
        shown.frame_rate = Some(video.frame_rate);
        (shown.sample_aspect, shown.color) = (video.sample_aspect, video.color);
        let mut params = StreamParams::video(CodecId::Av1, video.time_base, shown);
        params.extradata = extradata(&settings)?;
        params.bit_rate = u64::try_from(settings.bitrate).ok().filter(|rate| *rate > 0);
        let period = video.frame_rate.time_base().map_or(0, |period| period.rescale(1, video.time_base));
        Ok(Self {
            inner: start(&settings)?,
            settings,
            params,
            period,
            pending: VecDeque::new(),
            key_wanted: false,
            new_bit_rate: None,
            ready: VecDeque::new(),
        })
    }

    /// Begins a new sequence at another bit rate, once everything before it is out.
    fn change_bit_rate(&mut self, rate: i32) -> Result<()> {
        self.flush()?;
        self.settings.bitrate = rate;
        self.params.bit_rate = u64::try_from(rate).ok();
        self.inner = start(&self.settings)?;
        Ok(())
    }

    /// Takes the packets that the library has ready.
    fn take_packets(&mut self) -> Result<()> {
        loop {
            let inner = &mut self.inner;
            match guarded(|| inner.receive_packet()).unwrap_or(Err(EncoderStatus::Failure)) {
                Ok(packet) => self.push(&packet.data, packet.frame_type == FrameType::KEY),
                Err(EncoderStatus::Encoded) => {}
                Err(EncoderStatus::NeedMoreData | EncoderStatus::LimitReached) => return Ok(()),
                Err(status) => return Err(failed(status)),
            }
        }
    }

    fn push(&mut self, unit: &[u8], key: bool) {
        let Some((pts, duration)) = self.pending.pop_front() else { return };
        let mut packet = Packet::new(0, pts, without_delimiter(unit));
        (packet.key, packet.duration) = (key, duration);
        self.ready.push_back(packet);
    }
}

impl Encoder for Av1Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<()> {
        let Frame::Video(frame) = frame else {
            return Err(Error::Usage(format!("{NAME} takes pictures, not sound")));
        };
        let size = (frame.width() as usize, frame.height() as usize);
        if frame.format() != PixelFormat::Yuv420p || size != (self.settings.width, self.settings.height) {
            return Err(Error::Usage(format!("{NAME} was opened for another shape than {frame:?}")));
        }
        let key = std::mem::take(&mut self.key_wanted) || frame.key;
        if let Some(rate) = self.new_bit_rate.take_if(|_| key) {
            self.change_bit_rate(rate)?;
        }
        send(&mut self.inner, frame, key)?;
        let to = self.params.time_base;
        let duration = match frame.time_base.rescale(frame.duration, to) {
            0 => self.period,
            known => known,
        };
        self.pending.push_back((frame.time_base.rescale(frame.pts, to), duration));
        self.take_packets()
    }

    fn poll_packet(&mut self) -> Option<Packet> {
        self.ready.pop_front()
    }

    fn params(&self) -> &StreamParams {
        &self.params
    }

    fn flush(&mut self) -> Result<()> {
        self.inner.flush();
        self.take_packets()
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::KeyFrame => self.key_wanted = true,
            // At constant quality there is no rate to change.
            Control::Bitrate(rate) if self.settings.bitrate > 0 => {
                self.new_bit_rate = Some(i32::try_from(rate).unwrap_or(i32::MAX).max(1));
            }
            _ => {}
        }
    }
}

fn start(settings: &EncoderConfig) -> Result<Context<u8>> {
    let config = Config::new().with_encoder_config(settings.clone());
    let started = guarded(|| config.new_context());
    let refused = |what: String| Error::Codec { codec: NAME, what };
    started.ok_or_else(|| refused("it did not start".into()))?.map_err(|error| refused(error.to_string()))
}

/// Hands a picture of the right shape to the library.
fn send(inner: &mut Context<u8>, frame: &VideoFrame, key: bool) -> Result<()> {
    let mut picture = inner.new_frame();
    for (plane, out) in picture.planes.iter_mut().enumerate() {
        out.copy_from_raw_u8(frame.plane(plane), frame.stride(plane), 1);
    }
    let wanted = if key { FrameTypeOverride::Key } else { FrameTypeOverride::No };
    let how = FrameParameters { frame_type_override: wanted, ..FrameParameters::default() };
    guarded(|| inner.send_frame((Arc::new(picture), how)))
        .unwrap_or(Err(EncoderStatus::Failure))
        .map_err(failed)
}

/// The record of the sequence header that the library writes with these settings. It shows it only in front of a key
/// frame, so it is given a grey one.
fn extradata(settings: &EncoderConfig) -> Result<Bytes> {
    let mut inner = start(settings)?;
    let (width, height) = (settings.width as u32, settings.height as u32);
    let mut grey = VideoFrame::new(&FramePool::new(), PixelFormat::Yuv420p, width, height)?;
    grey.planes_mut().into_iter().for_each(|plane| plane.fill(128));
    send(&mut inner, &grey, true)?;
    inner.flush();
    let record = loop {
        match guarded(|| inner.receive_packet()).unwrap_or(Err(EncoderStatus::Failure)) {
            Ok(packet) => break Av1Config::record_of(&packet.data),
            Err(EncoderStatus::Encoded) => {}
            Err(status) => return Err(failed(status)),
        }
    };
    record.ok_or_else(|| Error::Codec { codec: NAME, what: "the encoder wrote no sequence header".into() })
}

/// A temporal unit as containers want it (AV1 in ISOBMFF §2.4): without the delimiter at its start.
fn without_delimiter(unit: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(unit.len());
    obus(unit)
        .filter(|obu| obu.kind != OBU_TEMPORAL_DELIMITER)
        .for_each(|obu| out.extend_from_slice(obu.bytes));
    out.freeze()
}

fn failed(status: EncoderStatus) -> Error {
    Error::Codec { codec: NAME, what: status.to_string() }
}
