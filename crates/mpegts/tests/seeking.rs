//! A file that can seek: how long it is, and going to a place in it.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use brooklet_media::{DemuxEvent, DemuxStep, Demuxer, Packet, Source, StreamParams, TimeBase};
use brooklet_mpegts::{TsDemuxer, TsMuxerOptions};
use bytes::Bytes;
use common::{aac, bytes, h264, mux, picture, sound};

const HZ: i64 = 90_000;
/// By so much the muxer moves times.
const MOVED: i64 = 126_000;
const WRAP: i64 = 1 << 33;
/// Pictures at 30 fps, a key frame and twenty times P, B, B in every group.
const GROUP: i64 = 61;
const GROUPS: i64 = 30;
const PICTURE: i64 = 3_000;
/// A minute of them.
const LENGTH: i64 = GROUPS * GROUP * PICTURE;

/// A minute of pictures and sound that starts at `start`, about 3 MB.
fn file(start: i64) -> Vec<u8> {
    let picture_at = |index: i64| {
        let (group, place) = (index / GROUP, index % GROUP);
        let shown = match place % 3 {
            _ if place == 0 => 0,
            1 => place + 2,
            _ => place - 1,
        };
        let (dts, pts) = (start + index * PICTURE, start + (group * GROUP + shown + 1) * PICTURE);
        let (key, size) = if place == 0 { (true, 12_000) } else { (false, 1_200) };
        Packet { dts, key, duration: PICTURE, ..Packet::new(0, pts, picture(key, &[size])) }
    };
    let pictures = (0..GROUPS * GROUP).map(picture_at).collect();
    let sounds: Vec<Packet> = sound(1, 0, 1_024, LENGTH * 48 / 90 / 1_024, 300)
        .into_iter()
        .map(|packet| Packet {
            pts: packet.pts + start * 48 / 90,
            dts: packet.dts + start * 48 / 90,
            ..packet
        })
        .collect();
    let streams = [h264(TimeBase::MPEG), aac(48_000, TimeBase::hz(48_000))];
    bytes(&mux(TsMuxerOptions::default(), &streams, vec![pictures, sounds]))
}

/// A file being read, and how many of its bytes.
struct Reading {
    demuxer: TsDemuxer,
    file: Vec<u8>,
    read: usize,
}

impl Reading {
    fn new(file: Vec<u8>) -> Self {
        let source = Source { seekable: true, length: Some(file.len() as u64) };
        Self { demuxer: TsDemuxer::new(source), file, read: 0 }
    }

    fn next(&mut self) -> Option<DemuxEvent> {
        loop {
            match self.demuxer.step().unwrap() {
                DemuxStep::Read(at) => {
                    let rest = self.file.get(at as usize..).unwrap_or_default();
                    let part = &rest[..rest.len().min(64 << 10)];
                    self.read += part.len();
                    match part {
                        [] => self.demuxer.finish(),
                        _ => self.demuxer.push(Bytes::copy_from_slice(part)),
                    }
                }
                DemuxStep::Event(event) => return Some(event),
                DemuxStep::End => return None,
            }
        }
    }

    /// The streams.
    fn open(&mut self) -> Vec<StreamParams> {
        let events = std::iter::from_fn(|| self.next().filter(|event| *event != DemuxEvent::HeaderRead));
        let streams = events.map(|event| match event {
            DemuxEvent::StreamAdded(params) => params,
            event => panic!("no stream: {event:?}"),
        });
        streams.collect()
    }

    fn packet(&mut self) -> Option<Packet> {
        match self.next()? {
            DemuxEvent::Packet(packet) => Some(packet),
            event => panic!("no packet: {event:?}"),
        }
    }

    /// The first packet of each stream after a seek to `pts` of the pictures.
    fn seek(&mut self, pts: i64) -> [Packet; 2] {
        self.demuxer.seek(0, pts).unwrap();
        let mut first: [Option<Packet>; 2] = [None, None];
        while let [None, _] | [_, None] = &first {
            let packet = self.packet().unwrap();
            first[packet.stream].get_or_insert(packet);
        }
        first.map(Option::unwrap)
    }
}

#[test]
fn the_end_of_a_file_says_how_long_it_is() {
    for start in [0, 5_000 * HZ, WRAP - 20 * HZ - MOVED] {
        let streams = Reading::new(file(start)).open();
        assert_eq!(streams[0].duration, Some(LENGTH), "{start}");
        let sound = streams[1].duration.unwrap();
        assert!((LENGTH - 2 * 1_920..=LENGTH).contains(&sound), "{start}: {sound}");
    }
}

#[test]
fn a_pipe_has_no_known_end_and_is_not_gone_through() {
    let bytes = file(0);
    let mut demuxer = TsDemuxer::new(Source { seekable: false, length: Some(bytes.len() as u64) });
    assert_eq!(demuxer.step(), Ok(DemuxStep::Read(0)));
    demuxer.push(Bytes::from(bytes));
    let Ok(DemuxStep::Event(DemuxEvent::StreamAdded(pictures))) = demuxer.step() else { panic!("no stream") };
    assert_eq!(pictures.duration, None);
    while demuxer.step() != Ok(DemuxStep::Event(DemuxEvent::HeaderRead)) {}
    assert!(demuxer.seek(0, 20 * HZ).is_err());
}

#[test]
fn seeking_goes_to_the_key_frame_at_or_before() {
    // The clock wraps 20 s after the start of the second file, and 65 s after that of the others: they begin too
    // far before the wrap for negative times, or just not.
    for start in [0, WRAP - 20 * HZ - MOVED, WRAP - 65 * HZ, WRAP - 65 * HZ - MOVED] {
        let mut reading = Reading::new(file(start));
        let begin = reading.open()[0].start.unwrap();
        for picture in [900, 915, 914, 1_829, 0, 60, 61, 580, 620, 1_200] {
            let key = begin + picture / GROUP * GROUP * PICTURE;
            let [first, sound] = reading.seek(begin + picture * PICTURE);
            assert!(first.key);
            assert_eq!(first.pts, key, "picture {picture} from {start}");
            let late = sound.pts - key;
            // At the start of the file nothing is left out: its sound begins with the dts of its first picture.
            assert!((0..1_920).contains(&late) || picture < GROUP && late == -PICTURE, "{picture}: {late}");
        }
    }
}

#[test]
fn after_a_seek_nothing_is_missing_up_to_the_end() {
    let mut reading = Reading::new(file(0));
    let begin = reading.open()[0].start.unwrap();
    let all: Vec<Packet> = std::iter::from_fn(|| reading.packet()).collect();
    reading.demuxer.seek(0, begin + 20 * GROUP * PICTURE).unwrap();
    let rest: Vec<Packet> = std::iter::from_fn(|| reading.packet()).collect();
    let of = |packets: &[Packet], stream: usize, from: i64| -> Vec<Packet> {
        packets.iter().filter(|packet| packet.stream == stream && packet.pts >= from).cloned().collect()
    };
    let key = begin + 20 * GROUP * PICTURE;
    for stream in 0..2 {
        assert!(of(&rest, stream, i64::MIN) == of(&all, stream, key), "stream {stream}");
    }
}

#[test]
fn seeking_reads_a_part_of_the_file() {
    let mut reading = Reading::new(file(0));
    let begin = reading.open()[0].start.unwrap();
    let opened = reading.read;
    assert!(opened < 400_000, "{opened}");
    reading.seek(begin + 50 * HZ);
    let (read, length) = (reading.read - opened, reading.file.len());
    assert!(read < length, "{read} of {length}");
}

#[test]
fn past_the_end_and_before_the_start() {
    let mut reading = Reading::new(file(0));
    assert!(reading.demuxer.seek(0, 0).is_err(), "nothing is known yet");
    let begin = reading.open()[0].start.unwrap();
    assert!(reading.demuxer.seek(0, begin + LENGTH).is_err());
    assert!(reading.demuxer.seek(2, begin).is_err(), "there is no third stream");
    assert_eq!(reading.seek(begin - 30 * HZ)[0].pts, begin);
}

#[test]
fn files_put_together_have_the_length_by_their_clock_or_none() {
    let (early, late) = (file(0), file(1_000 * HZ));
    let joined = Reading::new([early.clone(), late].concat()).open();
    assert_eq!(joined[0].duration, Some(1_000 * HZ + LENGTH));
    let back = Reading::new([file(30 * HZ), early[..early.len() / 376 * 188 / 2].to_vec()].concat()).open();
    assert_eq!(back[0].duration, None);
}

#[test]
fn a_damaged_file_is_gone_through_too() {
    let mut damaged = file(0);
    for (index, byte) in damaged.iter_mut().enumerate() {
        // A third of the packets are destroyed, in no regular order.
        if (index / 188 * 7_919 / 13) % 3 == 0 {
            *byte = index as u8;
        }
    }
    let mut demuxer = TsDemuxer::new(Source { seekable: true, length: Some(damaged.len() as u64) });
    let (mut reads, mut places) = (0, 0..20i64);
    loop {
        match demuxer.step() {
            Ok(DemuxStep::Read(at)) => {
                reads += 1;
                assert!(reads < 20_000, "it does not end");
                match damaged.get(at as usize..).unwrap_or_default() {
                    [] => demuxer.finish(),
                    rest => demuxer.push(Bytes::copy_from_slice(&rest[..rest.len().min(64 << 10)])),
                }
            }
            Ok(DemuxStep::Event(DemuxEvent::Packet(_))) => {
                if let Some(place) = places.next() {
                    let _ = demuxer.seek(0, place * 7_000_000 % LENGTH);
                }
            }
            Ok(DemuxStep::Event(_)) => {}
            Ok(DemuxStep::End) | Err(_) => break,
        }
    }
}
