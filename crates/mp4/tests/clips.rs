//! Real clips, where they are at hand.

mod common;

use std::path::PathBuf;

use brooklet_media::CodecId;

fn clip(name: &str) -> Option<Vec<u8>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/media");
    let folder = std::env::var_os("BROOKLET_MEDIA").map_or_else(beside, PathBuf::from);
    let found = std::fs::read(folder.join(name)).ok();
    if found.is_none() {
        eprintln!("not checked: {name} is not in {} (set BROOKLET_MEDIA)", folder.display());
    }
    found
}

#[test]
fn six_streams_with_b_frames_and_priming() {
    let Some(file) = clip("nasa_13013.mp4") else { return };
    let contents = common::read(&file).unwrap();
    assert_eq!(contents, common::read_pipe(&file).unwrap());
    use CodecId::{Aac, H264, MovText};
    let codecs: Vec<_> = contents.streams.iter().map(|stream| stream.codec).collect();
    assert_eq!(codecs, [H264, Aac, MovText, H264, Aac, MovText]);
    let counts: Vec<_> = (0..6).map(|stream| contents.of(stream).len()).collect();
    assert_eq!((counts[0], counts[3], counts.iter().sum::<usize>()), (325, 390, 1_033));
    // As ffprobe prints them.
    assert_eq!(contents.times(0)[..2], [(0, -1_024, false), (1_024, -512, false)]);
    assert_eq!(contents.times(1)[..2], [(-1_024, -1_024, true), (0, 0, false)]);
    assert_eq!(contents.times(3).last(), Some(&(389_389, 387_387, false)));
    assert_eq!(contents.times(5)[1], (210_000, 210_000, false));
}

#[test]
fn pictures_without_b_frames_and_five_one_sound() {
    let Some(file) = clip("bigbuckbunny.mp4") else { return };
    let contents = common::read(&file).unwrap();
    assert_eq!((contents.of(0).len(), contents.of(1).len()), (132, 249));
    assert_eq!(contents.streams[1].as_audio().unwrap().layout.channels(), 6);
    assert!(contents.of(0).iter().all(|packet| packet.pts == packet.dts && packet.duration == 512));
}
