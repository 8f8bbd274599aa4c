//! What is muxed comes out of the demuxer equal, and nothing that comes in makes the demuxer panic or run on.

mod common;

use brooklet_media::{DemuxEvent, Muxer, Packet, StreamParams, TimeBase, Trim};
use brooklet_mpegts::{TsMuxer, TsMuxerOptions};
use bytes::Bytes;
use common::{aac, bytes, demux, h264, mux, opus, packets_of, picture, sound};
use proptest::prelude::*;

/// Steps of dts, delays of pts, key flags and slice sizes of pictures.
fn pictures() -> impl Strategy<Value = Vec<Packet>> {
    let picture_of = (1i64..200_000, 0i64..50_000, any::<bool>(), prop::collection::vec(1usize..4_000, 1..4));
    prop::collection::vec(picture_of, 1..20).prop_map(|pictures| {
        let mut dts = 0;
        let packet = |(index, (step, delay, key, sizes)): (usize, (i64, i64, bool, Vec<usize>))| {
            let key = key || index == 0;
            let packet = Packet { dts, key, ..Packet::new(0, dts + delay, picture(key, &sizes)) };
            dts += step;
            packet
        };
        pictures.into_iter().enumerate().map(packet).collect()
    })
}

/// Steps and bytes of sound.
fn sounds(stream: usize, first_byte: u8) -> impl Strategy<Value = Vec<Packet>> {
    let sound_of = (1i64..200_000, prop::collection::vec(any::<u8>(), 0..3_000));
    prop::collection::vec(sound_of, 1..20).prop_map(move |sounds| {
        let mut pts = 0;
        let packet = |(step, body): (i64, Vec<u8>)| {
            let data: Bytes = [first_byte].into_iter().chain(body).collect::<Vec<_>>().into();
            let packet = Packet::new(stream, pts, data);
            pts += step;
            packet
        };
        sounds.into_iter().map(packet).collect()
    })
}

fn options() -> impl Strategy<Value = TsMuxerOptions> {
    prop::option::of(500_000u64..10_000_000)
        .prop_map(|muxrate| TsMuxerOptions { muxrate, ..TsMuxerOptions::default() })
}

fn moved(packets: Vec<Packet>, by: i64) -> Vec<Packet> {
    let packet = |packet: Packet| Packet { pts: packet.pts + by, dts: packet.dts + by, ..packet };
    packets.into_iter().map(packet).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn packets_come_back_equal(
        options in options(), video in pictures(), sound in sounds(1, 1), opus_sound in sounds(2, 0xFC),
        start in prop_oneof![Just(0), Just((1 << 33) - 300_000), -5_000_000_000i64..50_000_000_000], step in 100usize..5_000,
    ) {
        let opus_params = StreamParams { time_base: TimeBase::MPEG, ..opus(0) };
        let streams = [h264(TimeBase::MPEG), aac(48_000, TimeBase::MPEG), opus_params];
        let packets = [video, sound, opus_sound].map(|packets| moved(packets, start)).to_vec();
        let stream = bytes(&mux(options, &streams, packets.clone()));
        let (events, error) = demux(&stream, step);
        prop_assert_eq!(error, None);
        let added: Vec<_> = events.iter().filter_map(|event| match event {
            DemuxEvent::StreamAdded(params) => Some((params.codec, params.extradata.clone())),
            _ => None,
        }).collect();
        let expected: Vec<_> = streams.iter().map(|params| (params.codec, params.extradata.clone())).collect();
        prop_assert_eq!(added, expected);
        let origin = packets_of(&events, 0)[0].dts - packets[0][0].dts;
        for (number, sent) in packets.iter().enumerate() {
            let received = packets_of(&events, number);
            prop_assert_eq!(received.len(), sent.len());
            for (received, sent) in received.iter().zip(sent) {
                prop_assert_eq!((received.pts - origin, received.dts - origin), (sent.pts, sent.dts));
                prop_assert_eq!((received.key, &received.data), (sent.key, &sent.data));
            }
        }
    }

    #[test]
    fn damaged_streams_end_without_a_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..200),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 1usize..600), 0..4), step in 1usize..5_000,
    ) {
        let streams = [h264(TimeBase::MPEG), aac(48_000, TimeBase::hz(48_000)), opus(312)];
        let video = (0..30).map(|index| {
            let key = index % 10 == 0;
            Packet { key, ..Packet::new(0, index * 3_600, picture(key, &[2_000, 300])) }
        }).collect();
        let packets = vec![video, sound(1, 0, 1_024, 56, 300), sound(2, 0, 960, 60, 100)];
        let mut stream = bytes(&mux(TsMuxerOptions::default(), &streams, packets));
        for (index, length) in cuts {
            let at = index.index(stream.len() / 2);
            stream.drain(at..at + length);
        }
        for (index, bit) in flips {
            let at = index.index(stream.len());
            stream[at] ^= 1 << bit;
        }
        let whole = stream.len();
        let (events, _) = demux(&stream, step);
        let data: usize = (0..8).flat_map(|number| packets_of(&events, number)).map(|packet| packet.data.len()).sum();
        prop_assert!(data <= 2 * whole);
    }

    #[test]
    fn arbitrary_bytes_end_without_a_panic(mut stream in prop::collection::vec(any::<u8>(), 0..20_000), step in 1usize..5_000) {
        let (_, error) = demux(&stream, step);
        prop_assert!(error.is_some());
        // The same with packets that can be told apart.
        stream.chunks_mut(188).for_each(|packet| packet[0] = 0x47);
        demux(&stream, step);
    }
}

#[test]
fn samples_to_trim_are_kept() {
    let mut packets = sound(0, 0, 960, 4, 100);
    packets.iter_mut().for_each(|packet| {
        packet.data = Bytes::from([&[0xFC][..], &[7; 50]].concat()); // 20 ms
    });
    packets[3].trim.end = 500;
    let (events, _) = demux(&bytes(&mux(TsMuxerOptions::default(), &[opus(1_000)], vec![packets])), 1_000);
    let trims: Vec<_> = packets_of(&events, 0).iter().map(|packet| packet.trim).collect();
    let of = |start, end| Trim { start, end };
    assert_eq!(trims, [of(960, 0), of(40, 0), of(0, 0), of(0, 500)]);
}

#[test]
fn new_parameters_reach_the_reader_with_the_next_key_frame() {
    let first = h264(TimeBase::MPEG);
    let mut changed = first.clone();
    let mut record = first.extradata.to_vec();
    let last = record.len() - 5; // in the PPS
    record[last] ^= 0x10;
    changed.extradata = record.into();
    let mut muxer = TsMuxer::new(TsMuxerOptions::default());
    muxer.add_stream(&first).unwrap();
    muxer.start(&vec![]).unwrap();
    for index in 0..20 {
        if index == 10 {
            muxer.change_params(0, &changed).unwrap();
        }
        let key = index % 10 == 0;
        muxer.write(&Packet { key, ..Packet::new(0, index * 3_600, picture(key, &[1_000])) }).unwrap();
    }
    assert!(muxer.change_params(0, &aac(48_000, TimeBase::MPEG)).is_err());
    let pieces: Vec<_> = std::iter::from_fn(|| muxer.poll_piece()).collect();
    let (events, error) = demux(&bytes(&pieces), 1_000);
    assert_eq!(error, None);
    let place = events.iter().position(|event| matches!(event, DemuxEvent::Params { .. })).unwrap();
    assert_eq!(packets_of(&events[..place], 0).len(), 10);
    let DemuxEvent::Params { params, .. } = &events[place] else { unreachable!() };
    assert_eq!(params.extradata, changed.extradata);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let mut muxer = TsMuxer::new(TsMuxerOptions::default());
    let vp9 = StreamParams { codec: brooklet_media::CodecId::Vp9, ..h264(TimeBase::MPEG) };
    let error = muxer.add_stream(&vp9).unwrap_err().to_string();
    assert_eq!(
        error,
        "vp9 in mpegts is not supported; supported: h264, hevc, aac, mp3, mp2, opus, ac3, eac3"
    );
    muxer.add_stream(&h264(TimeBase::MPEG)).unwrap();
    muxer.start(&vec![]).unwrap();
    muxer.write(&Packet::new(0, 3_600, picture(true, &[10]))).unwrap();
    let back = muxer.write(&Packet::new(0, 0, picture(false, &[10]))).unwrap_err().to_string();
    assert_eq!(back, "mpegts: stream 0 goes back in time from dts 3600 to 0 (of 1/90000 s)");
    assert!(muxer.write(&Packet::new(0, i64::MAX, picture(false, &[10]))).is_err());
    assert!(muxer.write(&Packet::new(1, 7_200, picture(false, &[10]))).is_err());
}

#[test]
fn a_stream_that_is_no_transport_stream_is_told_so() {
    let (_, error) = demux(&[0; 10_000], 1_000);
    let text = error.unwrap().to_string();
    assert!(text.starts_with("mpegts: no packets were found"), "{text}");
    let (_, error) = demux(&[0x47; 188 * 10], 1_000);
    assert!(error.unwrap().to_string().starts_with("mpegts: no program map was found"));
}
