//! A camera as an input: its pictures as they come.

use std::sync::Arc;

use brooklet_device::{Camera, CameraFormat, CameraMode, CameraOptions, capture_time};
use brooklet_media::bitstream::h264::{AvcConfig, NAL_PPS, NAL_SPS, nal_type};
use brooklet_media::bitstream::nal;
use brooklet_media::{
    CodecId, Color, DemuxEvent, Packet, PixelFormat, Range, Rational, StreamParams, TimeBase, VideoParams,
};
use bytes::Bytes;

use super::capture::{Capture, Events, Recorder};
use crate::job::{InputSpec, Journal};
use crate::protocol::{PacketSource, SourceOptions};
use crate::{Error, Result};

/// The kernel's stamps count microseconds.
const CLOCK: TimeBase = TimeBase::MICROS;

pub(super) fn open(spec: &InputSpec, options: &SourceOptions) -> Result<Box<dyn PacketSource>> {
    let format = match spec.device.input_format.as_deref() {
        None => None,
        Some(name) => Some(CameraFormat::find(name).ok_or_else(|| {
            let names: Vec<_> = CameraFormat::ALL.iter().map(|format| format.name()).collect();
            let error =
                brooklet_media::Error::unsupported(format!("a camera that gives {name}"), names.join(", "));
            Error::media(&spec.url, error)
        })?),
    };
    let device = if matches!(spec.url.as_str(), "default" | "") { "/dev/video0" } else { &spec.url };
    let usual = CameraOptions::new(device);
    let wanted = CameraOptions {
        format,
        size: spec.video_size.unwrap_or(usual.size),
        rate: spec.frame_rate.unwrap_or(usual.rate),
        ..usual
    };
    let journal = options.journal.clone();
    let recorder = CameraRecorder { wanted, announced: None, damaged: 0, journal };
    Ok(Box::new(Capture::open(recorder, options)?))
}

/// See [`Recorder`].
struct CameraRecorder {
    wanted: CameraOptions,
    /// What the stream was said to be: of H.264 that is known with the first key picture.
    announced: Option<StreamParams>,
    /// Pictures that were not whole, and are left out.
    damaged: u64,
    journal: Arc<Journal>,
}

impl Recorder for CameraRecorder {
    type Device = Camera;

    fn open(&mut self, events: &mut Events) -> Result<Camera> {
        let camera = Camera::open(&self.wanted)?;
        if let Some(params) = params(&camera.mode(), None) {
            self.announce(params, events);
        }
        Ok(camera)
    }

    fn stopper(camera: &Camera) -> Box<dyn Fn() + Send> {
        let stopper = camera.stopper();
        Box::new(move || stopper.stop())
    }

    fn begin(&mut self, camera: &mut Camera) {
        // Of pictures that lean on each other none can go without all up to the next key picture.
        if camera.mode().format.stands_alone() {
            camera.skip_to_now();
        }
    }

    fn read(&mut self, camera: &mut Camera, events: &mut Events) -> Result<()> {
        let (picture, mode) = (camera.read()?, camera.mode());
        let mut packet = Packet::new(0, CLOCK.ticks(picture.at), Bytes::new());
        packet.duration = mode.rate.time_base().map_or(0, |time_base| time_base.rescale(1, CLOCK));
        let taken = match mode.format {
            CameraFormat::Mjpeg => Ok(picture.data.into()),
            CameraFormat::Yuyv => planar(&picture.data, mode.size),
            CameraFormat::Nv12 => whole(picture.data.into(), mode.size),
            CameraFormat::H264 => {
                let Some(coded) = self.take_coded(&picture.data, &mode, events) else { return Ok(()) };
                packet.key = nal::annexb_units(&picture.data).any(|unit| nal_type(unit) == 5);
                Ok(coded)
            }
        };
        match taken {
            Ok(data) => events.push_back(DemuxEvent::Packet(Packet { data, ..packet })),
            Err(error) => {
                self.damaged += 1;
                self.journal.warn_some(self.damaged, || format!("{}: {error}", self.wanted.device));
            }
        }
        Ok(())
    }

    fn lost(camera: &Camera) -> u64 {
        camera.lost()
    }

    fn worth_telling(&self) -> u64 {
        30
    }

    fn loss(&self, lost: u64) -> String {
        format!("{lost} pictures were left out so far: what takes them is too slow")
    }
}

impl CameraRecorder {
    /// An H.264 picture without its parameter sets, which are told; none before the first of these.
    fn take_coded(&mut self, picture: &[u8], mode: &CameraMode, events: &mut Events) -> Option<Bytes> {
        let units = || nal::annexb_units(picture);
        if let Some(config) = AvcConfig::from_units(units())
            && let Some(params) = params(mode, Some(&config))
        {
            self.announce(params, events);
        }
        self.announced.as_ref()?;
        Some(nal::to_length_prefixed(units().filter(|unit| !matches!(nal_type(unit), NAL_SPS | NAL_PPS | 9))))
    }

    /// Says what the stream is, where that is new.
    fn announce(&mut self, params: StreamParams, events: &mut Events) {
        let said = |known: &StreamParams| StreamParams { start: known.start, ..params.clone() } == *known;
        match &self.announced {
            Some(known) if said(known) => return,
            Some(_) => events.push_back(DemuxEvent::Params { stream: 0, params: params.clone() }),
            None => events.extend([DemuxEvent::StreamAdded(params.clone()), DemuxEvent::HeaderRead]),
        }
        self.announced = Some(params);
    }
}

/// What a mode's stream is; of H.264 only with its parameter sets.
fn params(mode: &CameraMode, config: Option<&AvcConfig>) -> Option<StreamParams> {
    let (width, height) = mode.size;
    let mut video = VideoParams { frame_rate: Some(mode.rate), ..VideoParams::new(width, height) };
    let codec = match mode.format {
        CameraFormat::Mjpeg => {
            video.color = Color { range: Range::Full, ..Color::default() };
            CodecId::Mjpeg
        }
        CameraFormat::H264 => {
            let frame_rate = video.frame_rate;
            video = VideoParams { frame_rate, ..config?.first_sps()?.video_params() };
            CodecId::H264
        }
        CameraFormat::Yuyv | CameraFormat::Nv12 => {
            let is_planar = mode.format == CameraFormat::Yuyv;
            video.format = Some(if is_planar { PixelFormat::Yuv422p } else { PixelFormat::Nv12 });
            CodecId::RawVideo
        }
    };
    video.frame_rate = video.frame_rate.filter(|rate| *rate != Rational::whole(0));
    let mut params = StreamParams::video(codec, CLOCK, video);
    params.extradata = config.map_or(Bytes::new(), AvcConfig::build);
    // Said, so that nobody reads ahead to see.
    params.start = Some(CLOCK.ticks(capture_time()));
    Some(params)
}

/// `Y0 Cb Y1 Cr` in three planes.
fn planar(packed: &[u8], (width, height): (u32, u32)) -> brooklet_media::Result<Bytes> {
    let (row, rows) = (width.next_multiple_of(2) as usize * 2, height as usize);
    let packed = packed.get(..row * rows).ok_or_else(|| short(packed.len(), row * rows))?;
    let mut out = Vec::with_capacity(PixelFormat::Yuv422p.picture_bytes(width, height));
    let lines = || packed.chunks_exact(row.max(1));
    lines().for_each(|line| out.extend(line.iter().step_by(2).take(width as usize)));
    lines().for_each(|line| out.extend(line.iter().skip(1).step_by(4)));
    lines().for_each(|line| out.extend(line.iter().skip(3).step_by(4)));
    Ok(out.into())
}

/// NV12 as it is, without what pads it.
fn whole(picture: Bytes, (width, height): (u32, u32)) -> brooklet_media::Result<Bytes> {
    let wanted = PixelFormat::Nv12.picture_bytes(width, height);
    if picture.len() < wanted {
        return Err(short(picture.len(), wanted));
    }
    Ok(picture.slice(..wanted))
}

fn short(bytes: usize, wanted: usize) -> brooklet_media::Error {
    brooklet_media::Error::invalid(
        "rawvideo",
        bytes as u64,
        format!("a picture of {bytes} bytes instead of {wanted}"),
    )
}

#[cfg(test)]
mod tests;
