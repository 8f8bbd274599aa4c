//! YUV4MPEG2: raw pictures behind one line of text each (mjpegtools, yuv4mpeg(5)).

mod demux;
mod mux;

pub use demux::Y4mDemuxer;
pub use mux::Y4mMuxer;

use brooklet_media::PixelFormat;

/// ffmpeg's name.
const NAME: &str = "yuv4mpegpipe";
const MAGIC: &str = "YUV4MPEG2";

/// Each format and the names that its colour space goes by; the first is the one to write.
const COLOR_SPACES: [(PixelFormat, &[&str]); 6] = [
    (PixelFormat::Yuv420p, &["420jpeg", "420mpeg2", "420paldv", "420"]),
    (PixelFormat::Yuv422p, &["422"]),
    (PixelFormat::Yuv444p, &["444"]),
    (PixelFormat::Gray8, &["mono"]),
    (PixelFormat::Yuv420p10, &["420p10"]),
    (PixelFormat::Yuv422p10, &["422p10"]),
];

fn names() -> String {
    let names: Vec<_> = COLOR_SPACES.iter().map(|(format, _)| format.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{demux_stream, mux};
    use brooklet_media::{CodecId, Color, Packet, Range, Rational, Source, StreamParams, VideoParams};
    use bytes::Bytes;
    use proptest::prelude::*;

    fn stream(format: PixelFormat, width: u32, height: u32) -> StreamParams {
        let rate = Rational::new(30_000, 1_001);
        let video = VideoParams {
            format: Some(format),
            frame_rate: rate,
            sample_aspect: Rational::new(12, 11).unwrap(),
            color: Color { range: Range::Full, ..Color::default() },
            ..VideoParams::new(width, height)
        };
        StreamParams::video(CodecId::RawVideo, rate.and_then(Rational::time_base).unwrap(), video)
    }

    #[test]
    fn the_header_is_the_one_that_everybody_reads() {
        let packet = Packet::new(0, 0, Bytes::from_static(b"123456"));
        let file = mux(Y4mMuxer::new(), &[stream(PixelFormat::Yuv420p, 2, 2)], &[packet]);
        let head = "YUV4MPEG2 W2 H2 F30000:1001 Ip A12:11 C420jpeg XYSCSS=420JPEG XCOLORRANGE=FULL\n";
        assert_eq!(String::from_utf8(file).unwrap(), format!("{head}FRAME\n123456"));
    }

    #[test]
    fn headers_that_are_wrong_are_refused_in_words() {
        for (file, word) in [
            ("YUV4MPEG2 W0 H2\nFRAME\n", "no pixels"),
            ("YUV4MPEG2 H2\nFRAME\n", "no pixels"),
            ("YUV4MPEG2 W2 H2 C411\nFRAME\n", "411"),
            ("YUV4MPEG2 W99999 H2\n", "16384"),
            ("YUV4MPEG", "ends at byte 8"),
            ("YUV4MPEG2 W2 H2\nFRAMED\n123456", "FRAME"),
        ] {
            let error = demux_stream(Y4mDemuxer::new(Source::default()), file.as_bytes(), 3).unwrap_err();
            assert!(error.to_string().contains(word), "{file}: {error}");
        }
        assert!(demux_stream(Y4mDemuxer::new(Source::default()), &[b'Y'; 10_000], 100).is_err());
    }

    #[test]
    fn the_last_picture_counts_only_when_whole() {
        let file = b"YUV4MPEG2 W2 H2\nFRAME Ip\n123456FRAME\n12345";
        let read = demux_stream(Y4mDemuxer::new(Source::default()), file, 4).unwrap();
        assert_eq!((read.packets.len(), read.data(0)), (1, b"123456".to_vec()));
        assert_eq!(read.streams[0].as_video().and_then(|video| video.frame_rate), Some(Rational::whole(25)));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            (format, _) in prop::sample::select(COLOR_SPACES.to_vec()),
            (width, height) in (1u32..20, 1u32..20),
            count in 0usize..4,
            step in 1usize..2_000,
        ) {
            let bytes = format.picture_bytes(width, height);
            let picture = |n: usize| Bytes::from((0..bytes).map(|i| (i + n) as u8).collect::<Vec<_>>());
            let packets: Vec<_> =
                (0..count).map(|n| Packet { duration: 1, ..Packet::new(0, n as i64, picture(n)) }).collect();
            let stream = stream(format, width, height);
            let file = mux(Y4mMuxer::new(), std::slice::from_ref(&stream), &packets);
            let read = demux_stream(Y4mDemuxer::new(Source::default()), &file, step).unwrap();
            prop_assert_eq!(read.packets, packets);
            prop_assert_eq!(read.streams[0].as_video(), stream.as_video());
        }

        #[test]
        fn any_header_is_read_or_refused(text in "YUV4MPEG2[ WHFIACX:0-9a-z]{0,60}\nFRAME[ I]{0,9}\n[a-z]{0,200}", step in 1usize..300) {
            let _ = demux_stream(Y4mDemuxer::new(Source::default()), text.as_bytes(), step);
        }
    }
}
