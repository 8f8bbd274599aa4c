//! Edit lists: times, discards and trims as ffprobe prints them for files of the same shape.

mod common;

use common::{Kind, Layout, Track, read, write};

/// Pictures decoded I P b b P b b … of 1000 ticks, shown in another order, two late.
fn reordered(count: u32) -> Track {
    let mut track = Track::new(Kind::Video, 10_000, count, 1_000, 6);
    let offsets = [2_000, 4_000, 1_000, 1_000, 4_000, 1_000];
    for (sample, offset) in track.samples.iter_mut().zip(offsets.iter().cycle()) {
        sample.offset = *offset;
    }
    track
}

#[test]
fn aac_priming_is_decoded_and_dropped() {
    let mut track = Track::new(Kind::Aac, 48_000, 5, 1_024, 1);
    track.edits = vec![(85, 1_024)];
    let contents = read(&write(&[track], Layout::PLAIN)).unwrap();
    let times = contents.times(0);
    assert_eq!(times[..3], [(-1_024, -1_024, true), (0, 0, false), (1_024, 1_024, false)]);
    let trims: Vec<_> = contents.packets.iter().map(|packet| packet.trim.start).collect();
    assert_eq!(trims[..2], [1_024, 0]);
    assert_eq!(contents.streams[0].start, Some(0));
}

#[test]
fn priming_that_is_part_of_a_packet_is_trimmed() {
    let mut track = Track::new(Kind::Aac, 48_000, 5, 960, 1);
    track.edits = vec![(93, 312)];
    let contents = read(&write(&[track], Layout::PLAIN)).unwrap();
    assert_eq!(contents.times(0)[..2], [(-312, -312, false), (648, 648, false)]);
    assert_eq!((contents.packets[0].trim.start, contents.packets[1].trim.start), (312, 0));
}

#[test]
fn reordered_pictures_start_at_zero() {
    let mut track = reordered(12);
    track.edits = vec![(1_200, 2_000)];
    let contents = read(&write(&[track], Layout::PLAIN)).unwrap();
    let times = contents.times(0);
    assert_eq!(
        times[..4],
        [(0, -2_000, false), (3_000, -1_000, false), (1_000, 0, false), (2_000, 1_000, false)]
    );
    assert_eq!(contents.streams[0].start, Some(0));
}

#[test]
fn an_empty_edit_delays() {
    let mut track = Track::new(Kind::Aac, 48_000, 5, 1_024, 1);
    track.edits = vec![(500, -1), (106, 0)];
    let contents = read(&write(&[track], Layout::PLAIN)).unwrap();
    assert_eq!(contents.times(0)[..2], [(24_000, 24_000, false), (25_024, 25_024, false)]);
    assert_eq!(contents.streams[0].start, Some(24_000));
}

#[test]
fn a_cut_starts_at_a_key_picture_and_ends_after_the_next() {
    let mut track = Track::new(Kind::Video, 1_000, 40, 100, 10);
    track.edits = vec![(1_000, 1_400)];
    let contents = read(&write(&[track], Layout::PLAIN)).unwrap();
    let times = contents.times(0);
    // Decoding starts at 1000, four pictures before the cut; the edit ends at 2400, the next key picture is at 3000.
    assert_eq!(
        times[..5],
        [(-400, -400, true), (-300, -300, true), (-200, -200, true), (-100, -100, true), (0, 0, false)]
    );
    assert_eq!(times.last(), Some(&(1_600, 1_600, true)));
    assert_eq!(times.iter().filter(|(.., discard)| !discard).count(), 10);
    assert_eq!(contents.streams[0].duration, Some(1_000));
}

#[test]
fn two_edits_follow_each_other() {
    let mut track = Track::new(Kind::Video, 1_000, 40, 100, 1);
    track.edits = vec![(300, 2_000), (200, 500)];
    let contents = read(&write(&[track], Layout::PLAIN)).unwrap();
    let shown: Vec<_> = contents.packets.iter().filter(|packet| !packet.discard).collect();
    let shown: Vec<_> = shown.iter().map(|packet| (packet.pts, packet.data[0])).collect();
    assert_eq!(shown, [(0, 20), (100, 21), (200, 22), (300, 5), (400, 6)]);
    assert_eq!(contents.streams[0].duration, Some(500));
}

#[test]
fn negative_offsets_put_dts_before_pts() {
    let mut track = reordered(12);
    track.samples.iter_mut().for_each(|sample| sample.offset -= 2_000);
    let contents = read(&write(&[track], Layout::PLAIN)).unwrap();
    let times = contents.times(0);
    assert_eq!(times[..3], [(0, -1_000, false), (3_000, 0, false), (1_000, 1_000, false)]);
    assert!(times.iter().all(|(pts, dts, _)| pts >= dts));
}

#[test]
fn an_edit_moves_fragments_too() {
    let mut track = Track::new(Kind::Aac, 48_000, 8, 1_024, 1);
    track.edits = vec![(0, 1_024)];
    let contents = read(&write(&[track], Layout::FRAGMENTED)).unwrap();
    assert_eq!(contents.times(0)[..2], [(-1_024, -1_024, false), (0, 0, false)]);
    assert_eq!((contents.packets[0].trim.start, contents.streams[0].start), (1_024, Some(0)));
}
