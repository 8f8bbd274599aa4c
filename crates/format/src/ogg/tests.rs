//! Ogg written and read again.

use super::page::{FIRST, LAST, Page, lacing_of};
use super::*;
use crate::testing::{demux, demux_stream, file_of, mux};
use brooklet_media::bitstream::flac::StreamInfo;
use brooklet_media::bitstream::opus::OpusHead;
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, DemuxEvent, Demuxer, Muxer, Packet, Source, StreamParams, TimeBase,
    Trim,
};
use proptest::prelude::*;

fn opus() -> StreamParams {
    let audio = AudioParams::new(48_000, ChannelLayout::Stereo);
    let mut params = StreamParams::audio(CodecId::Opus, TimeBase::hz(48_000), audio);
    params.extradata = OpusHead { channels: 2, pre_skip: 312, input_rate: 48_000, family: 0 }.build();
    params
}

/// CELT packets of 20 ms.
fn packets(sizes: &[usize]) -> Vec<Packet> {
    let packet = |(index, size): (usize, &usize)| {
        let data = [&[0xFC][..], &vec![index as u8; *size]].concat();
        let trim = Trim {
            start: if index == 0 { 312 } else { 0 },
            end: if index + 1 == sizes.len() && index > 0 { 100 } else { 0 },
        };
        Packet { duration: 960, trim, ..Packet::new(0, index as i64 * 960 - 312, data.into()) }
    };
    sizes.iter().enumerate().map(packet).collect()
}

#[test]
fn pages_are_prompt_where_someone_waits() {
    let mut muxer = OggMuxer::new(true);
    muxer.add_stream(&opus()).unwrap();
    muxer.start(&vec![("title".into(), "x".into())]).unwrap();
    let head = muxer.poll_piece().unwrap();
    assert!(head.key && head.bytes.windows(8).any(|part| part == b"OpusTags"));
    assert_eq!(muxer.poll_piece(), None);
    for (index, packet) in packets(&[50; 23]).iter().enumerate() {
        muxer.write(packet).unwrap();
        let piece = muxer.poll_piece();
        assert_eq!(piece.is_some(), index % 5 == 4 && index < 22, "packet {index}");
        assert!(piece.is_none_or(|piece| piece.key && piece.bytes[5] == 0), "each starts with a packet");
    }
    muxer.finish().unwrap();
    assert_eq!(muxer.poll_piece().map(|piece| piece.bytes[5]), Some(LAST));
}

#[test]
fn a_chain_goes_on_with_other_parameters() {
    let mut second = opus();
    second.extradata = OpusHead { channels: 1, pre_skip: 100, input_rate: 48_000, family: 0 }.build();
    let parts = [packets(&[40; 10]), packets(&[30; 5])];
    let file =
        [mux(OggMuxer::new(true), &[opus()], &parts[0]), mux(OggMuxer::new(false), &[second], &parts[1])];
    let read = demux_stream(OggDemuxer::new(Source::default()), &file.concat(), 77).unwrap();
    assert_eq!((read.streams.len(), read.packets.len()), (1, 15));
    let [(10, DemuxEvent::Params { stream: 0, params })] = &read.changes[..] else {
        panic!("{:?}", read.changes)
    };
    assert_eq!(OpusHead::parse(&params.extradata).map(|head| head.channels), Some(1));
    // 10 packets less pre-skip and padding were heard.
    assert_eq!(read.packets[10].pts, 9_600 - 312 - 100 - 100);
    assert_eq!(read.packets[10].trim, Trim { start: 100, end: 0 });
}

#[test]
fn a_lost_page_is_a_gap() {
    let file = mux(OggMuxer::new(true), &[opus()], &packets(&[40; 30]));
    let starts: Vec<_> = (0..file.len() - 4).filter(|at| &file[*at..at + 4] == b"OggS").collect();
    let without = [&file[..starts[3]], &file[starts[4]..]].concat();
    let read = demux_stream(OggDemuxer::new(Source::default()), &without, 500).unwrap();
    assert_eq!(read.changes, [(5, DemuxEvent::Discontinuity)]);
    assert_eq!((read.packets[4].pts, read.packets[5].pts), (4 * 960 - 312, 10 * 960 - 312));
}

#[test]
fn sound_that_shares_a_page_with_headers_is_left_out() {
    let page = |flags, sequence, granule, packets: &[&[u8]]| Page {
        flags,
        granule,
        serial: 1,
        sequence,
        lacing: packets.iter().flat_map(|packet| lacing_of(packet.len())).collect(),
        body: packets.concat().into(),
    };
    let (head, tags, sound) = (opus().extradata, b"OpusTags\0\0\0\0\0\0\0\0", [0xFC; 40]);
    let pages = [
        page(FIRST, 0, 0, &[&head]),
        page(0, 1, 960, &[tags, &sound]),
        page(0, 2, 2 * 960, &[&sound]),
        page(LAST, 3, 3 * 960, &[&sound]),
    ];
    let file: Vec<u8> = pages.iter().flat_map(|page| page.build()).collect();
    let read = demux_stream(OggDemuxer::new(Source::default()), &file, 500).unwrap();
    // It would have come before its stream was told of.
    assert_eq!((read.streams.len(), read.packets.len()), (1, 2));
}

#[test]
fn flac_reads_back() {
    let params = flac_params(&flac_info()).unwrap();
    let packet = |number| Packet {
        duration: 192,
        ..Packet::new(0, i64::from(number) * 192, flac_frame(number).into())
    };
    let written: Vec<_> = (0..200u8).map(packet).collect();
    let file = mux(OggMuxer::new(false), std::slice::from_ref(&params), &written);
    let read = demux_stream(OggDemuxer::new(file_of(file.len())), &file, 999).unwrap();
    assert_eq!(read.packets, written);
    assert_eq!(read.streams[0].duration, Some(200 * 192));
    assert_eq!(read.streams[0].extradata, params.extradata);
}

fn flac_info() -> StreamInfo {
    StreamInfo {
        min_block: 192,
        max_block: 192,
        min_frame: 0,
        max_frame: 0,
        rate: 48_000,
        channels: 2,
        bits: 16,
        samples: 0,
        md5: [0; 16],
    }
}

/// A header of 192 samples whose checksum is right, and what stands for sound.
fn flac_frame(number: u8) -> Vec<u8> {
    let mut data = vec![0xFF, 0xF8, 0x1A, 0x18];
    if number < 128 {
        data.push(number);
    } else {
        data.extend([0xC0 | number >> 6, 0x80 | number & 0x3F]);
    }
    let sum = (0..=255).find(|sum| {
        brooklet_media::bitstream::flac::FlacFrameHeader::parse(&[&data[..], &[*sum]].concat()).is_some()
    });
    data.extend([sum.unwrap(), 1, 2, 3]);
    data
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        sizes in prop::collection::vec(0usize..1_500, 1..120), large in 0usize..80_000, prompt: bool,
        step in 1usize..70_000, seekable: bool,
    ) {
        let sizes: Vec<_> = sizes.into_iter().chain([large]).collect();
        let written = packets(&sizes);
        let mut muxer = OggMuxer::new(prompt);
        muxer.add_stream(&opus()).unwrap();
        muxer.start(&vec![("title".into(), "x".repeat(large))]).unwrap();
        let mut file = Vec::new();
        let mut drain = |muxer: &mut OggMuxer| {
            while let Some(piece) = muxer.poll_piece() {
                file.extend_from_slice(&piece.bytes);
            }
        };
        drain(&mut muxer);
        for packet in &written {
            muxer.write(packet).unwrap();
            drain(&mut muxer);
        }
        muxer.finish().unwrap();
        drain(&mut muxer);
        let mut demuxer = OggDemuxer::new(if seekable { file_of(file.len()) } else { Source::default() });
        let read = demux(&mut demuxer, &file, step).unwrap();
        prop_assert_eq!(&read.packets, &written);
        prop_assert_eq!(&read.streams[0].extradata, &opus().extradata);
        prop_assert_eq!(demuxer.metadata()[0].1.len(), large);
        let heard = written.len() as i64 * 960 - 312 - 100;
        prop_assert_eq!(read.streams[0].duration, seekable.then_some(heard));
    }

    #[test]
    fn damage_is_skipped_or_refused(
        sizes in prop::collection::vec(0usize..600, 1..40), prompt: bool, step in 1usize..5_000,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut file = mux(OggMuxer::new(prompt), &[opus()], &packets(&sizes));
        for (at, byte) in flips {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let _ = demux_stream(OggDemuxer::new(Source::default()), &file, step);
        let _ = demux_stream(OggDemuxer::new(file_of(file.len())), &file, step);
    }
}
