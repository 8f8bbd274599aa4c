//! A camera as an input: its pictures as they come, and another try where it was unplugged.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use brooklet_device::{
    Camera, CameraFormat, CameraMode, CameraOptions, CameraPicture, CameraStopper, Error as DeviceError,
    capture_time,
};
use brooklet_media::bitstream::h264::{AvcConfig, NAL_PPS, NAL_SPS, nal_type};
use brooklet_media::bitstream::nal;
use brooklet_media::{
    CodecId, Color, DemuxEvent, Packet, PixelFormat, Range, Rational, StreamParams, TimeBase, VideoParams,
};
use bytes::Bytes;

use crate::backoff::Backoff;
use crate::job::InputSpec;
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
    let stopper: Arc<Mutex<Option<CameraStopper>>> = Arc::default();
    let stopped = stopper.clone();
    options.stopper.on_stop(move || lock(&stopped).iter().for_each(CameraStopper::stop));
    let mut source = Capture {
        camera: None,
        stopper,
        wanted,
        options: options.clone(),
        backoff: Backoff::new(options.reconnect),
        pending: VecDeque::new(),
        announced: None,
        reading: false,
        lost: 0,
    };
    source.open()?;
    Ok(Box::new(source))
}

/// A camera, and the way to open it again.
struct Capture {
    /// `None` while it is gone.
    camera: Option<Camera>,
    /// Of the one that is open.
    stopper: Arc<Mutex<Option<CameraStopper>>>,
    wanted: CameraOptions,
    options: SourceOptions,
    backoff: Backoff,
    pending: VecDeque<DemuxEvent>,
    /// What the stream was said to be: of H.264 that is known with the first key picture.
    announced: Option<StreamParams>,
    /// Whether what it gives is wanted from now on.
    reading: bool,
    /// Pictures that were lost, and have been told.
    lost: u64,
}

impl PacketSource for Capture {
    fn is_live(&self) -> bool {
        true
    }

    fn is_captured(&self) -> bool {
        true
    }

    fn next(&mut self) -> Result<Option<DemuxEvent>> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(Some(event));
            }
            let Some(camera) = &mut self.camera else {
                self.open_again()?;
                return Ok(Some(DemuxEvent::Discontinuity));
            };
            if self.announced.is_some() && !self.reading {
                // What was captured while other inputs were opened is of no use.
                camera.skip_to_now();
                self.reading = true;
            }
            match camera.read() {
                Ok(picture) => {
                    self.backoff.succeeded();
                    let mode = camera.mode();
                    self.take(&picture, &mode)?;
                }
                Err(gone @ DeviceError::Gone { .. }) if self.options.reconnect.enabled => {
                    self.options.journal.warn(format!("{gone}; waiting for it to come back"));
                    self.camera = None;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take_warnings(&mut self) -> Vec<String> {
        let lost = self.camera.as_ref().map_or(0, Camera::lost);
        // The 30th picture, the 60th, the 120th …: a machine that is too slow is so for long.
        if lost < (self.lost * 2).max(30) {
            return Vec::new();
        }
        self.lost = lost;
        vec![format!("{lost} pictures were left out so far: what takes them is too slow")]
    }
}

impl Capture {
    fn open(&mut self) -> Result<()> {
        let camera = Camera::open(&self.wanted)?;
        *lock(&self.stopper) = Some(camera.stopper());
        if self.options.stopper.is_stopped() {
            return Err(Error::Stopped);
        }
        if let Some(params) = params(&camera.mode(), None) {
            self.announce(params);
        }
        self.camera = Some(camera);
        self.lost = 0;
        Ok(())
    }

    /// Waits for the device to come back.
    fn open_again(&mut self) -> Result<()> {
        loop {
            let wait = self.backoff.failed();
            let due = Instant::now() + wait.unwrap_or(Duration::ZERO);
            if !self.options.stopper.sleep_until(due) {
                return Err(Error::Stopped);
            }
            match self.open() {
                Err(Error::Stopped) => return Err(Error::Stopped),
                Err(error) if wait.is_none() => return Err(error),
                Err(_) => {}
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Says what the stream is, where that is new.
    fn announce(&mut self, params: StreamParams) {
        let said = |known: &StreamParams| StreamParams { start: known.start, ..params.clone() } == *known;
        let event = match &self.announced {
            Some(known) if said(known) => return,
            Some(_) => vec![DemuxEvent::Params { stream: 0, params: params.clone() }],
            None => vec![DemuxEvent::StreamAdded(params.clone()), DemuxEvent::HeaderRead],
        };
        self.pending.extend(event);
        self.announced = Some(params);
    }

    fn take(&mut self, picture: &CameraPicture, mode: &CameraMode) -> Result<()> {
        let pts = CLOCK.ticks(picture.at);
        let failed = |source| Error::media(&self.wanted.device, source);
        let mut packet = Packet::new(0, pts, Bytes::new());
        packet.duration = mode.rate.time_base().map_or(0, |time_base| time_base.rescale(1, CLOCK));
        match mode.format {
            CameraFormat::Mjpeg => packet.data = Bytes::copy_from_slice(&picture.data),
            CameraFormat::Yuyv => packet.data = planar(&picture.data, mode.size).map_err(failed)?,
            CameraFormat::Nv12 => {
                let wanted = PixelFormat::Nv12.picture_bytes(mode.size.0, mode.size.1);
                let whole =
                    picture.data.get(..wanted).ok_or_else(|| failed(short(picture.data.len(), wanted)))?;
                packet.data = Bytes::copy_from_slice(whole);
            }
            CameraFormat::H264 => {
                let units = || nal::annexb_units(&picture.data);
                if let Some(config) = AvcConfig::from_units(units())
                    && let Some(params) = params(mode, Some(&config))
                {
                    self.announce(params);
                }
                if self.announced.is_none() {
                    return Ok(());
                }
                packet.key = units().any(|unit| nal_type(unit) == 5);
                let slices = units().filter(|unit| !matches!(nal_type(unit), NAL_SPS | NAL_PPS | 9));
                packet.data = nal::to_length_prefixed(slices);
            }
        }
        self.pending.push_back(DemuxEvent::Packet(packet));
        Ok(())
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

fn short(bytes: usize, wanted: usize) -> brooklet_media::Error {
    brooklet_media::Error::invalid(
        "rawvideo",
        bytes as u64,
        format!("a picture of {bytes} bytes instead of {wanted}"),
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_pictures_become_planes() {
        let packed = [1, 10, 2, 20, 3, 11, 4, 21, 5, 12, 6, 22, 7, 13, 8, 23];
        let planes = planar(&packed, (4, 2)).unwrap();
        assert_eq!(planes[..], [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 20, 21, 22, 23]);
        assert_eq!(planes.len(), PixelFormat::Yuv422p.picture_bytes(4, 2));
        assert!(planar(&packed[1..], (4, 2)).is_err());
        let odd = planar(&packed, (3, 2)).unwrap();
        assert_eq!(odd.len(), PixelFormat::Yuv422p.picture_bytes(3, 2));
    }

    #[test]
    fn a_stream_of_h264_is_known_with_its_parameter_sets() {
        let mode = CameraMode { format: CameraFormat::H264, size: (640, 480), rate: Rational::whole(30) };
        assert_eq!(params(&mode, None), None);
        let raw = CameraMode { format: CameraFormat::Yuyv, ..mode };
        let params = params(&raw, None).unwrap();
        assert_eq!(params.as_video().and_then(|video| video.format), Some(PixelFormat::Yuv422p));
    }
}
