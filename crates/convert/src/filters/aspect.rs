//! `setsar` and `setdar`: another shape of a pixel, or of the picture, without touching its samples.

use brooklet_media::{Rational, Result, VideoFrame};

use super::args::FilterArgs;
use super::video::Filter;

pub(super) struct Aspect {
    ratio: Rational,
    of_picture: bool,
}

impl Aspect {
    /// `setsar`.
    pub(super) fn sample(filter: &FilterArgs) -> Result<Self> {
        Self::parse(filter, &["sar", "ratio", "r"], false)
    }

    /// `setdar`.
    pub(super) fn display(filter: &FilterArgs) -> Result<Self> {
        Self::parse(filter, &["dar", "ratio", "r"], true)
    }

    fn parse(filter: &FilterArgs, names: &[&str], of_picture: bool) -> Result<Self> {
        // The second value is the old way to write the denominator: `setsar=16:9`.
        let bound = filter.bind(&[names, &["den"], &["max"]])?;
        let text = bound.value(0).unwrap_or("0");
        let whole = bound.value(1).map(|den| format!("{text}/{den}"));
        let text = whole.as_deref().unwrap_or(text);
        let ratio = ratio(text).ok_or_else(|| bound.bad(text, "a ratio: 1, 16/9 or 1.778"))?;
        Ok(Self { ratio, of_picture })
    }
}

impl Filter for Aspect {
    fn run(&mut self, mut frame: VideoFrame) -> Result<VideoFrame> {
        frame.sample_aspect = if self.of_picture {
            let num = u64::from(self.ratio.num()) * u64::from(frame.height());
            let den = u64::from(self.ratio.den()) * u64::from(frame.width());
            reduced(num, den).unwrap_or(Rational::ONE)
        } else {
            self.ratio
        };
        Ok(frame)
    }
}

/// A ratio above 0; 0 itself means square, as "not known" does elsewhere.
fn ratio(text: &str) -> Option<Rational> {
    let (num, den) = text.split_once(['/', ':']).unwrap_or((text, "1"));
    if let (Ok(num), Ok(den)) = (num.parse::<u32>(), den.parse::<u32>()) {
        return if num == 0 { Some(Rational::ONE) } else { Rational::new(num, den) };
    }
    let value = num.parse::<f64>().ok()? / den.parse::<f64>().ok()?;
    (value > 1e-3 && value < 1e3).then(|| Rational::new((value * 1e5).round() as u32, 100_000))?
}

/// In lowest terms, where they fit.
fn reduced(num: u64, den: u64) -> Option<Rational> {
    let (mut a, mut b) = (num, den);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let divisor = a.max(1);
    Rational::new(u32::try_from(num / divisor).ok()?, u32::try_from(den / divisor).ok()?)
}
