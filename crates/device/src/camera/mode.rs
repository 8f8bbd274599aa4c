//! What cameras give, and which of it is taken.

use brooklet_media::Rational;

use super::CameraDriver;

/// What a camera gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CameraFormat {
    /// JPEG pictures.
    Mjpeg,
    /// H.264 in Annex B.
    H264,
    /// 4:2:2, `Y0 Cb Y1 Cr`.
    Yuyv,
    /// 4:2:0, a plane of luma and one of Cb and Cr.
    Nv12,
}

impl CameraFormat {
    /// All of them, in the order in which they are tried where none is named.
    pub const ALL: [Self; 4] = [Self::Mjpeg, Self::Yuyv, Self::Nv12, Self::H264];

    /// ffmpeg's name, as `-input_format` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mjpeg => "mjpeg",
            Self::H264 => "h264",
            Self::Yuyv => "yuyv422",
            Self::Nv12 => "nv12",
        }
    }

    /// The one of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Whether every picture can be shown without those before it.
    pub const fn stands_alone(self) -> bool {
        !matches!(self, Self::H264)
    }
}

/// What a [`crate::Camera`] is to give.
#[derive(Clone, PartialEq, Debug)]
pub struct CameraOptions {
    /// `/dev/video0`.
    pub device: String,
    /// The format; `None` for the first of [`CameraFormat::ALL`] that the camera has.
    pub format: Option<CameraFormat>,
    /// Pixels in a row, and rows.
    pub size: (u32, u32),
    /// Pictures in a second; a camera that has others takes the nearest.
    pub rate: Rational,
}

impl CameraOptions {
    /// 640x480 at 30 pictures a second, in whatever format there is.
    pub fn new(device: impl Into<String>) -> Self {
        Self { device: device.into(), format: None, size: (640, 480), rate: Rational::whole(30) }
    }
}

/// What a camera does: the format, size and rate that were agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CameraMode {
    /// The format.
    pub format: CameraFormat,
    /// Pixels in a row, and rows.
    pub size: (u32, u32),
    /// Pictures in a second.
    pub rate: Rational,
}

/// The sizes that a camera has in one format, in pixels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CameraSizes {
    /// These; none where it does not say.
    Listed(Vec<(u32, u32)>),
    /// All from the first to the second.
    Range((u32, u32), (u32, u32)),
}

/// The mode that is nearest to what was asked for: the format and the size as they are, of the rates the nearest. The error
/// says what there is.
pub(super) fn choose(camera: &dyn CameraDriver, options: &CameraOptions) -> Result<CameraMode, String> {
    let there = camera.formats();
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
    let (has, sizes) = match camera.sizes(format) {
        CameraSizes::Listed(sizes) => (sizes.is_empty() || sizes.contains(&size), joined(&sizes)),
        CameraSizes::Range(least, most) => {
            let fits = |pixels: u32, least: u32, most: u32| (least..=most).contains(&pixels);
            let has = fits(size.0, least.0, most.0) && fits(size.1, least.1, most.1);
            (has, format!("{} to {}", sized(least), sized(most)))
        }
    };
    if !has {
        return Err(format!("{} has no {}; it has {sizes}", format.name(), sized(size)));
    }
    let rate = nearest(&camera.rates(format, size), options.rate);
    Ok(CameraMode { format, size, rate })
}

/// All that it gives, a line for each format: `mjpeg 640x480 1280x720 30 fps`, for people. Rates are those of the largest
/// size.
pub(super) fn describe(camera: &dyn CameraDriver) -> Vec<String> {
    let line = |format: CameraFormat| {
        let (sizes, largest) = match camera.sizes(format) {
            CameraSizes::Listed(sizes) => {
                let largest = sizes
                    .iter()
                    .copied()
                    .max_by_key(|(width, height)| u64::from(*width) * u64::from(*height));
                (joined(&sizes), largest)
            }
            CameraSizes::Range(least, most) => (format!("{} to {}", sized(least), sized(most)), Some(most)),
        };
        let rates = largest.map(|size| camera.rates(format, size)).unwrap_or_default();
        let fastest = rates.into_iter().max_by(|one, other| one.as_f64().total_cmp(&other.as_f64()));
        let rate = fastest.map(|rate| format!("{} fps", (rate.as_f64() * 100.0).round() / 100.0));
        let words = [Some(format.name().to_owned()), Some(sizes), rate];
        words.into_iter().flatten().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    camera.formats().into_iter().map(line).collect()
}

fn joined(sizes: &[(u32, u32)]) -> String {
    sizes.iter().copied().map(sized).collect::<Vec<_>>().join(" ")
}

fn sized((width, height): (u32, u32)) -> String {
    format!("{width}x{height}")
}

/// The rate nearest to the wanted one; that one itself where none is listed.
fn nearest(rates: &[Rational], wanted: Rational) -> Rational {
    let distance = |rate: &&Rational| (rate.as_f64() - wanted.as_f64()).abs();
    let nearest = rates.iter().min_by(|one, other| distance(one).total_cmp(&distance(other)));
    nearest.copied().unwrap_or(wanted)
}
