//! Pictures to packets.

use std::collections::VecDeque;

use brooklet_media::bitstream::h264::{AvcConfig, NAL_AUD, NAL_IDR, NAL_PPS, NAL_SPS, nal_type};
use brooklet_media::bitstream::nal::{annexb_units, to_length_prefixed};
use brooklet_media::{
    CodecId, Control, Encoder, Error, Frame, Packet, PixelFormat, Result, StreamParams, VideoFrame,
    VideoParams,
};
use bytes::Bytes;
use rusty_h264::{EncodeError, EncoderConfig, YuvFrame, YuvPlanes};

use super::NAME;
use super::settings::settings;
use super::vui::with_vui;
use crate::VideoEncode;

/// `yuv420p` pictures to H.264 packets, one for one and at once: no B-frames, no lookahead.
///
/// A bit rate that [`Control::Bitrate`] asks for is aimed at from the next key frame on, because the library
/// takes one only when it starts; it then starts with the quantiser of the first one, which the parameter sets
/// name, so a much lower rate is kept to from the second after it. The library also reads environment variables (`RFF_*`, `RUSTY_*`) that change
/// how it searches, and keeps the choice of partition shapes in a switch of the whole process, which is set the
/// same way by every encoder here.
pub(crate) struct H264Encoder {
    inner: rusty_h264::Encoder,
    settings: EncoderConfig,
    params: StreamParams,
    /// How long a picture lasts that does not say so, in ticks.
    period: i64,
    /// Pictures since the last key frame, itself included; 0 before the first.
    since_key: u32,
    key_wanted: bool,
    new_bit_rate: Option<u32>,
    ready: VecDeque<Packet>,
}

impl H264Encoder {
    pub(crate) fn new(video: &VideoEncode) -> Result<Self> {
        let settings = settings(video)?;
        // Whole macroblocks only: twice as fast for 0.15 dB.
        rusty_h264::set_turbo(true);
        let mut shown = VideoParams::new(video.width, video.height);
        shown.format = Some(PixelFormat::Yuv420p);
        shown.frame_rate = Some(video.frame_rate);
        (shown.sample_aspect, shown.color) = (video.sample_aspect, video.color);
        let mut params = StreamParams::video(CodecId::H264, video.time_base, shown);
        params.extradata = extradata(&settings, video)?;
        params.bit_rate = (settings.bitrate > 0).then_some(settings.bitrate.into());
        let period = video.frame_rate.time_base().map_or(0, |period| period.rescale(1, video.time_base));
        Ok(Self {
            inner: start(&settings)?,
            settings,
            params,
            period,
            since_key: 0,
            key_wanted: false,
            new_bit_rate: None,
            ready: VecDeque::new(),
        })
    }

    /// Makes the next picture a key frame where one is wanted or due.
    fn prepare_key(&mut self, wanted: bool) -> Result<()> {
        let due = self.since_key == 0 || self.since_key >= self.settings.gop_size;
        if !(wanted || due) {
            return Ok(());
        }
        match self.new_bit_rate.take() {
            Some(rate) => {
                self.settings.bitrate = rate;
                self.params.bit_rate = Some(rate.into());
                self.inner = start(&self.settings)?;
            }
            None => self.inner.request_keyframe(),
        }
        Ok(())
    }
}

impl Encoder for H264Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<()> {
        let Frame::Video(frame) = frame else {
            return Err(Error::Usage(format!("{NAME} takes pictures, not sound")));
        };
        let planes = planes(frame, &self.settings)
            .ok_or_else(|| Error::Usage(format!("{NAME} was opened for another shape than {frame:?}")))?;
        let wanted = std::mem::take(&mut self.key_wanted) || frame.key;
        self.prepare_key(wanted)?;
        let unit = self.inner.encode_planes(&planes).map_err(failed)?;
        let key = annexb_units(&unit).any(|unit| nal_type(unit) == NAL_IDR);
        self.since_key = if key { 1 } else { self.since_key + 1 };
        let coded = annexb_units(&unit).filter(|unit| !matches!(nal_type(unit), NAL_SPS | NAL_PPS | NAL_AUD));
        let to = self.params.time_base;
        let mut packet = Packet::new(0, frame.time_base.rescale(frame.pts, to), to_length_prefixed(coded));
        packet.key = key;
        packet.duration = match frame.time_base.rescale(frame.duration, to) {
            0 => self.period,
            known => known,
        };
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

    fn control(&mut self, control: Control) {
        match control {
            Control::KeyFrame => self.key_wanted = true,
            // At constant quality there is no rate to change.
            Control::Bitrate(rate) if self.settings.bitrate > 0 => {
                self.new_bit_rate = Some(u32::try_from(rate).unwrap_or(u32::MAX).max(1));
            }
            _ => {}
        }
    }
}

fn start(settings: &EncoderConfig) -> Result<rusty_h264::Encoder> {
    rusty_h264::Encoder::new(settings.clone()).map_err(failed)
}

/// The parameter sets that the library writes with these settings, as a record, with what they lack. It shows
/// them only in front of a key frame, so it is given a grey one.
fn extradata(settings: &EncoderConfig, video: &VideoEncode) -> Result<Bytes> {
    let (width, height) = (settings.width, settings.height);
    let chroma = vec![128; width / 2 * (height / 2)];
    let grey = YuvFrame { width, height, y: vec![128; width * height], u: chroma.clone(), v: chroma };
    let unit = start(settings)?.try_encode(&grey).map_err(failed)?;
    let sets: Vec<Bytes> = annexb_units(&unit)
        .filter_map(|unit| match nal_type(unit) {
            NAL_SPS => with_vui(unit, video, settings.num_ref_frames),
            NAL_PPS => Some(Bytes::copy_from_slice(unit)),
            _ => None,
        })
        .collect();
    AvcConfig::from_units(sets.iter().map(|set| &set[..]))
        .map(|config| config.build())
        .ok_or_else(|| Error::Codec { codec: NAME, what: "the encoder wrote no parameter sets".into() })
}

/// The planes of a frame of the shape that the encoder was opened for.
fn planes<'a>(frame: &'a VideoFrame, settings: &EncoderConfig) -> Option<YuvPlanes<'a>> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    if frame.format() != PixelFormat::Yuv420p || (width, height) != (settings.width, settings.height) {
        return None;
    }
    let [y, u, v] = [0, 1, 2].map(|plane| frame.plane(plane));
    YuvPlanes::new(width, height, y, u, v, frame.stride(0), frame.stride(1))
}

fn failed(error: EncodeError) -> Error {
    Error::Codec { codec: NAME, what: error.to_string() }
}
