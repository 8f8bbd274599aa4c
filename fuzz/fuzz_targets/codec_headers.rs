//! Any bytes as the headers of the other codecs: HEVC, AV1, VP9, AAC, MP3, Opus; and as NAL units.

#![no_main]

use brooklet_media::VideoFrame;
use brooklet_media::bitstream::aac::{AacConfig, Adts};
use brooklet_media::bitstream::av1::{Av1Config, SequenceHeader, obus};
use brooklet_media::bitstream::hevc::{HevcSps, HvcConfig};
use brooklet_media::bitstream::mpeg_audio::MpegAudioHeader;
use brooklet_media::bitstream::nal;
use brooklet_media::bitstream::opus::{self, OpusHead};
use brooklet_media::bitstream::vpx::VpConfig;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    match kind % 8 {
        0 => check_hevc(bytes),
        1 => {
            if let Ok(sps) = HevcSps::parse(bytes) {
                assert!(sps.width > 0 && sps.height > 0);
                sps.video_params();
            }
        }
        2 => check_aac(bytes),
        3 => {
            if let Some(header) = MpegAudioHeader::parse(bytes) {
                assert!(header.frame_bytes >= 4 && header.samples > 0 && header.rate > 0);
            }
        }
        4 => {
            if let Some(head) = OpusHead::parse(bytes) {
                assert!(head.channels > 0);
                assert_eq!(OpusHead::parse(&head.build()).map(|head| head.channels), Some(head.channels));
            }
            // RFC 6716 section 3.2.5: 120 ms at most.
            assert!(opus::packet_samples(bytes).is_none_or(|samples| samples <= 5_760));
        }
        5 => check_units(bytes),
        6 => check_av1(bytes),
        _ => check_vp9(bytes),
    }
});

fn check_hevc(bytes: &[u8]) {
    if let Ok(config) = HvcConfig::parse(bytes) {
        let again = HvcConfig::parse(&config.build());
        let sorted = |mut config: HvcConfig| {
            config.sets.sort();
            config
        };
        assert_eq!(again.map(sorted), Ok(sorted(config.clone())));
        config.first_sps();
    }
}

fn check_aac(bytes: &[u8]) {
    if let Ok(config) = AacConfig::parse(bytes) {
        assert!(config.rate > 0);
        let _ = config.audio_params();
        if config.object_type < 31 && !config.sbr {
            let again = AacConfig::parse(&config.build()).expect("what we write can be read");
            assert_eq!((again.object_type, again.rate), (config.object_type, config.rate));
            assert_eq!(again.channel_config, config.channel_config);
        }
    }
    if let Some(adts) = Adts::parse(bytes) {
        assert!(adts.frame_bytes >= adts.header_bytes && adts.blocks > 0);
    }
}

fn check_av1(bytes: &[u8]) {
    let walked: usize = obus(bytes).map(|obu| obu.bytes.len()).sum();
    assert!(walked <= bytes.len());
    if let Ok(header) = SequenceHeader::parse(bytes) {
        assert!(VideoFrame::check_size(header.max_width, header.max_height).is_ok());
        header.video_params();
    }
    if let Some(record) = Av1Config::record_of(bytes) {
        let config = Av1Config::parse(&record).expect("what we write can be read");
        let header = config.sequence_header().expect("a record is made of a header");
        assert_eq!(config.format, header.pixel_format());
    }
    let _ = Av1Config::parse(bytes).map(|config| config.sequence_header());
}

fn check_vp9(bytes: &[u8]) {
    if let Some(config) = VpConfig::parse(bytes) {
        assert_eq!(VpConfig::parse(&config.build()), Some(config));
    }
}

fn check_units(bytes: &[u8]) {
    // Units out of a byte stream are those out of the same units behind lengths, and in a byte stream again.
    let units: Vec<_> = nal::annexb_units(bytes).collect();
    let prefixed = nal::to_length_prefixed(units.iter().copied());
    assert!(
        nal::length_prefixed_units(&prefixed, 4).eq(units.iter().copied().filter(|unit| !unit.is_empty()))
    );
    let mut stream = Vec::new();
    units.iter().for_each(|unit| nal::write_annexb(unit, &mut stream));
    assert!(nal::annexb_units(&stream).eq(units.iter().copied()));
    for size in 1..=4 {
        let _ = nal::widen_lengths(Bytes::copy_from_slice(bytes), size);
    }
    assert!(nal::unescape(bytes).len() <= bytes.len());
}
