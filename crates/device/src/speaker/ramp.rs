//! Making samples quieter, in whatever packed format they are.

use brooklet_media::SampleFormat;

/// The byte that silence is made of.
pub(crate) const fn silence(format: SampleFormat) -> u8 {
    if matches!(format, SampleFormat::U8 | SampleFormat::U8p) { 0x80 } else { 0 }
}

/// Multiplies each sample in native-endian `bytes` by `num / den`.
pub(crate) fn scale(format: SampleFormat, bytes: &mut [u8], num: usize, den: usize) {
    let gain = num as f64 / den.max(1) as f64;
    let round = |sample: f64| (sample * gain).round();
    match format.packed() {
        SampleFormat::U8 => {
            bytes.iter_mut().for_each(|byte| *byte = (round(f64::from(*byte) - 128.0) + 128.0) as u8);
        }
        SampleFormat::S16 => each(bytes, |b| (round(i16::from_ne_bytes(b).into()) as i16).to_ne_bytes()),
        SampleFormat::S32 => each(bytes, |b| (round(i32::from_ne_bytes(b).into()) as i32).to_ne_bytes()),
        SampleFormat::F32 => each(bytes, |b| (f32::from_ne_bytes(b) * gain as f32).to_ne_bytes()),
        _ => each(bytes, |b| (f64::from_ne_bytes(b) * gain).to_ne_bytes()),
    }
}

fn each<const N: usize>(bytes: &mut [u8], change: impl Fn([u8; N]) -> [u8; N]) {
    for sample in bytes.as_chunks_mut::<N>().0 {
        *sample = change(*sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_halved() {
        let halved = |format, bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            scale(format, &mut bytes, 1, 2);
            bytes
        };
        assert_eq!(halved(SampleFormat::U8, &[128, 228, 28]), [128, 178, 78]);
        assert_eq!(halved(SampleFormat::S16, &(-300i16).to_ne_bytes()), (-150i16).to_ne_bytes());
        assert_eq!(halved(SampleFormat::S32, &1_000_000i32.to_ne_bytes()), 500_000i32.to_ne_bytes());
        assert_eq!(halved(SampleFormat::F32, &0.5f32.to_ne_bytes()), 0.25f32.to_ne_bytes());
        assert_eq!(halved(SampleFormat::F64, &(-1f64).to_ne_bytes()), (-0.5f64).to_ne_bytes());
    }
}
