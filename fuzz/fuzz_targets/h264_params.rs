//! Any bytes as H.264 parameter sets and their out-of-band record.

#![no_main]

use brooklet_media::bitstream::h264::{AvcConfig, Sps};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(sps) = Sps::parse(input) {
        let video = sps.video_params();
        assert!((1..=1_024 * 16 * 2).contains(&video.width) && video.height > 0);
        assert!(sps.max_reorder() <= 16 && sps.max_dpb_frames() <= 16);
    }
    if let Ok(config) = AvcConfig::parse(input) {
        assert_eq!(AvcConfig::parse(&config.build()), Ok(config.clone()));
        config.first_sps();
        config.write_annexb(&mut Vec::new());
    }
});
