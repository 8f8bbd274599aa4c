//! Video4Linux2 through `rscam`, which asks the kernel itself: no library of C.

use std::fs;
use std::io;

use brooklet_media::{Rational, Timestamp};
use rscam::{Config, IntervalInfo, ResolutionInfo};

use super::{CameraDriver, CameraFormat, CameraMode, CameraPicture, CameraSizes, Grabber};
use crate::list::{Device, DeviceKind};

/// Buffers that the kernel fills in turn.
const BUFFERS: u32 = 4;

/// What the kernel has under `/sys/class/video4linux`.
pub(super) fn list() -> Vec<Device> {
    let Ok(folder) = fs::read_dir("/sys/class/video4linux") else { return Vec::new() };
    let camera = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|name| name.starts_with("video"))?;
        let description = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
        Some(Device {
            kind: DeviceKind::Camera,
            is_default: name == "video0",
            name: format!("/dev/{name}"),
            description: description.trim().into(),
            modes: Vec::new(),
        })
    };
    let mut cameras: Vec<Device> = folder.flatten().filter_map(camera).collect();
    cameras.sort_by(|one, other| one.name.cmp(&other.name));
    cameras
}

/// Opens a camera.
pub(super) fn open(device: &str) -> io::Result<Box<dyn CameraDriver>> {
    Ok(Box::new(Idle(rscam::Camera::new(device)?)))
}

/// Before it is started.
struct Idle(rscam::Camera);

impl CameraDriver for Idle {
    fn formats(&self) -> Vec<CameraFormat> {
        let known = |letters: [u8; 4]| CameraFormat::ALL.into_iter().find(|format| *code(*format) == letters);
        // What refuses the question refuses it for ever.
        let told = self.0.formats().map_while(Result::ok);
        let mut formats: Vec<_> = told.filter_map(|info| known(info.format)).collect();
        formats.dedup();
        formats
    }

    fn sizes(&self, format: CameraFormat) -> CameraSizes {
        match self.0.resolutions(code(format)) {
            Ok(ResolutionInfo::Discretes(sizes)) => CameraSizes::Listed(sizes),
            Ok(ResolutionInfo::Stepwise { min, max, .. }) => CameraSizes::Range(min, max),
            Err(_) => CameraSizes::Listed(Vec::new()),
        }
    }

    fn rates(&self, format: CameraFormat, size: (u32, u32)) -> Vec<Rational> {
        match self.0.intervals(code(format), size) {
            Ok(IntervalInfo::Discretes(intervals)) => rates(&intervals),
            _ => Vec::new(),
        }
    }

    fn start(mut self: Box<Self>, mode: CameraMode) -> io::Result<Box<dyn Grabber>> {
        let config = Config {
            interval: (mode.rate.den(), mode.rate.num()),
            resolution: mode.size,
            format: code(mode.format),
            field: rscam::FIELD_NONE,
            nbuffers: BUFFERS,
        };
        match self.0.start(&config) {
            Ok(()) => Ok(Box::new(Streaming(self.0))),
            Err(rscam::Error::Io(source)) => Err(source),
            Err(other) => Err(io::Error::other(other.to_string())),
        }
    }
}

/// Once it has been started.
struct Streaming(rscam::Camera);

impl Grabber for Streaming {
    fn grab(&mut self) -> io::Result<CameraPicture> {
        let frame = self.0.capture()?;
        // The kernel's stamp is of CLOCK_MONOTONIC (V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC).
        let micros = i64::try_from(frame.get_timestamp()).unwrap_or(i64::MAX / 1_000);
        let at = Timestamp::from_nanos(micros.saturating_mul(1_000));
        Ok(CameraPicture { at, data: frame.to_vec() })
    }
}

/// The kernel counts seconds to a picture, as fractions.
fn rates(intervals: &[(u32, u32)]) -> Vec<Rational> {
    let rates = intervals.iter().filter_map(|(num, den)| Rational::new(*den, *num));
    rates.filter(|rate| rate.num() > 0).collect()
}

/// The kernel's four letters.
const fn code(format: CameraFormat) -> &'static [u8; 4] {
    match format {
        CameraFormat::Mjpeg => b"MJPG",
        CameraFormat::H264 => b"H264",
        CameraFormat::Yuyv => b"YUYV",
        CameraFormat::Nv12 => b"NV12",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_camera_gives_nothing() {
        // It refuses the question for ever, as a camera does that was unplugged meanwhile.
        let Ok(null) = open("/dev/null") else { panic!("no /dev/null") };
        assert!(null.formats().is_empty());
        assert_eq!(null.sizes(CameraFormat::Yuyv), CameraSizes::Listed(Vec::new()));
    }

    #[test]
    fn intervals_that_are_none_are_left_out() {
        let known = [Rational::whole(30), Rational::whole(15), Rational::new(60_000, 1_001).unwrap()];
        assert_eq!(rates(&[(1, 30), (1, 15), (1_001, 60_000), (1, 0), (0, 1)]), known);
    }
}
