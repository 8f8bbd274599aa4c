//! Which level a stream needs (table A-1).

/// What one level allows.
struct Level {
    idc: u8,
    /// Macroblocks in a second.
    rate: u64,
    /// Macroblocks in a frame.
    frame: u64,
    /// Macroblocks of all decoded pictures.
    pictures: u64,
    /// Bit/s, in thousands of 1000 (Baseline, Main) or 1250 (High).
    bit_rate: u64,
}

const fn level(idc: u8, rate: u64, frame: u64, pictures: u64, bit_rate: u64) -> Level {
    Level { idc, rate, frame, pictures, bit_rate }
}

static LEVELS: [Level; 19] = [
    level(10, 1_485, 99, 396, 64),
    level(11, 3_000, 396, 900, 192),
    level(12, 6_000, 396, 2_376, 384),
    level(13, 11_880, 396, 2_376, 768),
    level(20, 11_880, 396, 2_376, 2_000),
    level(21, 19_800, 792, 4_752, 4_000),
    level(22, 20_250, 1_620, 8_100, 4_000),
    level(30, 40_500, 1_620, 8_100, 10_000),
    level(31, 108_000, 3_600, 18_000, 14_000),
    level(32, 216_000, 5_120, 20_480, 20_000),
    level(40, 245_760, 8_192, 32_768, 20_000),
    level(41, 245_760, 8_192, 32_768, 50_000),
    level(42, 522_240, 8_704, 34_816, 50_000),
    level(50, 589_824, 22_080, 110_400, 135_000),
    level(51, 983_040, 36_864, 184_320, 240_000),
    level(52, 2_073_600, 36_864, 184_320, 240_000),
    level(60, 4_177_920, 139_264, 696_320, 240_000),
    level(61, 8_355_840, 139_264, 696_320, 480_000),
    level(62, 16_711_680, 139_264, 696_320, 800_000),
];

/// What a stream asks of its decoder.
pub(super) struct Demand {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Pictures in a second.
    pub(super) frame_rate: f64,
    pub(super) references: u32,
    /// Bit/s; 0 where not known.
    pub(super) bit_rate: u64,
    pub(super) high_profile: bool,
}

/// `level_idc` of the lowest level that allows it; the highest there is where none does.
pub(super) fn lowest(demand: &Demand) -> u8 {
    let (wide, high) = (u64::from(demand.width.div_ceil(16)), u64::from(demand.height.div_ceil(16)));
    let frame = wide * high;
    let rate = (frame as f64 * demand.frame_rate).ceil() as u64;
    let factor = if demand.high_profile { 1_250 } else { 1_000 };
    let allows = |level: &&Level| {
        frame <= level.frame
            && wide.max(high).pow(2) <= level.frame * 8
            && rate <= level.rate
            && frame * u64::from(demand.references) <= level.pictures
            && demand.bit_rate <= level.bit_rate * factor
    };
    LEVELS.iter().find(allows).map_or(62, |level| level.idc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_sizes_get_the_levels_that_x264_gives_them() {
        let of = |width, height, frame_rate, references, bit_rate| {
            lowest(&Demand { width, height, frame_rate, references, bit_rate, high_profile: true })
        };
        assert_eq!(of(640, 360, 30.0, 1, 1_000_000), 30);
        assert_eq!(of(1280, 720, 30.0, 3, 2_000_000), 31);
        assert_eq!(of(1920, 1080, 30.0, 3, 6_000_000), 40);
        assert_eq!(of(1920, 1080, 60.0, 1, 6_000_000), 42);
        assert_eq!(of(320, 180, 25.0, 1, 9_000_000), 30);
        assert_eq!(of(16_384, 16, 30.0, 1, 0), 60);
    }
}
