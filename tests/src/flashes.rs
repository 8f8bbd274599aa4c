//! Clips that flash and beep at the same moments, and how far the two are apart in what came of them.

use std::path::{Path, PathBuf};

use crate::program::{DEADLINE, finish};
use crate::{clips, compare, peers, probe};

/// A flash and a beep last so long, seconds, at the start of each second.
pub const LENGTH: f64 = 0.1;

/// Five seconds of pictures that move, in which each second begins with a flash and a beep.
pub fn clip() -> Option<PathBuf> {
    clips::generated(
        "flashes.mp4",
        "-f lavfi -i testsrc2=size=640x360:rate=25:duration=5,eq=brightness=-0.5,\
         drawbox=color=white:t=fill:enable='lt(mod(t,1),0.1)' \
         -f lavfi -i aevalsrc='if(lt(mod(t,1),0.1),0.5*sin(2*PI*1000*t),0)':s=48000:d=5 \
         -c:v libx264 -preset veryfast -g 25 -pix_fmt yuv420p -c:a aac -b:a 128k",
    )
}

/// Eight seconds of black, 50 pictures in each, in which each but the first second begins with a flash and a beep.
pub fn black_clip() -> Option<PathBuf> {
    clips::generated(
        "black-flashes.mp4",
        "-f lavfi -i color=black:size=320x180:rate=50:duration=8,\
         drawbox=color=white:t=fill:enable='lt(mod(t,1),0.1)*gte(t,1)' \
         -f lavfi -i aevalsrc='if(lt(mod(t,1),0.1)*gte(t,1),0.5*sin(2*PI*1000*t),0)':s=48000:d=8 \
         -c:v libx264 -preset veryfast -g 50 -pix_fmt yuv420p -c:a aac -b:a 128k",
    )
}

/// How long after each flash of a file its beep comes, seconds; nothing without ffmpeg.
#[track_caller]
pub fn steps(path: &Path) -> Vec<f64> {
    let (Some(flashes), Some(beeps)) = (flash_times(path), beep_times(path)) else { return Vec::new() };
    assert_eq!(flashes.len(), beeps.len(), "flashes {flashes:?}, beeps {beeps:?}");
    beeps.iter().zip(&flashes).map(|(beep, flash)| beep - flash).collect()
}

/// When a file flashes, seconds.
#[track_caller]
pub fn flash_times(path: &Path) -> Option<Vec<f64>> {
    let (base, times) = probe::frames(path, "v:0")?;
    let light = decode(path, &["-map", "0:v:0", "-vf", "scale=1:1,format=gray", "-f", "rawvideo"])?;
    assert_eq!(light.len(), times.len(), "pictures decoded");
    let lit = light.windows(2).zip(&times[1..]).filter(|(pair, _)| pair[0] < 170 && pair[1] >= 170);
    let first = times.first().filter(|_| light[0] >= 170);
    Some(first.into_iter().chain(lit.map(|(_, time)| time)).map(|time| seconds(*time, base)).collect())
}

/// When a file beeps, seconds.
#[track_caller]
pub fn beep_times(path: &Path) -> Option<Vec<f64>> {
    let (base, times) = probe::frames(path, "a:0")?;
    let start = seconds(*times.first()?, base);
    let samples = compare::floats(&decode(path, &["-map", "0:a:0", "-ac", "1", "-f", "f32le"])?);
    let mut beeps: Vec<f64> = Vec::new();
    for (index, _) in samples.iter().enumerate().filter(|(_, sample)| sample.abs() > 0.1) {
        let time = start + index as f64 / 48_000.0;
        if beeps.last().is_none_or(|last| time - last > 0.5) {
            beeps.push(time);
        }
    }
    Some(beeps)
}

fn seconds(ticks: i64, base: probe::TimeBase) -> f64 {
    probe::nanoseconds(ticks, base) as f64 / 1e9
}

/// What ffmpeg decodes of a file.
#[track_caller]
pub fn decode(path: &Path, how: &[&str]) -> Option<Vec<u8>> {
    let mut ffmpeg = peers::ffmpeg()?;
    ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(path).args(["-fps_mode", "passthrough"]).args(how);
    Some(finish(ffmpeg.arg("-"), DEADLINE).expect_success().stdout)
}
