//! Two sessions tied together in memory: virtual time, and a network that delays, loses and reorders the same each time.
#![allow(clippy::unwrap_used, clippy::panic)] // A test that can't go on has failed.

mod support;

use std::time::{Duration, Instant};

use brooklet_media::{DemuxEvent, MediaKind, Packet, StreamKind, StreamParams};
use brooklet_webrtc::{Error, Event, Session, SessionOptions};
use support::{Network, Pair, opus, opus_packet, picture, video};

const SECOND: Duration = Duration::from_secs(1);
const FRAME: Duration = Duration::from_millis(40);

/// What came of the streams of one kind.
fn packets(events: &[(Duration, Event)], stream: usize) -> Vec<&Packet> {
    let packet = |event: &'_ Event| matches!(event, Event::Media(DemuxEvent::Packet(packet)) if packet.stream == stream);
    events
        .iter()
        .filter(|(_, event)| packet(event))
        .filter_map(
            |(_, event)| {
                if let Event::Media(DemuxEvent::Packet(packet)) = event { Some(packet) } else { None }
            },
        )
        .collect()
}

#[test]
fn pictures_and_sound_arrive_as_they_were_sent() {
    let mut pair = Pair::publishing(&[video(), opus()], Network::default());
    pair.run_until_connected();
    pair.send_seconds(3);
    let events = pair.received();
    let added: Vec<_> = events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Media(DemuxEvent::StreamAdded(params)) => Some(params.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(added.len(), 2);
    assert!(events.iter().any(|(_, event)| *event == Event::Media(DemuxEvent::HeaderRead)));
    let number = |kind| added.iter().position(|params| params.media() == kind).unwrap();
    let shown = packets(&events, number(MediaKind::Video));
    let heard = packets(&events, number(MediaKind::Audio));
    let params = &added[number(MediaKind::Video)];
    assert_eq!(params.extradata, video().extradata);
    let StreamKind::Video(size) = params.kind else { panic!("video") };
    assert_eq!((size.width, size.height), (64, 48));
    // All but what is still under way.
    assert!(shown.len() >= 74 && heard.len() >= 148, "{} pictures, {} sounds", shown.len(), heard.len());
    for (n, came) in shown.iter().enumerate() {
        let sent = picture(n);
        assert_eq!((&came.data, came.key), (&sent.data, sent.key), "picture {n}");
        assert_eq!(came.pts - shown[0].pts, n as i64 * 3_600);
    }
    for (n, came) in heard.iter().enumerate() {
        assert_eq!((&came.data, came.duration), (&opus_packet(n).data, 960));
        assert_eq!(came.pts - heard[0].pts, n as i64 * 960);
    }
}

#[test]
fn what_there_is_nothing_for_is_not_promised() {
    let (options, now) = (SessionOptions::new(support::certificate()), Instant::now());
    let local = ["10.0.0.1:4000".parse().unwrap()];
    let answered = |offered: &[StreamParams], wanted: &[MediaKind], send: &[StreamParams]| {
        let (_, offer) = Session::offer(&options, now, offered, wanted, &local).unwrap();
        let (_, answer) = Session::answer(&options, now, &offer, send, &local).unwrap();
        let directions = ["a=sendonly", "a=recvonly", "a=sendrecv", "a=inactive"];
        let lines = answer.lines().filter(|line| directions.contains(line)).map(|line| line[2..].to_string());
        lines.collect::<Vec<_>>()
    };
    let both = [MediaKind::Video, MediaKind::Audio];
    assert_eq!(answered(&[], &both, &[video(), opus()]), ["sendonly", "sendonly"]);
    assert_eq!(answered(&[], &both, &[video()]), ["sendonly", "inactive"]);
    assert_eq!(answered(&[], &both, &[opus()]), ["inactive", "sendonly"]);
    assert_eq!(answered(&[video()], &both, &[video()]), ["recvonly", "sendonly", "inactive"]);
}

#[test]
fn both_ways_at_once() {
    let mut pair = Pair::echoing(&[video(), opus()], Network::default());
    pair.run_until_connected();
    pair.send_seconds(1);
    for side in [pair.received(), pair.returned()] {
        let sounds =
            side.iter().filter(|(_, event)| matches!(event, Event::Media(DemuxEvent::Packet(_)))).count();
        assert!(sounds >= 24 + 48, "{sounds}");
    }
}

#[test]
fn lost_packets_are_sent_again_and_nothing_is_missing() {
    // A tenth is lost each way, and what is left comes out of order.
    let network = Network { loss: 100, jitter: Duration::from_millis(15), ..Network::default() };
    let mut pair = Pair::publishing(&[video()], network);
    pair.run_until_connected();
    pair.send_seconds(10);
    pair.rest(SECOND);
    let events = pair.received();
    let shown = packets(&events, 0);
    let expected = 250;
    let first = (0..expected).find(|n| picture(*n).data == shown[0].data).unwrap();
    let mut next = first;
    let mut skipped = 0;
    for came in &shown {
        let at = (next..expected).find(|n| picture(*n).data == came.data).expect("in order, each once");
        // What is given up ends with a key frame, so that all that is handed on can be decoded.
        assert!(at == next || came.key, "picture {at} after {next}");
        skipped += at - next;
        next = at + 1;
    }
    assert!(skipped <= 25, "{skipped} of {expected} pictures were given up");
    assert!(pair.lost() > 100, "the network lost {}", pair.lost());
}

#[test]
fn what_is_lost_for_good_costs_pictures_up_to_a_key_frame_that_is_asked_for() {
    let mut pair = Pair::publishing(&[video()], Network::default());
    pair.run_until_connected();
    pair.send_seconds(1);
    let before = pair.sent_events().len();
    // Longer than the sender keeps what it sent.
    pair.outage(7 * SECOND);
    pair.send_seconds(3);
    let asked = pair.sent_events()[before..]
        .iter()
        .filter(|(_, event)| matches!(event, Event::KeyFrameWanted(0)))
        .count();
    assert!(asked >= 1);
    let events = pair.received();
    let broken =
        events.iter().position(|(_, event)| *event == Event::Media(DemuxEvent::Discontinuity)).unwrap();
    let after = packets(&events[broken..], 0);
    assert!(after[0].key, "{:?}", after[0]);
    assert!(after.len() > 50, "{}", after.len());
}

#[test]
fn pictures_keep_to_their_sound() {
    // The sound is sent as much earlier as it takes to make the pictures.
    let mut pair = Pair::publishing(
        &[video(), opus()],
        Network { video_later: Duration::from_millis(120), ..Network::default() },
    );
    pair.run_until_connected();
    pair.send_seconds(12);
    let events = pair.received();
    let (mut shown, mut heard) = (None, None);
    for (_, event) in &events {
        let Event::Media(DemuxEvent::Packet(packet)) = event else { continue };
        // Which moment of the source a packet is from stands in it.
        let moment = support::moment(packet);
        if packet.duration == 960 {
            heard = Some((packet.pts * 1_000 / 48, moment))
        } else {
            shown = Some((packet.pts * 100 / 9, moment))
        }
    }
    let offset = |(pts, moment): (i64, i64)| pts - moment;
    let apart = offset(shown.unwrap()) - offset(heard.unwrap());
    assert!(apart.abs() <= 2_000, "{apart} µs apart");
}

#[test]
fn b_frames_are_refused_with_a_reason() {
    let mut pair = Pair::publishing(&[video()], Network::default());
    pair.run_until_connected();
    assert_eq!(pair.write(&picture(0)), Ok(true));
    assert_eq!(pair.write(&picture(4)), Ok(true));
    let Err(error @ Error::Media { .. }) = pair.write(&picture(2)) else { panic!("taken") };
    assert!(error.to_string().contains("B-frames"), "{error}");
}

#[test]
fn who_says_goodbye_is_heard_and_who_vanishes_is_missed() {
    let mut pair = Pair::publishing(&[opus()], Network::default());
    pair.run_until_connected();
    pair.close_sender();
    pair.rest(SECOND);
    assert!(pair.received().iter().any(|(_, event)| *event == Event::Closed));

    let mut pair = Pair::publishing(&[opus()], Network::default());
    pair.run_until_connected();
    pair.vanish_sender();
    assert_eq!(pair.rest_until_error(60 * SECOND), Some(Error::Lost));

    let mut pair = Pair::publishing(&[opus()], Network { loss: 1_000, ..Network::default() });
    assert_eq!(pair.rest_until_error(60 * SECOND), Some(Error::Unreachable));
}

#[test]
fn a_narrow_way_is_seen_and_waits() {
    let mut pair = Pair::publishing(&[video()], Network { rate: Some(300_000), ..Network::default() });
    pair.run_until_connected();
    // 25 pictures of 8 kB in a second are 1.6 Mbit/s.
    pair.send_large_seconds(8, 8_000);
    let estimates: Vec<u64> = pair
        .sent_events()
        .iter()
        .filter_map(|(_, event)| if let Event::Estimate(bits) = event { Some(*bits) } else { None })
        .collect();
    let last = *estimates.last().unwrap();
    assert!((100_000..700_000).contains(&last), "{last} of {estimates:?}");
    assert!(pair.backlog() > FRAME, "{:?}", pair.backlog());
}
