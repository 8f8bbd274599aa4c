//! Streams made bit by bit: what real encoders make is compared with ffprobe by hand.

use brooklet_media::bitstream::h264::AvcConfig;
use brooklet_media::bitstream::nal;
use brooklet_media::{CodecId, DemuxEvent, Packet, Rational, Source};
use proptest::prelude::*;

use super::{AnnexbDemuxer, AnnexbMuxer};
use crate::testing::{Bits, Read, demux_stream, mux};

/// A unit: header byte, then bits, with escapes.
fn unit(header: u8, bits: Bits) -> Vec<u8> {
    let mut out = vec![header];
    for byte in bits.finish() {
        if byte <= 3 && out.ends_with(&[0, 0]) {
            out.push(3);
        }
        out.push(byte);
    }
    out
}

/// Main profile, order counts of 8 bits, `wide` × 2 macroblocks; `frames_only` or fields too; `reorder` in the VUI.
fn sps(wide: u32, frames_only: bool, reorder: u32) -> Vec<u8> {
    let bits = Bits::new()
        .bits(77, 8)
        .bits(0, 8)
        .bits(30, 8)
        .ue(0)
        .ue(0) // frame numbers of 4 bits
        .ue(0)
        .ue(4) // order counts of 8 bits
        .ue(4)
        .bits(0, 1)
        .ue(wide - 1)
        .ue(if frames_only { 1 } else { 0 })
        .bits(u32::from(frames_only), 1);
    let bits = if frames_only { bits } else { bits.bits(0, 1) };
    // direct_8x8_inference, no cropping, VUI of nothing but timing (30 fps) and restrictions
    let bits =
        bits.bits(0b101, 3).bits(0, 4).bits(1, 1).bits(1, 32).bits(60, 32).bits(1, 1).bits(0, 3).bits(1, 1);
    let bits = bits.bits(1, 1).ue(0).ue(0).ue(10).ue(10).ue(reorder).ue(4);
    unit(0x67, bits)
}

fn pps() -> Vec<u8> {
    let bits = Bits::new().ue(0).ue(0).bits(0, 2).ue(0).ue(0).ue(0).bits(0, 3).ue(0).ue(0).ue(0).bits(0, 3);
    unit(0x68, bits)
}

#[derive(Clone, Copy)]
struct SliceOf {
    idr: bool,
    reference: bool,
    first_mb: u32,
    frame_num: u32,
    lsb: u32,
    /// Bottom field or top field, of a stream that has fields.
    field: Option<bool>,
    frames_only: bool,
    resets: bool,
}

const PLAIN: SliceOf = SliceOf {
    idr: false,
    reference: true,
    first_mb: 0,
    frame_num: 0,
    lsb: 0,
    field: None,
    frames_only: true,
    resets: false,
};

/// A slice of I macroblocks that nobody will decode.
fn slice(of: SliceOf) -> Vec<u8> {
    let mut bits = Bits::new().ue(of.first_mb).ue(7).ue(0).bits(of.frame_num, 4);
    if !of.frames_only {
        bits = bits.bits(u32::from(of.field.is_some()), 1);
        if let Some(bottom) = of.field {
            bits = bits.bits(u32::from(bottom), 1);
        }
    }
    if of.idr {
        bits = bits.ue(0);
    }
    bits = bits.bits(of.lsb, 8);
    if of.idr {
        bits = bits.bits(0, 2);
    } else if of.reference {
        bits = if of.resets { bits.bits(1, 1).ue(5).ue(0) } else { bits.bits(0, 1) };
    }
    let kind = if of.idr { 5 } else { 1 };
    unit(if of.reference { 0x60 } else { 0 } | kind, bits.bits(0xABCD, 16).bits(of.lsb, 8))
}

fn stream(units: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    units.iter().for_each(|unit| nal::write_annexb(unit, &mut out));
    out
}

fn read(bytes: &[u8], step: usize) -> Read {
    demux_stream(AnnexbDemuxer::h264(Source::default(), None), bytes, step).unwrap()
}

/// (pts, units) of each packet, pts in frames of 30 fps.
fn shape(read: &Read) -> Vec<(i64, usize)> {
    let units = |packet: &Packet| nal::length_prefixed_units(&packet.data, 4).count();
    read.packets.iter().map(|packet| (packet.pts / 40_000, units(packet))).collect()
}

#[test]
fn slices_delimiters_and_messages_gather_into_pictures() {
    let idr = SliceOf { idr: true, ..PLAIN };
    let (aud, sei) = (vec![0x09, 0xF0], vec![0x06, 0x05, 0x01, 0xAA, 0x80]);
    let units = [
        aud.clone(),
        sps(4, true, 1),
        pps(),
        sei.clone(),
        slice(idr),
        slice(SliceOf { first_mb: 4, ..idr }),
        aud,
        slice(SliceOf { frame_num: 1, lsb: 4, ..PLAIN }),
        slice(SliceOf { frame_num: 1, lsb: 4, first_mb: 3, ..PLAIN }),
        sei,
        slice(SliceOf { frame_num: 2, lsb: 2, reference: false, ..PLAIN }),
    ];
    for step in [1, 13, 4_096] {
        let read = read(&stream(&units), step);
        assert_eq!(shape(&read), [(0, 3), (2, 2), (1, 2)]);
        let dts: Vec<_> = read.packets.iter().map(|packet| packet.dts / 40_000).collect();
        assert_eq!((dts, read.packets[0].key, read.packets[1].key), (vec![-1, 0, 1], true, false));
        let video = read.streams[0].as_video().unwrap();
        assert_eq!((video.width, video.height, video.frame_rate), (64, 32, Rational::new(30, 1)));
        let config = AvcConfig::parse(&read.streams[0].extradata).unwrap();
        assert_eq!((&config.sps[0][..], &config.pps[0][..]), (&sps(4, true, 1)[..], &pps()[..]));
    }
}

#[test]
fn both_fields_of_a_frame_make_one_packet() {
    let field =
        |frame_num, lsb, bottom| SliceOf { frame_num, lsb, field: Some(bottom), frames_only: false, ..PLAIN };
    let units = [
        sps(4, false, 0),
        pps(),
        slice(SliceOf { idr: true, ..field(0, 0, false) }),
        slice(field(0, 1, true)),
        vec![0x09, 0xF0],
        slice(field(1, 2, false)),
        vec![0x09, 0xF0],
        slice(field(1, 3, true)),
        slice(field(2, 4, false)),
        // Its other field is missing.
        slice(field(3, 6, true)),
        slice(field(3, 7, false)),
    ];
    assert_eq!(shape(&read(&stream(&units), 7)), [(0, 2), (1, 2), (2, 1), (3, 2)]);
}

#[test]
fn order_counts_start_anew_where_the_stream_says_so() {
    let picture = |frame_num, lsb| slice(SliceOf { frame_num, lsb, ..PLAIN });
    let units = [
        sps(4, true, 2),
        pps(),
        slice(SliceOf { idr: true, lsb: 0, ..PLAIN }),
        picture(1, 8),
        slice(SliceOf { frame_num: 2, lsb: 20, resets: true, ..PLAIN }),
        picture(1, 4),
        picture(2, 2),
        slice(SliceOf { idr: true, ..PLAIN }),
    ];
    let pts: Vec<_> = shape(&read(&stream(&units), 64)).iter().map(|(pts, _)| *pts).collect();
    assert_eq!(pts, [0, 1, 2, 4, 3, 5]);
}

#[test]
fn another_size_in_mid_stream_is_told_before_its_first_picture() {
    let idr = slice(SliceOf { idr: true, ..PLAIN });
    let next = slice(SliceOf { frame_num: 1, lsb: 2, ..PLAIN });
    let small = [sps(4, true, 0), pps(), idr.clone(), next.clone()];
    let large = [sps(8, true, 0), pps(), idr, next];
    let all = [&small[..], &small, &large].concat();
    let read = read(&stream(&all), 50);
    let [(4, DemuxEvent::Params { stream: 0, params })] = &read.changes[..] else {
        panic!("{:?}", read.changes)
    };
    assert_eq!(params.as_video().map(|video| video.width), Some(128));
    assert_eq!(shape(&read).iter().map(|(pts, _)| *pts).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_recovery_point_is_a_place_to_start() {
    let recovery = vec![0x06, 0x06, 0x01, 0xC4, 0x80];
    let units = [
        sps(4, true, 0),
        pps(),
        slice(SliceOf { frame_num: 1, lsb: 2, ..PLAIN }),
        recovery,
        slice(SliceOf { frame_num: 2, lsb: 4, ..PLAIN }),
    ];
    let keys: Vec<_> = read(&stream(&units), 64).packets.iter().map(|packet| packet.key).collect();
    assert_eq!(keys, [false, true]);
}

/// x265, 1920x1080, 30 fps, order counts of 8 bits, two reorder pictures.
const HEVC_SPS: [u8; 42] = [
    0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00,
    0x78, 0xa0, 0x03, 0xc0, 0x80, 0x10, 0xe5, 0x96, 0x56, 0x69, 0x24, 0xca, 0xe0, 0x10, 0x00, 0x00, 0x03,
    0x00, 0x10, 0x00, 0x00, 0x03, 0x01, 0xe0, 0x80,
];

/// A HEVC unit: type, then bits.
fn hevc_unit(kind: u8, bits: Bits) -> Vec<u8> {
    [vec![kind << 1, 1], bits.finish()].concat()
}

#[test]
fn hevc_pictures_are_shown_in_their_order() {
    let picture = |kind, lsb| {
        let head = Bits::new().bits(1, 1);
        let head = if kind >= 16 { head.bits(0, 1) } else { head };
        let head = head.ue(0).ue(1);
        hevc_unit(kind, if kind == 19 { head } else { head.bits(lsb, 8) }.bits(0xF00D, 16))
    };
    let segment = hevc_unit(1, Bits::new().bits(0, 1).bits(0xBEEF, 16));
    let (trail_n, trail_r, radl, idr, cra) = (0, 1, 6, 19, 21);
    let units = [
        hevc_unit(32, Bits::new().bits(0, 12)),
        HEVC_SPS.to_vec(),
        hevc_unit(34, Bits::new().ue(0).ue(0).bits(0, 5)),
        picture(idr, 0),
        picture(trail_r, 4),
        segment,
        picture(trail_n, 2),
        picture(cra, 6),
        picture(idr, 0),
        picture(radl, 254),
    ];
    for step in [1, 4_096] {
        let demuxer = AnnexbDemuxer::hevc(Source::default(), None);
        let read = demux_stream(demuxer, &stream(&units), step).unwrap();
        assert_eq!(shape(&read), [(0, 1), (2, 2), (1, 1), (3, 1), (5, 1), (4, 1)]);
        let keys: Vec<_> = read.packets.iter().map(|packet| packet.key).collect();
        assert_eq!(keys, [true, false, false, true, true, false]);
        let written = mux(AnnexbMuxer::hevc(), &read.streams, &read.packets);
        let again = demux_stream(AnnexbDemuxer::hevc(Source::default(), None), &written, step).unwrap();
        assert_eq!((again.packets, again.streams), (read.packets, read.streams));
    }
}

#[test]
fn the_rate_that_is_asked_for_goes_first() {
    let units = [
        sps(4, true, 0),
        pps(),
        slice(SliceOf { idr: true, ..PLAIN }),
        slice(SliceOf { frame_num: 1, ..PLAIN }),
    ];
    let demuxer = AnnexbDemuxer::h264(Source::default(), Rational::new(10, 1));
    let read = demux_stream(demuxer, &stream(&units), 64).unwrap();
    assert_eq!((read.packets[1].pts, read.packets[1].duration), (120_000, 120_000));
}

#[test]
fn without_parameter_sets_there_is_nothing_to_give() {
    let bytes = stream(&[slice(PLAIN), slice(SliceOf { frame_num: 1, ..PLAIN })]);
    for bytes in [&bytes[..], &[], &[0; 100], b"no stream at all"] {
        assert!(demux_stream(AnnexbDemuxer::h264(Source::default(), None), bytes, 10).is_err());
        assert!(demux_stream(AnnexbDemuxer::hevc(Source::default(), None), bytes, 10).is_err());
    }
}

proptest! {
    #[test]
    fn what_is_read_is_written_and_reads_back(gops in prop::collection::vec(1u32..8, 1..5), step in 1usize..300) {
        let mut units = vec![sps(4, true, 1), pps()];
        for length in gops {
            units.push(slice(SliceOf { idr: true, ..PLAIN }));
            units.extend((1..length).map(|n| slice(SliceOf { frame_num: n, lsb: 2 * n, ..PLAIN })));
        }
        let first = read(&stream(&units), step);
        prop_assert_eq!(first.packets.len(), units.len() - 2);
        let written = mux(AnnexbMuxer::h264(), &first.streams, &first.packets);
        let again = read(&written, step);
        prop_assert_eq!(again.packets, first.packets);
        prop_assert_eq!(again.streams, first.streams);
    }

    #[test]
    fn damage_is_skipped_or_refused(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        step in 1usize..100,
    ) {
        let pictures = (1..12).map(|n| slice(SliceOf { frame_num: n % 16, lsb: 2 * n, resets: n == 6, ..PLAIN }));
        let head = [sps(4, true, 2), pps(), slice(SliceOf { idr: true, ..PLAIN })];
        let mut bytes = stream(&head.into_iter().chain(pictures).collect::<Vec<_>>());
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for demuxer in [AnnexbDemuxer::h264, AnnexbDemuxer::hevc] {
            if let Ok(read) = demux_stream(demuxer(Source::default(), None), &bytes, step) {
                prop_assert!(read.packets.iter().all(|packet| packet.dts <= packet.pts));
                prop_assert!(read.packets.is_sorted_by_key(|packet| packet.dts));
            }
        }
    }
}

#[test]
fn parameter_sets_stand_before_each_key_frame_once() {
    let units = [
        sps(4, true, 0),
        pps(),
        slice(SliceOf { idr: true, ..PLAIN }),
        slice(SliceOf { frame_num: 1, lsb: 2, ..PLAIN }),
    ];
    let Read { streams, mut packets, .. } = read(&stream(&units), 64);
    let with_sets = nal::to_length_prefixed(units[..3].iter().map(Vec::as_slice));
    packets.push(Packet { data: with_sets, key: true, ..packets[1].clone() });
    let written = mux(AnnexbMuxer::h264(), &streams, &packets);
    let kinds: Vec<_> = nal::annexb_units(&written).map(|unit| unit[0] & 31).collect();
    assert_eq!(kinds, [7, 8, 5, 1, 7, 8, 5]);
    assert_eq!(streams[0].codec, CodecId::H264);
}
