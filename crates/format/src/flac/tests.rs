//! Native FLAC written and read again.

use brooklet_media::bitstream::flac::{FlacFrameHeader, StreamInfo, crc16};
use brooklet_media::{DemuxEvent, Demuxer, Packet, Source, StreamParams};
use proptest::prelude::*;

use super::*;
use crate::ogg::flac_params;
use crate::testing::{demux, demux_stream, file_of, mux};

fn stream(samples: u64) -> StreamParams {
    let info = StreamInfo {
        min_block: 192,
        max_block: 192,
        min_frame: 0,
        max_frame: 0,
        rate: 48_000,
        channels: 2,
        bits: 16,
        samples,
        md5: [7; 16],
    };
    flac_params(&info).unwrap()
}

/// Frames of 192 samples whose checksums are right, with `sizes` bytes of what stands for sound.
fn packets(sizes: &[usize]) -> Vec<Packet> {
    let packet = |(number, size): (usize, &usize)| {
        let mut data = vec![0xFF, 0xF8, 0x1A, 0x18];
        match number as u8 {
            small @ 0..128 => data.push(small),
            more => data.extend([0xC0 | more >> 6, 0x80 | more & 0x3F]),
        }
        let right = |sum: &u8| FlacFrameHeader::parse(&[&data[..], &[*sum]].concat()).is_some();
        let sum = (0..=255).find(right).unwrap();
        data.push(sum);
        data.extend((0..*size).map(|at| (at * 7 + number) as u8));
        data.extend(crc16(&data).to_be_bytes());
        Packet { duration: 192, ..Packet::new(0, number as i64 * 192, data.into()) }
    };
    sizes.iter().enumerate().map(packet).collect()
}

#[test]
fn the_length_is_patched_and_a_sum_of_other_samples_is_not_kept() {
    for (said, md5) in [(3 * 192, [7; 16]), (0, [0; 16]), (9_999, [0; 16])] {
        let file = mux(FlacMuxer::new(), &[stream(said)], &packets(&[50, 90, 70]));
        let info = StreamInfo::parse(&file[8..8 + StreamInfo::BYTES]).unwrap();
        assert_eq!((info.samples, info.md5, info.min_frame, info.max_frame), (576, md5, 58, 98));
    }
}

#[test]
fn a_damaged_frame_costs_itself() {
    let mut file = mux(FlacMuxer::new(), &[stream(0)], &packets(&[50; 5]));
    let second = file.len() - 4 * 58 + 30;
    file[second] ^= 1;
    let mut demuxer = FlacDemuxer::new(Source::default());
    let read = demux(&mut demuxer, &file, 64).unwrap();
    let times: Vec<_> = read.packets.iter().map(|packet| packet.pts / 192).collect();
    assert!(times == [0, 2, 3, 4], "{times:?}");
    assert_eq!(demuxer.take_warnings(), ["192 samples before 0.008 s are damaged and left out"]);
    assert!(read.changes.iter().any(|(_, change)| *change == DemuxEvent::Discontinuity));
}

proptest! {
    #[test]
    fn what_is_written_reads_back(sizes in prop::collection::vec(0usize..800, 1..200), step in 1usize..5_000) {
        let written = packets(&sizes);
        let file = mux(FlacMuxer::new(), &[stream(0)], &written);
        let mut demuxer = FlacDemuxer::new(file_of(file.len()));
        let read = demux(&mut demuxer, &file, step).unwrap();
        prop_assert_eq!(read.packets, written);
        prop_assert_eq!(read.streams[0].duration, Some(192 * sizes.len() as i64));
        prop_assert_eq!(read.changes, vec![]);
    }

    #[test]
    fn damage_is_skipped_or_refused(
        sizes in prop::collection::vec(0usize..300, 1..20), step in 1usize..700,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut file = mux(FlacMuxer::new(), &[stream(0)], &packets(&sizes));
        for (at, byte) in flips {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let _ = demux_stream(FlacDemuxer::new(Source::default()), &file, step);
    }
}
