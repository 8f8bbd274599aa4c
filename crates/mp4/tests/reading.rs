//! What is written reads back: any tracks, in any layout, from a file or a pipe.

mod common;

use brooklet_media::{CodecId, PcmFormat, Source};
use brooklet_mp4::Mp4Demuxer;
use common::{Kind, Layout, Sample, Track, drive, open, read, read_pipe, write};
use proptest::prelude::*;

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let sample = (prop::collection::vec(any::<u8>(), 1..40), 1u32..3_000, 0i32..4_000, any::<bool>());
    let sample = sample.prop_map(|(data, duration, offset, key)| Sample { data, duration, offset, key });
    prop::collection::vec(sample, 1..60)
}

fn tracks() -> impl Strategy<Value = Vec<Track>> {
    let kind = prop::sample::select(vec![Kind::Video, Kind::Aac]);
    let track = (kind, 1_000u32..60_000, samples()).prop_map(|(kind, rate, mut samples)| {
        // A table without any key sample means the first, so one is always there.
        samples[0].key = true;
        if kind != Kind::Video {
            samples.iter_mut().for_each(|sample| (sample.offset, sample.key) = (0, true));
        }
        Track { samples, ..Track::new(kind, rate, 0, 0, 1) }
    });
    prop::collection::vec(track, 1..4)
}

fn layout() -> impl Strategy<Value = Layout> {
    (any::<bool>(), any::<bool>(), 1usize..20, any::<bool>())
        .prop_map(|(moov_first, wide, group, fragmented)| Layout { moov_first, wide, group, fragmented })
}

proptest! {
    #[test]
    fn every_layout_reads_back(tracks in tracks(), layout in layout()) {
        let file = write(&tracks, layout);
        for contents in [read(&file).unwrap(), read_pipe(&file).unwrap()] {
            prop_assert_eq!(contents.streams.len(), tracks.len());
            for (number, track) in tracks.iter().enumerate() {
                let packets = contents.of(number);
                prop_assert_eq!(packets.len(), track.samples.len());
                let mut dts = 0;
                for (packet, sample) in packets.iter().zip(&track.samples) {
                    prop_assert_eq!((packet.dts, packet.pts), (dts, dts + i64::from(sample.offset)));
                    prop_assert_eq!((packet.duration, packet.key), (i64::from(sample.duration), sample.key));
                    prop_assert_eq!(&packet.data[..], &sample.data[..]);
                    dts += i64::from(sample.duration);
                }
            }
        }
    }
}

#[test]
fn pieces_of_any_size_give_the_same() {
    let tracks = [Track::new(Kind::Video, 1_000, 9, 40, 3), Track::new(Kind::Aac, 48_000, 9, 1_024, 1)];
    for layout in
        [Layout { wide: true, moov_first: false, ..Layout::PLAIN }, Layout::PLAIN, Layout::FRAGMENTED]
    {
        let file = write(&tracks, layout);
        let (whole, piped) = (read(&file).unwrap(), read_pipe(&file).unwrap());
        for piece in 1..60 {
            assert_eq!(drive(&mut open(&file), &file, piece, false), Ok(whole.clone()), "{piece}");
            let mut demuxer = Mp4Demuxer::new(Source::default());
            assert_eq!(drive(&mut demuxer, &file, piece, true), Ok(piped.clone()), "{piece}");
        }
    }
}

#[test]
fn single_samples_of_pcm_come_in_groups_that_end_with_their_chunk() {
    let track = Track::new(Kind::Pcm, 8_000, 5_000, 1, 1);
    let file = write(&[track], Layout { group: 1_500, ..Layout::PLAIN });
    let contents = read(&file).unwrap();
    let sizes: Vec<_> =
        contents.packets.iter().map(|packet| (packet.pts, packet.duration, packet.data.len())).collect();
    let expected =
        [(0, 1_024), (1_024, 476), (1_500, 1_024), (2_524, 476), (3_000, 1_024), (4_024, 476), (4_500, 500)];
    assert_eq!(sizes, expected.map(|(pts, duration)| (pts, duration, 2 * duration as usize)));
    assert_eq!(contents.streams[0].codec, CodecId::Pcm(PcmFormat::S16Le));
}

#[test]
fn tracks_that_lie_apart_are_brought_together_within_a_second() {
    // 100 pictures in one chunk, then 100 packets of sound in another: 4 s each.
    let tracks = [Track::new(Kind::Video, 1_000, 100, 40, 10), Track::new(Kind::Aac, 1_000, 100, 40, 1)];
    let file = write(&tracks, Layout { group: 100, ..Layout::PLAIN });
    let (mut video, mut audio) = (0, 0);
    for packet in read(&file).unwrap().packets {
        *(if packet.stream == 0 { &mut video } else { &mut audio }) = packet.dts;
        assert!(i64::abs(video - audio) <= 1_040, "{video} {audio}");
    }
    let from_pipe: Vec<_> = read_pipe(&file).unwrap().packets.iter().map(|packet| packet.stream).collect();
    assert_eq!(from_pipe, [vec![0; 100], vec![1; 100]].concat());
}

#[test]
fn what_the_header_says_of_streams() {
    let tracks = [Track::new(Kind::Video, 12_800, 50, 512, 25), Track::new(Kind::Aac, 48_000, 90, 1_024, 1)];
    let contents = read(&write(&tracks, Layout::PLAIN)).unwrap();
    let [video, audio] = &contents.streams[..] else { panic!("two streams") };
    let picture = video.as_video().unwrap();
    assert_eq!((video.codec, picture.width, picture.height), (CodecId::H264, 320, 180));
    assert_eq!(picture.frame_rate.map(|rate| (rate.num(), rate.den())), Some((25, 1)));
    assert_eq!((video.start, video.duration, video.language), (Some(0), Some(25_600), Some(*b"eng")));
    assert!(video.default);
    assert_eq!(
        (audio.codec, audio.time_base.den(), audio.as_audio().unwrap().rate),
        (CodecId::Aac, 48_000, 48_000)
    );
}

#[test]
fn a_second_description_is_told_where_it_begins() {
    let mut track = Track::new(Kind::Video, 1_000, 12, 40, 1);
    track.wider_from = Some(3);
    let contents = read(&write(&[track], Layout::PLAIN)).unwrap();
    assert_eq!(contents.packets.len(), 12);
    let [(packets, params)] = &contents.changes[..] else { panic!("one change: {:?}", contents.changes) };
    assert_eq!((*packets, params.as_video().unwrap().width), (8, 640));
    assert_eq!(contents.streams[0].as_video().unwrap().width, 320);
}

#[test]
fn a_file_without_ftyp_with_free_space_between() {
    let file =
        write(&[Track::new(Kind::Aac, 1_000, 9, 40, 1)], Layout { moov_first: false, ..Layout::PLAIN });
    // The ftyp becomes free space of the same size, so that offsets stay right.
    let mut file = file;
    file[4..8].copy_from_slice(b"free");
    file.extend(common::boxed(b"wide", &[]));
    assert_eq!(read(&file).unwrap().packets.len(), 9);
    assert_eq!(read_pipe(&file).unwrap().packets.len(), 9);
}
