//! Comparing what ours made with what a peer made.

use crate::probe::{TimeBase, fraction};

/// What `-f framemd5` says of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameSums {
    /// The time base of `pts`.
    pub time_base: TimeBase,
    /// The pts of each frame.
    pub pts: Vec<i64>,
    /// The MD5 of each frame.
    pub md5: Vec<String>,
}

/// Reads one stream from the text that `-f framemd5` or `-f framehash` writes; what has no bytes is no frame.
#[track_caller]
pub fn frame_sums(text: &str, stream: usize) -> FrameSums {
    let mut sums = FrameSums::default();
    let prefix = format!("#tb {stream}: ");
    for line in text.lines() {
        if let Some(time_base) = line.strip_prefix(&prefix) {
            sums.time_base = fraction(time_base);
        }
        let columns: Vec<&str> = line.split(',').map(str::trim).collect();
        let [index, _dts, pts, _duration, size, md5] = columns[..] else { continue };
        if line.starts_with('#') || index.parse() != Ok(stream) || size == "0" {
            continue;
        }
        sums.pts.push(pts.parse().unwrap_or_else(|_| panic!("no pts: {line}")));
        sums.md5.push(md5.to_owned());
    }
    sums
}

/// Samples of 32-bit float, little endian.
pub fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// How loud the difference of two sounds of one length is, in dB of full scale.
#[track_caller]
pub fn difference(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "samples, ours and theirs");
    loudness(ours.iter().zip(theirs).map(|(ours, theirs)| ours - theirs))
}

/// How loud a sound is, in dB of full scale.
pub fn loudness(samples: impl ExactSizeIterator<Item = f32>) -> f64 {
    let count = samples.len().max(1) as f64;
    let power = samples.map(|sample| f64::from(sample).powi(2)).sum::<f64>() / count;
    10.0 * power.max(1e-20).log10()
}

/// Peak signal to noise ratio of two runs of 8-bit samples of one length, in dB; 100 where they are equal.
#[track_caller]
pub fn psnr(ours: &[u8], theirs: &[u8]) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "bytes, ours and theirs");
    let square = |(ours, theirs): (&u8, &u8)| u64::from(ours.abs_diff(*theirs)).pow(2);
    let error = ours.iter().zip(theirs).map(square).sum::<u64>() as f64 / ours.len().max(1) as f64;
    if error == 0.0 { 100.0 } else { 10.0 * (255.0 * 255.0 / error).log10() }
}
