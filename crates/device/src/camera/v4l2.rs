//! Video4Linux2 through `rscam`, which asks the kernel itself: no library of C.

use std::io;

use brooklet_media::{Rational, Timestamp};
use rscam::{Config, IntervalInfo, ResolutionInfo};

use super::{CameraFormat, CameraMode, CameraOptions, CameraPicture, Grabber};
use crate::list::cameras;
use crate::{Error, Result};

/// Buffers that the kernel fills in turn.
const BUFFERS: u32 = 4;

/// Opens and starts a camera.
pub(super) fn open(options: &CameraOptions) -> Result<Box<dyn Grabber>> {
    let device = options.device.clone();
    let failed = |what, source| Error::Device { device: device.clone(), what, source };
    let mut camera = rscam::Camera::new(&device).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => {
            let names: Vec<_> = cameras().into_iter().map(|camera| camera.name).collect();
            let known = if names.is_empty() { "no cameras".into() } else { names.join(", ") };
            Error::NoDevice { kind: "camera", name: device.clone(), known }
        }
        _ => failed("cannot open", source),
    })?;
    let mode = choose(&camera, options).map_err(|what| failed("no such mode", io::Error::other(what)))?;
    let (num, den) = (mode.rate.den(), mode.rate.num());
    let config = Config {
        interval: (num, den),
        resolution: mode.size,
        format: code(mode.format),
        field: rscam::FIELD_NONE,
        nbuffers: BUFFERS,
    };
    camera.start(&config).map_err(|error| match error {
        rscam::Error::Io(source) => failed("cannot start", source),
        other => failed("cannot start", io::Error::other(other.to_string())),
    })?;
    Ok(Box::new(Streaming { camera, mode }))
}

struct Streaming {
    camera: rscam::Camera,
    mode: CameraMode,
}

impl Grabber for Streaming {
    fn mode(&self) -> CameraMode {
        self.mode
    }

    fn grab(&mut self) -> io::Result<CameraPicture> {
        let frame = self.camera.capture()?;
        // The kernel's stamp is of CLOCK_MONOTONIC (V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC).
        let micros = i64::try_from(frame.get_timestamp()).unwrap_or(i64::MAX / 1_000);
        let at = Timestamp::from_nanos(micros.saturating_mul(1_000));
        Ok(CameraPicture { at, data: frame.to_vec() })
    }
}

/// The mode that is nearest to what was asked for: the format and the size as they are, of the rates the nearest.
fn choose(camera: &rscam::Camera, options: &CameraOptions) -> Result<CameraMode, String> {
    let there: Vec<CameraFormat> = camera
        .formats()
        .flatten()
        .filter_map(|info| CameraFormat::ALL.into_iter().find(|format| *code(*format) == info.format))
        .collect();
    let names = || there.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
    let format = match options.format {
        Some(format) if there.contains(&format) => format,
        Some(format) => return Err(format!("it gives no {}; it gives {}", format.name(), names())),
        None => CameraFormat::ALL
            .into_iter()
            .find(|format| there.contains(format))
            .ok_or("it gives neither mjpeg, yuyv422, nv12 nor h264")?,
    };
    let size = options.size;
    match camera.resolutions(code(format)) {
        Ok(ResolutionInfo::Discretes(sizes)) if !sizes.is_empty() && !sizes.contains(&size) => {
            let sizes: Vec<_> = sizes.iter().map(|(width, height)| format!("{width}x{height}")).collect();
            return Err(format!(
                "{} has no {}x{}; it has {}",
                format.name(),
                size.0,
                size.1,
                sizes.join(", ")
            ));
        }
        _ => {}
    }
    let rate = match camera.intervals(code(format), size) {
        Ok(IntervalInfo::Discretes(intervals)) => nearest(&intervals, options.rate),
        _ => options.rate,
    };
    Ok(CameraMode { format, size, rate })
}

/// The rate nearest to the wanted one among intervals, in seconds as fractions.
fn nearest(intervals: &[(u32, u32)], wanted: Rational) -> Rational {
    let rates =
        intervals.iter().filter_map(|(num, den)| Rational::new(*den, *num)).filter(|rate| rate.num() > 0);
    let distance = |rate: &Rational| (rate.as_f64() - wanted.as_f64()).abs();
    rates.min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap_or(wanted)
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
    fn the_nearest_rate_is_taken() {
        let intervals = [(1, 30), (1, 15), (1_001, 60_000), (1, 0), (0, 1)];
        assert_eq!(nearest(&intervals, Rational::whole(25)), Rational::whole(30));
        assert_eq!(nearest(&intervals, Rational::whole(60)), Rational::new(60_000, 1_001).unwrap());
        assert_eq!(nearest(&[], Rational::whole(24)), Rational::whole(24));
    }
}
