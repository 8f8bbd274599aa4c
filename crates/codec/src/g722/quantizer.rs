//! Differences to codes and back, each as many steps as its code says; and what a code says of the next step (G.722 §6).
//!
//! The lower band has codes of 6 bits. Only their upper 4 are learnt from, so that a network may take the others for data.

/// Bounds between the steps of the lower band, in 4096ths of its step: block QUANTL.
const BOUNDS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1_023, 1_121,
    1_219, 1_339, 1_458, 1_612, 1_765, 1_980, 2_195, 2_557, 2_919,
];
/// The same of the higher band: block QUANTH.
const HIGH_BOUND: i32 = 564;

/// By magnitude, from the largest: what the lower band's 6 bits stand for, in 32768ths of a step (QM6). Codes 0 to 3 are not sent;
/// the two smallest above and below zero are where the order breaks.
const FINE: [i32; 30] = [
    24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9_360, 8_576, 7_856, 7_192,
    6_576, 6_000, 5_456, 4_944, 4_464, 4_008, 3_576, 3_168, 2_776, 2_400, 2_032, 1_688, 1_360, 1_040, 728,
    432, 136,
];
/// The same of its 4 bits (QM4).
const COARSE: [i32; 7] = [20_456, 12_896, 8_968, 6_288, 4_240, 2_584, 1_200];
/// What the higher band's two bits stand for (QM2).
const HIGH: [i32; 4] = [-7_408, -1_616, 7_408, 1_616];

/// What is added to the logarithm of the step, for a difference of the smallest magnitude first (WL, WH).
const LOW_GROWTH: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1_198, 3_042];
const HIGH_GROWTH: [i32; 2] = [-214, 798];

/// The lower band's code for a difference.
pub(super) fn low_code(difference: i32, step: i32) -> u8 {
    let (negative, magnitude) = sign_and_magnitude(difference);
    let steps = BOUNDS.partition_point(|bound| (bound * step) >> 12 <= magnitude) as u8;
    match (negative, steps) {
        (true, 0 | 1) => 63 - steps,
        (true, _) => 33 - steps,
        (false, _) => 61 - steps,
    }
}

/// The higher band's code for a difference.
pub(super) fn high_code(difference: i32, step: i32) -> u8 {
    let (negative, magnitude) = sign_and_magnitude(difference);
    let large = magnitude >= (HIGH_BOUND * step) >> 12;
    u8::from(!large) | u8::from(!negative) << 1
}

/// The difference that all six bits of a code stand for: what is heard.
pub(super) fn fine(code: u8, step: i32) -> i32 {
    let share = match code & 63 {
        0..=3 => -FINE[29],
        code @ 4..=31 => -FINE[usize::from(code) - 4],
        code @ 32..=61 => FINE[usize::from(code) - 32],
        code => -FINE[usize::from(code) - 62 + 28],
    };
    (step * share) >> 15
}

/// The difference that the upper four bits stand for: what is learnt from.
pub(super) fn coarse(code: u8, step: i32) -> i32 {
    let share = match code >> 2 & 15 {
        0 | 15 => 0,
        code @ 1..=7 => -COARSE[usize::from(code) - 1],
        code => COARSE[usize::from(code) - 8],
    };
    (step * share) >> 15
}

/// The difference that a code of the higher band stands for.
pub(super) fn high(code: u8, step: i32) -> i32 {
    (step * HIGH[usize::from(code & 3)]) >> 15
}

/// What the step grows by after a code of the lower band.
pub(super) fn low_growth(code: u8) -> i32 {
    // Where the magnitude is in the order of the table (RL42).
    let magnitude = match code >> 2 & 15 {
        0 | 15 => 0,
        code @ 1..=7 => 8 - code,
        code => 15 - code,
    };
    LOW_GROWTH[usize::from(magnitude)]
}

/// The same of the higher band.
pub(super) fn high_growth(code: u8) -> i32 {
    HIGH_GROWTH[usize::from(code & 1 == 0)]
}

/// What a band gives is 15 bits (block LIMIT).
pub(super) fn limited(sample: i32) -> i32 {
    sample.clamp(-16_384, 16_383)
}

/// Of a negative number the complement, as the recommendation has it.
fn sign_and_magnitude(difference: i32) -> (bool, i32) {
    let difference = difference.clamp(i16::MIN.into(), i16::MAX.into());
    (difference < 0, if difference < 0 { !difference } else { difference })
}
