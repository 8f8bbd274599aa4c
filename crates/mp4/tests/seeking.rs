//! Seeking: the key sample before, in files with one header and in fragments.

mod common;

use brooklet_media::Demuxer as _;
use common::{Kind, Layout, Track, drive, open, read, read_pipe, write};
use proptest::prelude::*;

fn tracks() -> [Track; 2] {
    [Track::new(Kind::Video, 1_000, 100, 40, 10), Track::new(Kind::Aac, 48_000, 190, 1_024, 1)]
}

proptest! {
    #[test]
    fn goes_on_from_the_key_sample_before(pts in -500i64..6_000, fragmented: bool, group in 1usize..40, read_first: bool) {
        let file = write(&tracks(), Layout { group, fragmented, ..Layout::PLAIN });
        let whole = read(&file).unwrap();
        let mut demuxer = open(&file);
        // Either everything has been read before, or nothing but the header.
        let until_header = |demuxer: &mut brooklet_mp4::Mp4Demuxer| {
            use brooklet_media::{DemuxEvent, DemuxStep};
            loop {
                match demuxer.step().unwrap() {
                    DemuxStep::Read(at) => demuxer.push(file[at as usize..].to_vec().into()),
                    DemuxStep::Event(DemuxEvent::HeaderRead) => break,
                    _ => {}
                }
            }
        };
        if read_first {
            drive(&mut demuxer, &file, 1_000, false).unwrap();
        } else {
            until_header(&mut demuxer);
        }
        demuxer.seek(0, pts).unwrap();
        let rest = drive(&mut demuxer, &file, 1_000, false).unwrap();
        let start = (pts.clamp(0, 3_999) / 400) * 400;
        let expected: Vec<_> = whole.of(0).into_iter().filter(|packet| packet.pts >= start).collect();
        prop_assert_eq!(rest.of(0), expected);
        let sound = rest.of(1);
        prop_assert!(sound.first().is_some_and(|first| first.pts <= start * 48 && first.pts + 1_024 > start * 48));
        prop_assert_eq!(sound.len(), whole.of(1).iter().filter(|packet| packet.pts + 1_024 > start * 48).count());
    }
}

#[test]
fn a_pipe_refuses_and_goes_on() {
    let file = write(&tracks(), Layout::PLAIN);
    let mut demuxer = brooklet_mp4::Mp4Demuxer::new(brooklet_media::Source::default());
    assert!(demuxer.seek(0, 0).unwrap_err().to_string().contains("is not supported"));
    assert_eq!(drive(&mut demuxer, &file, 500, true), read_pipe(&file));
}
