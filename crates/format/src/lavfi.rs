//! Sources that make their own pictures and sound, under the names that ffmpeg's `lavfi` device gives them:
//! `testsrc2=size=640x360:rate=30`, `sine=frequency=440`.
//!
//! | module | holds |
//! |---|---|
//! | `graph` | the text of a graph to sources and their options |
//! | `video`, `pattern`, `canvas`, `font` | test pictures |
//! | `audio` | tone and silence |

mod audio;
mod canvas;
mod color;
mod demux;
mod font;
mod graph;
mod pattern;
mod video;

pub use demux::LavfiDemuxer;

use brooklet_media::{Packet, StreamParams};

/// One source: packets that are a function of their number alone.
trait Generator: Send {
    /// What it makes.
    fn params(&self) -> &StreamParams;

    /// The pts of the next packet; `None` at the end.
    fn next_pts(&self) -> Option<i64>;

    /// The next packet, of stream 0; `None` at the end.
    fn next(&mut self) -> Option<Packet>;

    /// Goes on from the packet that `pts` falls into.
    fn seek(&mut self, pts: i64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{CodecId, DemuxEvent, DemuxStep, Demuxer, PcmFormat, Rational, TimeBase};
    use proptest::prelude::*;

    fn open(graph: &str) -> LavfiDemuxer {
        LavfiDemuxer::new(graph).unwrap_or_else(|error| panic!("{graph}: {error}"))
    }

    /// Streams and packets, at most `most` of these.
    fn run(demuxer: &mut LavfiDemuxer, most: usize) -> (Vec<StreamParams>, Vec<Packet>) {
        let (mut streams, mut packets) = (Vec::new(), Vec::new());
        while packets.len() < most {
            match demuxer.step().unwrap() {
                DemuxStep::Event(DemuxEvent::StreamAdded(params)) => streams.push(params),
                DemuxStep::Event(DemuxEvent::Packet(packet)) => packets.push(packet),
                DemuxStep::Event(_) => {}
                DemuxStep::End => break,
                DemuxStep::Read(_) => panic!("a generated source needs no bytes"),
            }
        }
        (streams, packets)
    }

    fn samples(packets: &[Packet]) -> Vec<i16> {
        let bytes: Vec<u8> = packets.iter().flat_map(|packet| packet.data.to_vec()).collect();
        bytes.as_chunks::<2>().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect()
    }

    #[test]
    fn a_tone_has_its_frequency_its_level_and_its_end() {
        let (streams, packets) = run(&mut open("sine=frequency=441:sample_rate=44100:duration=0.1"), 99);
        assert_eq!(streams[0].codec, CodecId::Pcm(PcmFormat::S16Le));
        let ends: Vec<_> = packets.iter().map(|packet| (packet.pts, packet.duration)).collect();
        assert_eq!(ends, [(0, 1024), (1024, 1024), (2048, 1024), (3072, 1024), (4096, 314)]);
        let samples = samples(&packets);
        assert_eq!(samples.iter().max(), Some(&4_095));
        // A period is 100 samples.
        let rises = samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
        assert!((43..=44).contains(&rises), "{rises}");
        assert!((0..4_000).all(|n| (samples[n] - samples[n + 100]).abs() <= 1));
    }

    #[test]
    fn a_beep_sounds_at_each_second() {
        let (_, packets) = run(&mut open("sine=f=100:b=4:r=8000:d=2"), 99);
        let samples = samples(&packets);
        let loud = |from: usize| samples[from..from + 320].iter().any(|sample| sample.unsigned_abs() > 5_000);
        assert_eq!([0, 400, 4_000, 8_000, 8_400].map(loud), [true, false, false, true, false]);
    }

    #[test]
    fn pictures_move_and_are_the_same_every_time() {
        let (streams, first) = run(&mut open("testsrc2=size=320x180:rate=30000/1001"), 40);
        let video = streams[0].as_video().unwrap();
        assert_eq!((video.width, video.height, video.frame_rate), (320, 180, Rational::new(30_000, 1_001)));
        assert_eq!(streams[0].time_base, TimeBase::new(1_001, 30_000).unwrap());
        assert_eq!(first.iter().map(|packet| packet.pts).collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
        assert!(first.windows(2).all(|pair| pair[0].data != pair[1].data));
        let (_, again) = run(&mut open("testsrc2=s=320x180:r=ntsc"), 40);
        assert_eq!(first, again);
    }

    #[test]
    fn seeking_gives_the_picture_of_that_time() {
        let (_, all) = run(&mut open("testsrc=d=2"), 99);
        let mut demuxer = open("testsrc=d=2");
        demuxer.seek(0, 30).unwrap();
        assert_eq!((all.len(), run(&mut demuxer, 99).1), (50, all[30..].to_vec()));
    }

    #[test]
    fn two_sources_come_in_the_order_of_time() {
        let mut demuxer = open("testsrc2=s=qcif:r=25:d=1[out0]; sine=r=48000:d=1 [out1]");
        let (streams, packets) = run(&mut demuxer, 999);
        let at = |packet: &Packet| streams[packet.stream].time_base.at(packet.dts);
        assert_eq!((streams.len(), packets.iter().filter(|packet| packet.stream == 0).count()), (2, 25));
        assert!(packets.is_sorted_by_key(at));
    }

    #[test]
    fn a_colour_is_that_colour() {
        let (_, packets) = run(&mut open("color=red:4x2:d=0.04"), 9);
        let expected = [[81; 8].as_slice(), &[90; 2], &[240; 2]].concat();
        assert_eq!((packets.len(), &packets[0].data[..]), (1, &expected[..]));
        let (_, same) = run(&mut open("color=c=#FF0000:s=4x2:d=1:r=1"), 9);
        assert_eq!(same[0].data, packets[0].data);
    }

    #[test]
    fn silence_has_the_layout_that_was_asked_for() {
        let (streams, packets) = run(&mut open("anullsrc=r=48000:cl=5.1:d=0.01"), 9);
        assert_eq!(streams[0].as_audio().map(|audio| audio.layout.channels()), Some(6));
        assert_eq!(packets[0].data, vec![0; 480 * 6 * 2]);
        assert_eq!(run(&mut open("anullsrc"), 3).1.len(), 3);
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (graph, words) in [
            ("testsrc3", "testsrc2"),
            ("", "testsrc2"),
            ("sine=frequenzy=3", "frequency"),
            ("testsrc2=size=big", "640x360"),
            ("testsrc2=s=0x0", "640x360"),
            ("color=c=nocolour", "red"),
            ("testsrc2,scale=10:10", "-vf"),
            ("sine=r=0", "0 Hz"),
            ("testsrc2=1x1:1:1:1:1:1:1", "too many"),
        ] {
            let error = LavfiDemuxer::new(graph).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(words), "{graph}: {error}");
        }
        open("testsrc2=s=10x10,format=yuv420p");
    }

    proptest! {
        #[test]
        fn any_text_is_a_graph_or_an_error(text in "[a-z0-9=:,;\\[\\]'\\\\ x.]{0,60}") {
            let _ = LavfiDemuxer::new(&text);
        }

        #[test]
        fn any_size_can_be_drawn(
            width in 1u32..70,
            height in 1u32..70,
            name in prop::sample::select(vec!["testsrc", "testsrc2", "smptebars", "color", "nullsrc"]),
        ) {
            let (_, packets) = run(&mut open(&format!("{name}=s={width}x{height}")), 3);
            let bytes = brooklet_media::PixelFormat::Yuv420p.picture_bytes(width, height);
            prop_assert!(packets.iter().all(|packet| packet.data.len() == bytes));
        }
    }
}
