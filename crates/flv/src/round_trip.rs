//! What is written reads back: by our own reader, and by one that we did not write.

use std::io::Cursor;

use brooklet_media::{CodecId, DemuxEvent, Metadata, Packet, PcmFormat, TimeBase};
use proptest::prelude::*;

use crate::fixtures::{audio, demux, frame, mux, packets, video};
use crate::{FlvMuxerOptions, clock};

const VIDEO: [CodecId; 5] = [CodecId::H264, CodecId::Hevc, CodecId::Av1, CodecId::Vp9, CodecId::Vp8];

const AUDIO: [CodecId; 10] = [
    CodecId::Aac,
    CodecId::Mp3,
    CodecId::Opus,
    CodecId::Flac,
    CodecId::Ac3,
    CodecId::Eac3,
    CodecId::Pcm(PcmFormat::U8),
    CodecId::Pcm(PcmFormat::S16Le),
    CodecId::Pcm(PcmFormat::Alaw),
    CodecId::Pcm(PcmFormat::Mulaw),
];

/// A packet: its stream, the step to it, pts − dts, whether it is key, and what is in it.
type Draw = (usize, i64, i64, bool, Vec<u8>);

fn any_packet() -> impl Strategy<Value = Draw> {
    (0usize..2, 0i64..5_000, 0i64..2_000, any::<bool>(), prop::collection::vec(any::<u8>(), 0..60))
}

/// Streams of the two codecs, and packets on one rising clock that starts at `start`.
fn drawn(codecs: [CodecId; 2], start: i64, draws: Vec<Draw>) -> Vec<Packet> {
    let mut now = start;
    let mut packet = |(stream, step, later, key, payload): Draw| {
        now += step;
        let codec = codecs[stream];
        let reorders = matches!(codec, CodecId::H264 | CodecId::Hevc);
        let pts = now + if reorders { later } else { 0 };
        Packet { dts: now, key: key || stream == 1, ..Packet::new(stream, pts, frame(codec, &payload)) }
    };
    draws.into_iter().map(&mut packet).collect()
}

proptest! {
    #[test]
    fn packets_of_every_codec_come_back_as_they_were(
        picture in prop::sample::select(VIDEO.to_vec()), sound in prop::sample::select(AUDIO.to_vec()),
        start in prop::sample::select(vec![0, 1 << 24, 1 << 31, (1 << 32) - 3_700_000, 1 << 33]),
        draws in prop::collection::vec(any_packet(), 1..40), chunk in 1usize..5_000,
    ) {
        let written = drawn([picture, sound], start, draws);
        let streams = [video(picture), audio(sound)];
        let file = mux(FlvMuxerOptions::default(), &streams, &Metadata::new(), &written).unwrap();
        let read = demux(&file, chunk).unwrap();
        prop_assert!(!read.contains(&DemuxEvent::Discontinuity));
        // A file has no place for what is past 49.7 days: its reader begins anew.
        let lost = start - i64::from(clock::wrap(start));
        let mut numbers = vec![];
        for event in &read {
            if let DemuxEvent::StreamAdded(params) = event {
                let stream = usize::from(params.as_audio().is_some());
                prop_assert_eq!(params.codec, streams[stream].codec);
                if !matches!(params.codec, CodecId::Vp8) {
                    prop_assert_eq!(&params.extradata, &streams[stream].extradata);
                }
                numbers.push(stream);
            }
        }
        let read: Vec<_> = packets(read)
            .into_iter()
            .map(|p| Packet { stream: numbers[p.stream], pts: p.pts + lost, dts: p.dts + lost, duration: 0, ..p })
            .collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn any_clock_is_rounded_once_to_the_nearest_millisecond(
        rate in 1u32..100_000, start in 0i64..1 << 40, steps in prop::collection::vec(0i64..10_000, 1..20),
    ) {
        let clock = TimeBase::hz(rate);
        let ticks: Vec<_> = steps.into_iter().scan(start, |now, step| { *now += step; Some(*now) }).collect();
        let mut opus = audio(CodecId::Opus);
        opus.time_base = clock;
        let written: Vec<_> = ticks.iter().map(|pts| Packet::new(0, *pts, frame(opus.codec, b""))).collect();
        let file = mux(FlvMuxerOptions::default(), &[opus], &Metadata::new(), &written).unwrap();
        for (packet, ticks) in packets(demux(&file, 4_096).unwrap()).iter().zip(ticks) {
            prop_assert_eq!(clock::wrap(packet.pts), clock::wrap(clock.rescale(ticks, TimeBase::MILLIS)));
        }
    }

    #[test]
    fn damage_costs_no_more_than_what_it_hits(
        draws in prop::collection::vec(any_packet(), 30..60), at in any::<prop::sample::Index>(),
        junk in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let written = drawn([CodecId::H264, CodecId::Aac], 0, draws);
        let streams = [video(CodecId::H264), audio(CodecId::Aac)];
        let options = FlvMuxerOptions { no_metadata: true, ..FlvMuxerOptions::default() };
        let mut file = mux(options, &streams, &Metadata::new(), &written).unwrap();
        let headers = mux(options, &streams, &Metadata::new(), &[]).unwrap().len() - 20;
        let at = headers + at.index(file.len() - headers);
        file.splice(at..at, junk);
        let read = packets(demux(&file, 1_000).unwrap());
        // Junk may look like a tag, and then costs that one and the next.
        prop_assert!(read.len() + 3 >= written.len(), "{} of {}", read.len(), written.len());
    }

    #[test]
    fn anything_can_be_handed_to_the_demuxer(
        bytes in prop::collection::vec(prop_oneof![0u8..20, any::<u8>()], 0..2_000), chunk in 1usize..300,
    ) {
        let file = [b"FLV\x01\x05\0\0\0\x09\0\0\0\0", &bytes[..]].concat();
        let _ = demux(&file, chunk);
        let _ = demux(&bytes, chunk);
    }

    #[test]
    fn every_bit_may_be_wrong(
        draws in prop::collection::vec(any_packet(), 1..20), flips in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
    ) {
        let written = drawn([CodecId::Hevc, CodecId::Opus], 0, draws);
        let streams = [video(CodecId::Hevc), audio(CodecId::Opus)];
        let mut file = mux(FlvMuxerOptions::default(), &streams, &Metadata::new(), &written).unwrap();
        for flip in flips {
            let bit = flip.index(file.len() * 8);
            file[bit / 8] ^= 1 << (bit % 8);
        }
        let _ = demux(&file, 700);
    }
}

#[test]
fn a_reader_of_another_hand_reads_what_we_write() {
    let title = vec![("title".to_owned(), "A stream".to_owned())];
    let written: Vec<_> = (0..50)
        .map(|n| {
            let codec = if n % 2 == 0 { CodecId::H264 } else { CodecId::Aac };
            let dts = 16_777_000 + n * 20;
            let pts = if n % 2 == 0 { dts + 80 } else { dts };
            Packet {
                dts,
                key: n % 10 == 0,
                ..Packet::new((n % 2) as usize, pts, frame(codec, &[n as u8; 30]))
            }
        })
        .collect();
    let mut aac = audio(CodecId::Aac);
    aac.extradata = [0x11, 0x90, 0x56, 0xe5, 0].as_slice().into(); // it can't read a shorter one
    let streams = [video(CodecId::H264), aac];
    let file = mux(FlvMuxerOptions::default(), &streams, &title, &written).unwrap();

    let read = flv_rs::FLV::open_with_reader(&mut Cursor::new(&file)).unwrap();
    assert!(read.header.has_video() && read.header.has_audio());
    assert_eq!((read.header.version, read.header.size), (1, 9));
    let tags = &read.body.tags;
    assert_eq!(tags.len(), 3 + written.len() + 1, "three headers and an end of sequence");
    assert!(tags[0].is_metadata() && tags[1].is_avc_decoder_config() && tags[2].is_aac_spec_config());
    assert_eq!(file.len(), 13 + tags.iter().map(|tag| tag.size() as usize + 4).sum::<usize>());

    // It hides its fields from all but the debugger.
    let metadata = format!("{:?}", tags[0]);
    for said in ["\"title\": Strings(\"A stream\")", "\"width\": Number(320)", "\"duration\": Number(1.04)"] {
        assert!(metadata.contains(said), "{said} is not in {metadata}");
    }
    assert!(metadata.contains(&format!("\"filesize\": Number({})", file.len())), "{metadata}");
    for (tag, packet) in tags[3..].iter().zip(&written) {
        let (low, high) = (packet.dts & 0xFF_FFFF, packet.dts >> 24);
        let tag = format!("{tag:?}");
        assert!(tag.contains(&format!("timestamp_base: {low}, timestamp_extended: {high}")), "{tag}");
        let composition_time = format!("composition_time_offset: {}", packet.pts - packet.dts);
        assert!(packet.stream == 1 || tag.contains(&composition_time), "{tag}");
        assert!(tag.contains(&format!("{:?}", &packet.data[..])), "{tag}");
    }
}
