//! The past of a stream, on its own clock.

use brooklet_flv::{Tag, TagKind};
use bytes::Bytes;

use super::*;

const BOUNDS: Bounds = Bounds { delay: 1_000, backlog: 10_000, cache: 100_000, burst: Burst::LAST };

fn tag(kind: TagKind, timestamp: i64, body: &[u8], size: usize) -> Tag {
    let mut bytes = body.to_vec();
    bytes.resize(size.max(body.len()), 0);
    Tag { kind, timestamp, body: Bytes::from(bytes) }
}

fn config(content: u8) -> Tag {
    tag(TagKind::Video, 0, &[0x17, 0, 0, 0, 0, content], 0)
}

fn key(timestamp: i64) -> Tag {
    tag(TagKind::Video, timestamp, &[0x17, 1, 0, 0, 0], 100)
}

fn inter(timestamp: i64) -> Tag {
    tag(TagKind::Video, timestamp, &[0x27, 1, 0, 0, 0], 100)
}

fn sound(timestamp: i64) -> Tag {
    tag(TagKind::Audio, timestamp, &[0xAF, 1, 7], 50)
}

fn begun() -> Log<Tag> {
    let mut log = Log::new(BOUNDS);
    log.begin();
    log
}

fn push(log: &mut Log<Tag>, tags: impl IntoIterator<Item = Tag>) {
    tags.into_iter().for_each(|tag| {
        log.push(tag);
    });
}

/// A picture every 40 ms, a key frame every so many.
fn pictures(numbers: std::ops::Range<i64>, gop: i64) -> impl Iterator<Item = Tag> {
    numbers.map(move |n| if n % gop == 0 { key(n * 40) } else { inter(n * 40) })
}

/// All that there is for a viewer, and what it skips.
fn take(log: &Log<Tag>, cursor: &mut Cursor) -> (Vec<Tag>, u64) {
    let (mut all, mut skipped) = (Vec::new(), 0);
    while log.has_news(cursor) {
        skipped += log.take(cursor, 5, &mut all);
    }
    (all, skipped)
}

fn times(tags: &[Tag]) -> Vec<i64> {
    tags.iter().map(|tag| tag.timestamp).collect()
}

#[test]
fn who_was_there_first_gets_all_in_order() {
    let mut log = begun();
    let mut cursor = log.join(Burst::LAST);
    assert_eq!(take(&log, &mut cursor), (vec![], 0));
    let sent = [config(1), key(0), sound(3), inter(40), key(80), inter(120)];
    push(&mut log, sent.clone());
    assert_eq!(take(&log, &mut cursor), (sent.to_vec(), 0));
}

#[test]
fn who_comes_late_begins_with_headers_and_the_last_key_frame() {
    let mut log = begun();
    push(&mut log, [config(1)]);
    push(&mut log, pictures(0..28, 10));
    let mut cursor = log.join(Burst::LAST);
    push(&mut log, pictures(28..29, 10));
    let (tags, skipped) = take(&log, &mut cursor);
    assert_eq!((&tags[0], skipped), (&config(1), 0));
    assert_eq!(times(&tags[1..]), (20..29).map(|n| n * 40).collect::<Vec<_>>());
    assert!(tags[1].is_key_frame());
}

#[test]
fn headers_that_change_reach_all_and_fit_their_pictures() {
    let mut log = begun();
    push(&mut log, [config(1), key(0)]);
    let mut early = log.join(Burst::LAST);
    assert_eq!(take(&log, &mut early).0, [config(1), key(0)]);
    // The same again is no change; another is, and it is the next group of pictures that it is for.
    push(&mut log, [config(1), config(2)]);
    let mut between = log.join(Burst::LAST);
    assert_eq!(take(&log, &mut early).0, [config(1), config(2)]);
    assert_eq!(take(&log, &mut between).0, [config(1), key(0), config(1), config(2)]);
    push(&mut log, [key(40), inter(80)]);
    let mut late = log.join(Burst::LAST);
    assert_eq!(take(&log, &mut late).0, [config(2), key(40), inter(80)]);
    assert_eq!(take(&log, &mut early).0, [key(40), inter(80)]);
}

#[test]
fn one_who_skips_past_a_change_gets_the_new_headers() {
    let mut log = begun();
    push(&mut log, [config(1)]);
    push(&mut log, pictures(0..30, 10));
    let mut slow = log.join(Burst::LAST);
    log.take(&mut slow, 1, &mut Vec::new());
    push(&mut log, [config(2)]);
    push(&mut log, pictures(30..90, 10));
    let (tags, skipped) = take(&log, &mut slow);
    assert_eq!(tags[0], config(2));
    assert_eq!(times(&tags[1..]), (80..90).map(|n| n * 40).collect::<Vec<_>>());
    // It had number 20; of 21 to 79 and the header it got none.
    assert_eq!(skipped, 60);
}

#[test]
fn a_slow_viewer_waits_for_the_next_key_frame_where_there_is_no_newer() {
    let mut log = begun();
    push(&mut log, [config(1), key(0)]);
    let mut slow = log.join(Burst::LAST);
    assert_eq!(take(&log, &mut slow).0.len(), 2);
    push(&mut log, pictures(1..28, 100));
    assert_eq!(take(&log, &mut slow), (vec![], 27), "more than a second behind");
    push(&mut log, pictures(28..40, 100));
    assert_eq!(take(&log, &mut slow), (vec![], 12));
    push(&mut log, pictures(100..102, 100));
    assert_eq!(times(&take(&log, &mut slow).0), [4_000, 4_040]);
}

#[test]
fn too_many_bytes_behind_is_too_slow_as_well() {
    let mut log = begun();
    push(&mut log, [key(0)]);
    let mut slow = log.join(Burst::LAST);
    assert_eq!(take(&log, &mut slow).0.len(), 1);
    push(&mut log, (1..5).map(|n| tag(TagKind::Video, n * 40, &[0x27, 1, 0, 0, 0], 3_000)));
    push(&mut log, [key(200)]);
    let (tags, skipped) = take(&log, &mut slow);
    assert_eq!((times(&tags), skipped), (vec![200], 4));
}

#[test]
fn a_long_group_of_pictures_is_no_debt_of_who_comes_late() {
    let mut log = begun();
    push(&mut log, pictures(0..100, 100));
    let mut cursor = log.join(Burst::LAST);
    let mut tags = Vec::new();
    for n in 100..120 {
        assert_eq!(log.take(&mut cursor, 8, &mut tags), 0);
        push(&mut log, [if n == 110 { key(n * 40) } else { inter(n * 40) }]);
    }
    assert_eq!(times(&tags), (0..120).map(|n| n * 40).take(tags.len()).collect::<Vec<_>>());
    assert!(tags.len() >= 115);
}

#[test]
fn sound_waits_for_the_next_picture_but_not_for_long() {
    let mut log = begun();
    assert!(log.push(config(1)) && log.push(key(0)));
    assert!(!log.push(sound(1)) && !log.push(sound(22)));
    assert!(log.push(inter(40)));
    assert!(!log.push(sound(43)) && !log.push(sound(64)));
    assert!(log.push(sound(85)), "there is no picture for it");
    assert!(!log.push(sound(100)));
    assert!(log.release() && !log.release());
    let mut alone = begun();
    assert!(alone.push(sound(0)) && alone.push(sound(20)));
}

#[test]
fn sound_alone_begins_anywhere_and_skips() {
    let mut log = begun();
    let header = tag(TagKind::Audio, 0, &[0xAF, 0, 1], 0);
    push(&mut log, [header.clone()]);
    push(&mut log, (0..10).map(|n| sound(n * 20)));
    let mut cursor = log.join(Burst::LAST);
    assert_eq!(take(&log, &mut cursor), (vec![header, sound(180)], 0));
    push(&mut log, (10..100).map(|n| sound(n * 20)));
    assert_eq!(take(&log, &mut cursor), (vec![sound(1_980)], 89));
    assert!(log.items.len() < 60, "{}", log.items.len());
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let mut log = begun();
    push(&mut log, [config(1), key(0)]);
    // One group of pictures that never ends: too long to keep.
    for n in 1..5_000 {
        push(&mut log, [tag(TagKind::Video, n * 40, &[0x27, 1, 0, 0, 0], 500)]);
        assert!(log.bytes <= BOUNDS.cache && log.items.len() <= MAX_UNITS);
        assert_eq!(log.bytes, log.items.iter().map(|item| item.unit.size()).sum::<usize>());
    }
    let mut late = log.join(Burst::LAST);
    assert_eq!(take(&log, &mut late), (vec![], 0));
    push(&mut log, [key(200_000)]);
    assert_eq!(take(&log, &mut late).0, [config(1), key(200_000)]);
    // Groups of pictures that end: a second of them, and the one that goes on.
    push(&mut log, pictures(5_001..9_001, 10));
    assert!(log.items.len() <= 25 + 10 + 1, "{}", log.items.len());
    // Time that stands still.
    push(&mut log, (0..20_000).map(|_| tag(TagKind::Audio, 400_000, &[0xAF, 1], 0)));
    assert!(log.items.len() <= MAX_UNITS);
    push(&mut log, (0..100).map(|track| tag(TagKind::Video, 0, &[&b"\x96\0av01"[..], &[track]].concat(), 0)));
    assert_eq!(log.headers.len(), MAX_HEADERS);
}

#[test]
fn pictures_that_nobody_can_decode_are_left_out() {
    let mut log = begun();
    let mut cursor = log.join(Burst::LAST);
    push(&mut log, [config(1), inter(0), inter(40), sound(41), key(80)]);
    assert_eq!(take(&log, &mut cursor).0, [config(1), sound(41), key(80)]);
}

#[test]
fn time_goes_on_when_a_publisher_takes_the_place_of_another() {
    let mut log = begun();
    let mut there = log.join(Burst::LAST);
    push(&mut log, [config(1)]);
    push(&mut log, pictures(0..3, 10));
    take(&log, &mut there);
    push(&mut log, [inter(120)]);
    log.begin();
    let mut late = log.join(Burst::LAST);
    push(&mut log, [config(2), key(7_040), sound(7_050), inter(7_080)]);
    let (tags, skipped) = take(&log, &mut there);
    assert_eq!((times(&tags), skipped), (vec![120, 160, 160, 170, 200], 0));
    assert!(tags[1].is_sequence_header() && tags[2].is_key_frame());
    assert_eq!(times(&take(&log, &mut late).0), [160, 160, 170, 200], "nothing of the old one's");
}

#[test]
fn a_place_that_was_forgotten_is_a_skip() {
    let mut log = begun();
    push(&mut log, pictures(0..1, 10));
    let mut slow = log.join(Burst::LAST);
    take(&log, &mut slow);
    push(&mut log, pictures(1..10_000, 10));
    let (tags, skipped) = take(&log, &mut slow);
    assert_eq!((times(&tags)[0], skipped), (9_990 * 40, 9_989));
}

/// A video tag of one track of AV1, as Enhanced RTMP's multitrack has it: frame type, packet type, content.
fn of_track(track: u8, frame: u8, packet: u8, timestamp: i64) -> Tag {
    let body = [0x80 | frame << 4 | 6, packet, b'a', b'v', b'0', b'1', track, track];
    tag(TagKind::Video, timestamp, &body, 0)
}

#[test]
fn tracks_keep_their_headers_and_viewers_begin_with_the_first() {
    let mut log = begun();
    let headers = [0, 1].map(|track| of_track(track, 1, 0, 0));
    let pictures = [0, 1].map(|track| of_track(track, 1, 1, 40));
    push(&mut log, headers.iter().chain(&pictures).cloned());
    let both = [headers, pictures].concat();
    assert_eq!(take(&log, &mut log.join(Burst::LAST)), (both.clone(), 0));
    // Another header of track 1 leaves that of track 0.
    let mut changed = both[1].clone();
    changed.body = [&changed.body[..], b"!"].concat().into();
    push(&mut log, [changed.clone(), both[2].clone(), both[3].clone()]);
    let expected = [both[0].clone(), changed, both[2].clone(), both[3].clone()];
    assert_eq!(take(&log, &mut log.join(Burst::LAST)), (expected.into(), 0));
}

#[test]
fn a_header_of_one_track_leaves_what_one_for_several_says_of_the_others() {
    let mut log = begun();
    let several = tag(TagKind::Video, 0, b"\x96\x10av01\x00\0\0\x02ab\x01\0\0\x01c", 0);
    let (one, picture) = (of_track(0, 1, 0, 0), of_track(0, 1, 1, 40));
    push(&mut log, [several.clone(), one.clone(), picture.clone()]);
    let all = vec![several.clone(), one.clone(), picture.clone()];
    assert_eq!(take(&log, &mut log.join(Burst::LAST)), (all, 0));
    // The later one counts.
    let mut newer = several;
    newer.body = [&newer.body[..newer.body.len() - 1], b"d"].concat().into();
    push(&mut log, [newer.clone(), picture.clone()]);
    assert_eq!(take(&log, &mut log.join(Burst::LAST)), (vec![one, newer, picture], 0));
}
