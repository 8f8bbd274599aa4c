//! One small file of each format, for the targets that read them.

use brooklet_flv::{FlvMuxer, FlvMuxerOptions};
use brooklet_format::{AdtsMuxer, AnnexbMuxer, FlacMuxer, Mp3Muxer, OggMuxer, WavMuxer, Y4mMuxer};
use brooklet_media::{CodecId, Muxer, Packet, PixelFormat, Rational, StreamParams, TimeBase, VideoParams};
use brooklet_mp4::{FragmentRule, Mp4Layout, Mp4Muxer, Mp4MuxerOptions};
use brooklet_mpegts::{TsMuxer, TsMuxerOptions};

use super::SOUND;
use super::tiny_mp4::{self, Kind, Layout, Track};
use crate::{coded, streams, writing};

/// Targets, each with a file for it.
pub(super) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let (h264, aac) = (coded::h264(), coded::aac());
    let both = interleaved(&h264.1, &aac.1, &h264.0, &aac.0);
    let streams = [h264.0.clone(), aac.0.clone()];
    let mut files = vec![
        ("flv_demux", file(FlvMuxer::new(FlvMuxerOptions::default()), &streams, &both)),
        ("mpegts_demux", file(TsMuxer::new(TsMuxerOptions::default()), &streams, &both)),
        ("h264_demux", file(AnnexbMuxer::h264(), &streams[..1], &h264.1)),
        ("adts_demux", file(AdtsMuxer::new(), &streams[1..], &aac.1)),
        ("hevc_demux", file(AnnexbMuxer::hevc(), &[made(CodecId::Hevc).0], &made(CodecId::Hevc).1)),
        ("wav_demux", file(WavMuxer::new(), &[made(SOUND).0], &made(SOUND).1)),
        ("y4m_demux", pictures()),
        ("mjpeg_demux", jpegs()),
    ];
    files.push(("mp3_demux", made(CodecId::Mp3).1.iter().flat_map(|frame| frame.data.to_vec()).collect()));
    let (mp3, opus, flac) = (coded::mp3(), coded::opus(), coded::flac());
    files.push(("mp3_demux", file(Mp3Muxer::new(true), std::slice::from_ref(&mp3.0), &mp3.1)));
    files.push(("ogg_demux", file(OggMuxer::new(true), std::slice::from_ref(&opus.0), &opus.1)));
    files.push(("ogg_demux", file(OggMuxer::new(false), std::slice::from_ref(&flac.0), &flac.1)));
    files.push(("flac_demux", file(FlacMuxer::new(), std::slice::from_ref(&flac.0), &flac.1)));
    for (picture, sound) in [(CodecId::Hevc, CodecId::Opus), (CodecId::Av1, CodecId::Flac)] {
        let (streams, packets) = two(picture, sound);
        files.push(("flv_demux", file(FlvMuxer::new(FlvMuxerOptions::default()), &streams, &packets)));
    }
    for (picture, sound) in [(CodecId::Hevc, CodecId::Opus), (CodecId::H264, CodecId::Ac3)] {
        let (streams, packets) = two(picture, sound);
        files.push(("mpegts_demux", file(TsMuxer::new(TsMuxerOptions::live()), &streams, &packets)));
    }
    let movie = |layout| Mp4Muxer::new(Mp4MuxerOptions { layout, ..Mp4MuxerOptions::default() });
    for layout in [Mp4Layout::IndexFirst, Mp4Layout::Fragments(FragmentRule::default())] {
        files.push(("mp4_demux", file(movie(layout), &streams, &both)));
    }
    files.extend(movies().into_iter().map(|movie| ("mp4_demux", movie)));
    files
}

/// Two bare pictures, as a camera sends them.
fn jpegs() -> Vec<u8> {
    let head: &[u8] =
        &[0xFF, 0xD8, 0xFF, 0xE1, 0, 4, 1, 2, 0xFF, 0xC0, 0, 11, 8, 0, 16, 0, 16, 1, 1, 0x11, 0];
    let scan: &[u8] = &[0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, 7, 0xFF, 0, 0xFF, 0xD3, 9, 0xFF, 0xD9];
    let between: &[u8] = b"\r\n--cam\r\nContent-Type: image/jpeg\r\n\r\n";
    [between, head, scan, between, head, scan].concat()
}

/// All that a muxer writes; nothing where it refuses.
pub(super) fn file(mut muxer: impl Muxer, streams: &[StreamParams], packets: &[Packet]) -> Vec<u8> {
    writing::pieces(&mut muxer, streams, packets).map(|pieces| writing::file(&pieces)).unwrap_or_default()
}

/// Packets of two streams in the order of their times.
fn interleaved(first: &[Packet], second: &[Packet], of: &StreamParams, and: &StreamParams) -> Vec<Packet> {
    let second = second.iter().map(|packet| Packet { stream: 1, ..packet.clone() });
    let mut packets: Vec<_> = first.iter().cloned().chain(second).collect();
    packets.sort_by_key(|packet| [of, and][packet.stream.min(1)].time_base.at(packet.dts));
    packets
}

/// Five packets that look right.
fn made(codec: CodecId) -> (StreamParams, Vec<Packet>) {
    let packet = |number: i64| {
        let data = streams::access_unit(codec, number == 0, &[number as u8; 40]);
        Packet { key: number == 0 || !streams::reorders(codec), ..Packet::new(0, number * 40, data) }
    };
    (streams::params(codec, TimeBase::MILLIS), (0..5).map(packet).collect())
}

fn two(picture: CodecId, sound: CodecId) -> ([StreamParams; 2], Vec<Packet>) {
    let ((first, pictures), (second, sounds)) = (made(picture), made(sound));
    let packets = interleaved(&pictures, &sounds, &first, &second);
    ([first, second], packets)
}

fn pictures() -> Vec<u8> {
    let video = VideoParams {
        format: Some(PixelFormat::Yuv420p),
        frame_rate: Some(Rational::whole(25)),
        ..VideoParams::new(6, 4)
    };
    let params = StreamParams::video(CodecId::RawVideo, TimeBase::hz(25), video);
    let packets: Vec<_> =
        (0..3).map(|number| Packet::new(0, number, vec![number as u8; 36].into())).collect();
    file(Y4mMuxer::new(), &[params], &packets)
}

/// Movies in all layouts: with the index first and last, in fragments, with edits and reordered pictures.
fn movies() -> Vec<Vec<u8>> {
    let mut video = Track::new(Kind::Video, 25, 9, 1, 3);
    for (number, sample) in video.samples.iter_mut().enumerate() {
        sample.offset = [1, 3, 0][number % 3];
    }
    video.edits = vec![(40, -1), (320, 1)];
    let sound = Track::new(Kind::Aac, 48_000, 12, 1_024, 1);
    let pcm = Track::new(Kind::Pcm, 8_000, 50, 1, 1);
    let last = Layout { moov_first: false, wide: true, ..Layout::PLAIN };
    vec![
        tiny_mp4::write(&[video.clone(), sound.clone()], Layout::PLAIN),
        tiny_mp4::write(&[video.clone(), pcm], last),
        tiny_mp4::write(&[video, sound], Layout::FRAGMENTED),
    ]
}
