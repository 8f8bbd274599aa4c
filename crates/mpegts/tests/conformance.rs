//! What the muxer writes, in many shapes, judged by the checker.

mod common;

use std::time::Duration;

use brooklet_media::{DemuxEvent, Muxer, Packet, Piece, StreamParams, TimeBase};
use brooklet_mpegts::check::{Check, Report};
use brooklet_mpegts::{TsMuxer, TsMuxerOptions};
use common::{Pictures, aac, bytes, demux, h264, mux, opus, packets_of, sound};

const FRAMES_90K: TimeBase = TimeBase::MPEG;

fn check(pieces: &[Piece], muxrate: Option<u64>) -> Report {
    let mut check = match muxrate {
        Some(rate) => Check::new().with_muxrate(rate),
        None => Check::new(),
    };
    pieces.iter().for_each(|piece| check.push(&piece.bytes));
    let report = check.report();
    assert_eq!(report.violations(), [] as [&str; 0], "{report}");
    assert!(report.pcr_interval <= Duration::from_millis(40), "{report}");
    assert!(report.pat_interval <= Duration::from_millis(100), "{report}");
    assert!(report.pmt_interval <= Duration::from_millis(100), "{report}");
    assert!(report.sdt_interval <= Duration::from_millis(500), "{report}");
    assert_eq!(report.service, Some(("Brooklet".into(), "Service01".into())));
    report
}

/// Pieces are datagrams in the order of time, and one before each key frame says that readers can start there.
fn check_pieces(pieces: &[Piece]) {
    assert!(
        pieces.iter().all(|piece| piece.bytes.len() % 188 == 0 && (188..=1_316).contains(&piece.bytes.len()))
    );
    assert!(pieces.is_sorted_by_key(|piece| piece.at));
    assert!(pieces[0].key);
    for piece in pieces.iter().filter(|piece| piece.key) {
        assert_eq!(piece.bytes[..3], [0x47, 0x40, 0], "a start for readers has to be a PAT");
    }
}

fn pictures(step: i64, count: i64) -> Pictures {
    Pictures { stream: 0, step, count, gop: 50, size: 3_000, b_frames: true }
}

fn both(step: i64, seconds: i64) -> (Vec<StreamParams>, Vec<Vec<Packet>>) {
    let video = pictures(step, seconds * 90_000 / step);
    let streams = vec![h264(FRAMES_90K), aac(48_000, TimeBase::hz(48_000))];
    (streams, vec![video.packets(0), sound(1, 0, 1_024, seconds * 48_000 / 1_024, 340)])
}

#[test]
fn pictures_of_any_rate_with_sound() {
    // 1, 5, 24, 25, 29.97, 60, 120 fps.
    for step in [90_000, 18_000, 3_750, 3_600, 3_003, 1_500, 750] {
        let (streams, packets) = both(step, 6);
        let count = packets[0].len();
        for options in [TsMuxerOptions::default(), TsMuxerOptions::live()] {
            let pieces = mux(options, &streams, packets.clone());
            check_pieces(&pieces);
            let report = check(&pieces, None);
            assert_eq!(report.streams[0].units, count as u64);
            assert_eq!(report.streams[0].key_units, count.div_ceil(50) as u64);
            let starts = pieces.iter().filter(|piece| piece.key).count();
            assert_eq!(starts, count.div_ceil(50) + 1, "the header and each key frame");
        }
    }
}

#[test]
fn pictures_alone_even_few_and_small() {
    for (step, size) in [(3_600, 3_000), (18_000, 20), (90_000, 20), (450_000, 20_000)] {
        let video = Pictures { size, ..pictures(step, 8) };
        let pieces = mux(TsMuxerOptions::default(), &[h264(FRAMES_90K)], vec![video.packets(0)]);
        check_pieces(&pieces);
        check(&pieces, None);
    }
}

#[test]
fn sound_alone_even_at_low_rates() {
    for rate in [48_000, 44_100, 8_000, 7_350] {
        let packets = sound(0, 0, 1_024, 200, 100);
        let pieces = mux(TsMuxerOptions::default(), &[aac(rate, TimeBase::hz(rate))], vec![packets]);
        check_pieces(&pieces);
        let report = check(&pieces, None);
        assert_eq!(report.streams[0].units, 200);
    }
    let pieces = mux(TsMuxerOptions::live(), &[opus(312)], vec![sound(0, 0, 960, 100, 80)]);
    check(&pieces, None);
}

#[test]
fn a_constant_rate_is_exact_and_filled() {
    for (step, rate) in [(3_600, 3_000_000), (18_000, 1_000_000), (3_003, 2_718_281)] {
        let (streams, packets) = both(step, 10);
        let options = TsMuxerOptions { muxrate: Some(rate), ..TsMuxerOptions::default() };
        let pieces = mux(options, &streams, packets);
        check_pieces(&pieces);
        let report = check(&pieces, Some(rate));
        assert!(report.null_packets > 0);
        assert!(report.bit_rate.abs_diff(rate) <= 1, "{report}");
    }
}

#[test]
fn too_low_a_rate_is_counted_and_goes_on() {
    let (streams, packets) = both(3_600, 10);
    let mut muxer = TsMuxer::new(TsMuxerOptions { muxrate: Some(400_000), ..TsMuxerOptions::default() });
    streams.iter().for_each(|params| muxer.add_stream(params).unwrap());
    muxer.start(&vec![]).unwrap();
    for packet in &packets[0] {
        muxer.write(packet).unwrap();
    }
    assert!(muxer.late() > 100);
    let mut check = Check::new().with_muxrate(400_000);
    std::iter::from_fn(|| muxer.poll_piece()).for_each(|piece| check.push(&piece.bytes));
    let report = check.report();
    assert!(report.violations().iter().all(|text| text.contains("after its dts")), "{report}");
    assert_eq!(report.null_packets, 0);
}

#[test]
fn the_clock_passes_33_bits() {
    // 26 h 30 min less 3 s; times that don't start at 0 are kept.
    let start = (1 << 33) - 3 * 90_000;
    let video = pictures(3_600, 250);
    let sound_start = TimeBase::MPEG.rescale(start, TimeBase::hz(48_000));
    let streams = [h264(FRAMES_90K), aac(48_000, TimeBase::hz(48_000))];
    let packets = vec![video.packets(start), sound(1, sound_start, 1_024, 468, 340)];
    for muxrate in [None, Some(3_000_000)] {
        let options = TsMuxerOptions { muxrate, ..TsMuxerOptions::default() };
        let pieces = mux(options, &streams, packets.clone());
        check_pieces(&pieces);
        assert_eq!(check(&pieces, muxrate).pcr_wraps, 1);
        let (events, error) = demux(&bytes(&pieces), 10_000);
        assert_eq!(error, None);
        assert!(!events.contains(&DemuxEvent::Discontinuity));
        let dts: Vec<_> = packets_of(&events, 0).iter().map(|packet| packet.dts).collect();
        let expected: Vec<_> = packets[0].iter().map(|packet| packet.dts + 126_000 - (1 << 33)).collect();
        assert_eq!(dts, expected);
    }
}

#[test]
fn pieces_go_out_by_the_clock_that_is_in_them() {
    for options in
        [TsMuxerOptions::default(), TsMuxerOptions { muxrate: Some(3_000_000), ..Default::default() }]
    {
        let (streams, packets) = both(18_000, 5);
        let mut clocks = 0;
        for piece in mux(options, &streams, packets) {
            // Sent twice 0.7 s later than the media says, less the 0.7 s that a receiver holds it.
            for packet in piece
                .bytes
                .chunks(188)
                .filter(|packet| packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x10 != 0)
            {
                let base = packet[6..11].iter().fold(0, |bits, byte| bits << 8 | i64::from(*byte)) >> 7;
                let behind = base * 100_000 / 9 - piece.at.as_nanos() - 700_000_000;
                assert!((-12_000..4_100_000).contains(&behind), "{behind} ns");
                clocks += 1;
            }
        }
        assert!(clocks > 100);
    }
}

#[test]
fn a_large_picture_is_spread_over_its_duration() {
    let (streams, packets) = both(3_600, 1);
    let pieces = mux(TsMuxerOptions::default(), &streams, packets);
    // The first picture is 30 kB: 160 packets in 40 ms.
    let first: Vec<_> =
        pieces.iter().map(|piece| piece.at.as_nanos()).take_while(|at| *at < 40_000_000).collect();
    assert!(first.len() >= 22);
    assert!(first.windows(2).all(|pair| pair[1] - pair[0] <= 2_000_000), "{first:?}");
}

#[test]
fn a_pause_of_an_hour_is_a_jump_and_not_a_million_packets() {
    let mut packets = pictures(3_600, 50).packets(0);
    packets.extend(pictures(3_600, 50).packets(3_600 * 90_000));
    for muxrate in [None, Some(5_000_000)] {
        let options = TsMuxerOptions { muxrate, ..TsMuxerOptions::default() };
        let pieces = mux(options, &[h264(FRAMES_90K)], vec![packets.clone()]);
        let stream = bytes(&pieces);
        assert!(stream.len() < 4_000_000, "{} bytes", stream.len());
        let mut check = Check::new();
        check.push(&stream);
        assert_eq!(check.report().violations(), [] as [&str; 0]);
        let (events, _) = demux(&stream, 65_536);
        let jump = events.iter().position(|event| *event == DemuxEvent::Discontinuity).unwrap();
        assert_eq!(packets_of(&events[..jump], 0).len(), 50);
        assert_eq!(packets_of(&events[jump..], 0).len(), 50);
    }
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let (streams, packets) = both(18_000, 6);
    let good = bytes(&mux(TsMuxerOptions::default(), &streams, packets));
    let report = |bytes: &[u8]| {
        let mut check = Check::new();
        check.push(bytes);
        check.report().violations().join("\n")
    };
    let without = |wanted: fn(&[u8]) -> bool| -> Vec<u8> {
        good.chunks(188).filter(|packet| !wanted(packet)).flatten().copied().collect()
    };
    let pid = |packet: &[u8]| u16::from(packet[1] & 0x1F) << 8 | u16::from(packet[2]);
    assert_eq!(report(&good), "");
    assert!(report(&without(|packet| packet[1..3] == [0x40, 0])).contains("no program association table"));
    assert!(report(&without(|packet| packet[1..3] == [0x40, 0x11])).contains("no service name"));
    assert!(report(&without(|packet| packet[3] & 0x30 == 0x20)).contains("no clock reference for"));
    let mut damaged = good.clone();
    let video = good.chunks(188).rposition(|packet| pid(packet) == 0x100 && packet[3] & 0x10 != 0).unwrap();
    damaged.drain(video * 188..(video + 1) * 188);
    damaged[2 * 188 + 20] ^= 1; // in the service description
    let text = report(&damaged);
    assert!(text.contains("has a section with a wrong CRC"), "{text}");
    let late: Vec<u8> = good
        .chunks(188)
        .map(|packet| {
            let mut packet = packet.to_vec();
            // Clocks two seconds ahead: 2 s of 90 kHz in the 33 bits of the base, shifted by 15 of 48.
            if packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x10 != 0 {
                let field = packet[6..12].iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte))
                    + (180_000 << 15);
                packet[6..12].copy_from_slice(&field.to_be_bytes()[2..]);
            }
            packet
        })
        .collect::<Vec<_>>()
        .concat();
    assert!(report(&late).contains("after its dts"));
}
