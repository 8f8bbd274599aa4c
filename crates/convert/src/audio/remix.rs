//! Other loudspeakers: the matrices of ffmpeg's swresample, measured.

use brooklet_media::{ChannelLayout, Error, Result};

use Speaker::*;

/// Where a channel is heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Speaker {
    FrontLeft,
    FrontRight,
    FrontCenter,
    LowFrequency,
    BackLeft,
    BackRight,
    BackCenter,
    SideLeft,
    SideRight,
}

/// The square root of one half: 3 dB less.
const HALF_POWER: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// How much of each channel that comes in each channel that goes out has.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Remix {
    /// A row for each channel that goes out.
    rows: Vec<Vec<f32>>,
}

impl Remix {
    /// `None` where the channels are the same. `normalize` lowers everything so far that the sum of all
    /// channels cannot clip, as swresample does where integers go out.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] from or to channels of no known place.
    pub(crate) fn new(from: ChannelLayout, to: ChannelLayout, normalize: bool) -> Result<Option<Self>> {
        if from == to {
            return Ok(None);
        }
        let (Some(inputs), Some(outputs)) = (speakers(from), speakers(to)) else {
            if from.channels() == to.channels() {
                return Ok(None);
            }
            let remix = format!("a mix from {from} to {to}");
            return Err(Error::unsupported(remix, "mono, stereo, 3.0, 4.0, 5.0, 5.1 and 7.1"));
        };
        let mut rows = vec![vec![0.0; inputs.len()]; outputs.len()];
        for (column, &input) in inputs.iter().enumerate() {
            for (speaker, part) in parts(input, inputs, outputs).iter().flatten() {
                if let Some(row) = outputs.iter().position(|output| output == speaker) {
                    rows[row][column] = *part;
                }
            }
        }
        let loudest = rows.iter().map(|row| row.iter().sum()).fold(0.0f32, f32::max);
        if normalize && loudest > 1.0 {
            rows.iter_mut().flatten().for_each(|part| *part /= loudest);
        }
        Ok(Some(Self { rows }))
    }

    /// Appends to `output`, one plane for each channel, the mix of `input` from sample `start` on.
    pub(crate) fn run(&self, input: &[Vec<f32>], output: &mut [Vec<f32>]) {
        for (row, out) in self.rows.iter().zip(output) {
            let start = out.len();
            out.resize(start + input.first().map_or(0, Vec::len), 0.0);
            for (&part, samples) in row.iter().zip(input).filter(|(part, _)| **part != 0.0) {
                for (out, sample) in out[start..].iter_mut().zip(samples) {
                    *out += part * sample;
                }
            }
        }
    }
}

/// Where one channel goes, and how much of it.
fn parts(input: Speaker, inputs: &[Speaker], outputs: &[Speaker]) -> [Option<(Speaker, f32)>; 2] {
    let has = |speaker| outputs.contains(&speaker);
    let one = |speaker, part| [Some((speaker, part)), None];
    let two = |left, right, part| [Some((left, part)), Some((right, part))];
    if has(input) {
        return one(input, 1.0);
    }
    // A pair joins the other pair at full level only where that would else be silent.
    let beside = |speaker| if inputs.contains(&speaker) { HALF_POWER } else { 1.0 };
    match input {
        FrontCenter => two(FrontLeft, FrontRight, HALF_POWER),
        FrontLeft | FrontRight => one(FrontCenter, HALF_POWER),
        BackCenter if has(BackLeft) => two(BackLeft, BackRight, HALF_POWER),
        BackCenter if has(FrontLeft) => two(FrontLeft, FrontRight, 0.5),
        BackLeft | SideLeft | BackRight | SideRight if has(BackCenter) => one(BackCenter, HALF_POWER),
        SideLeft if has(BackLeft) => one(BackLeft, beside(BackLeft)),
        SideRight if has(BackRight) => one(BackRight, beside(BackRight)),
        BackLeft | SideLeft if has(FrontLeft) => one(FrontLeft, HALF_POWER),
        BackRight | SideRight if has(FrontRight) => one(FrontRight, HALF_POWER),
        BackCenter | BackLeft | BackRight | SideLeft | SideRight => one(FrontCenter, 0.5),
        LowFrequency => [None, None],
    }
}

/// The loudspeakers of a layout in the order of its channels.
const fn speakers(layout: ChannelLayout) -> Option<&'static [Speaker]> {
    Some(match layout {
        ChannelLayout::Mono => &[FrontCenter],
        ChannelLayout::Stereo => &[FrontLeft, FrontRight],
        ChannelLayout::Surround => &[FrontLeft, FrontRight, FrontCenter],
        ChannelLayout::FourZero => &[FrontLeft, FrontRight, FrontCenter, BackCenter],
        ChannelLayout::FiveZero => &[FrontLeft, FrontRight, FrontCenter, BackLeft, BackRight],
        ChannelLayout::FiveOne => &[FrontLeft, FrontRight, FrontCenter, LowFrequency, BackLeft, BackRight],
        ChannelLayout::SevenOne => {
            &[FrontLeft, FrontRight, FrontCenter, LowFrequency, BackLeft, BackRight, SideLeft, SideRight]
        }
        ChannelLayout::Unknown(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use brooklet_media::ChannelLayout::*;

    use super::*;

    fn rows(from: ChannelLayout, to: ChannelLayout, normalize: bool) -> Vec<Vec<f32>> {
        let rounded = |part: &f32| (part * 1_000.0).round() / 1_000.0;
        let remix = Remix::new(from, to, normalize).unwrap().unwrap();
        remix.rows.iter().map(|row| row.iter().map(rounded).collect()).collect()
    }

    #[test]
    fn down_mixes_are_those_of_swresample() {
        assert_eq!(rows(Stereo, Mono, true), [[0.5, 0.5]]);
        assert_eq!(rows(Stereo, Mono, false), [[0.707, 0.707]]);
        assert_eq!(rows(FiveOne, Mono, false), [[0.707, 0.707, 1.0, 0.0, 0.5, 0.5]]);
        assert_eq!(
            rows(FiveOne, Stereo, true),
            [[0.414, 0.0, 0.293, 0.0, 0.293, 0.0], [0.0, 0.414, 0.293, 0.0, 0.0, 0.293]]
        );
        assert_eq!(rows(SevenOne, FiveOne, false)[4], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.707, 0.0]);
        assert_eq!(rows(FourZero, Stereo, false)[0], [1.0, 0.0, 0.707, 0.5]);
    }

    #[test]
    fn up_mixes_leave_the_new_loudspeakers_silent() {
        assert_eq!(rows(Mono, Stereo, true), [[0.707], [0.707]]);
        assert_eq!(rows(Mono, FiveOne, true).concat(), [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(rows(Stereo, SevenOne, true)[2..].concat(), [0.0; 12]);
    }

    #[test]
    fn unknown_places_are_refused_and_equal_channels_left_alone() {
        assert_eq!(Remix::new(Unknown(2), Stereo, true), Ok(None));
        let refused = Remix::new(Unknown(7), Stereo, true).unwrap_err().to_string();
        assert!(refused.starts_with("a mix from 7 channels to stereo is not supported"), "{refused}");
    }
}
