//! ITU-T G.711: A-law and µ-law, 8 bits for the loudness range of 13 and 14.

/// The amplitude that an A-law code stands for, in 16 bits (G.711 table 1).
pub(crate) const fn from_alaw(code: u8) -> i16 {
    let code = code ^ 0x55;
    let (segment, step) = (code >> 4 & 7, (code & 15) as i16);
    let magnitude = match segment {
        0 => (2 * step + 1) << 3,
        _ => (2 * step + 33) << (segment + 2),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

/// The amplitude that a µ-law code stands for, in 16 bits (G.711 table 2).
pub(crate) const fn from_mulaw(code: u8) -> i16 {
    let code = !code;
    let (segment, step) = (code >> 4 & 7, (code & 15) as i16);
    let magnitude = (((step << 3) + 0x84) << segment) - 0x84;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}

/// The A-law code nearest to an amplitude of 16 bits.
pub(crate) fn to_alaw(sample: i16) -> u8 {
    nearest(sample, &ALAW_BOUNDS, 0xD5)
}

/// The µ-law code nearest to an amplitude of 16 bits.
pub(crate) fn to_mulaw(sample: i16) -> u8 {
    nearest(sample, &MULAW_BOUNDS, 0xFF)
}

/// For each step but the last, the first magnitude of 14 bits that belongs to the step above it.
static ALAW_BOUNDS: [u16; 127] = bounds(true);
static MULAW_BOUNDS: [u16; 127] = bounds(false);

const fn bounds(alaw: bool) -> [u16; 127] {
    let mut bounds = [0; 127];
    let mut step = 0;
    while step < 127 {
        let (low, high) = match alaw {
            true => (from_alaw(step as u8 ^ 0xD5), from_alaw((step as u8 + 1) ^ 0xD5)),
            false => (from_mulaw(step as u8 ^ 0xFF), from_mulaw((step as u8 + 1) ^ 0xFF)),
        };
        // Half way between them, in 14 bits, halves upwards.
        bounds[step] = ((low as i32 + high as i32 + 4) >> 3) as u16;
        step += 1;
    }
    bounds
}

/// The step whose amplitude is nearest, with its sign, under the law's mask.
fn nearest(sample: i16, bounds: &[u16; 127], mask: u8) -> u8 {
    let fourteen = sample >> 2;
    let magnitude = fourteen.unsigned_abs().min(8_191);
    let step = bounds.partition_point(|bound| *bound <= magnitude) as u8;
    if fourteen < 0 { step ^ mask ^ 0x80 } else { step ^ mask }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_scale() {
        assert_eq!((from_alaw(0xD5), from_alaw(0x55), from_alaw(0xAA)), (8, -8, 32_256));
        assert_eq!((from_mulaw(0xFF), from_mulaw(0x7F), from_mulaw(0x80)), (0, 0, 32_124));
        assert_eq!((to_alaw(i16::MAX), to_alaw(i16::MIN)), (0xAA, 0x2A));
        assert_eq!((to_mulaw(i16::MAX), to_mulaw(i16::MIN)), (0x80, 0x00));
    }

    #[test]
    fn every_amplitude_finds_a_nearest_step() {
        for sample in i16::MIN..=i16::MAX {
            for (decode, code) in
                [(from_alaw as fn(u8) -> i16, to_alaw(sample)), (from_mulaw, to_mulaw(sample))]
            {
                let error = |code| (i32::from(decode(code)) - i32::from(sample)).abs();
                let best = (0..=255).map(error).min().unwrap();
                assert!(error(code) <= best + 8, "{sample}: {code:#x} is off by {}", error(code));
            }
        }
    }
}
