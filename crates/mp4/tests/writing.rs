//! What is written reads back: packets, parameters, tags, and where everything begins.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use brooklet_media::bitstream::opus::OpusHead;
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Metadata, Muxer, Packet, PcmFormat, Piece, Place, Rational, Result,
    StreamParams, TimeBase, Trim, VideoParams,
};
use brooklet_mp4::{FragmentRule, Mp4Brand, Mp4Layout, Mp4Muxer, Mp4MuxerOptions};
use bytes::Bytes;
use common::{Contents, read, read_pipe};
use proptest::prelude::*;

/// Baseline, 64 by 48.
const AVCC: &[u8] = &[
    1, 0x42, 0xC0, 0x0A, 0xFF, 0xE1, 0, 8, 0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x1F, 0x90, 1, 0, 4, 0x68,
    0xCE, 0x3C, 0x80,
];

const LAYOUTS: [Mp4Layout; 3] = [
    Mp4Layout::IndexLast,
    Mp4Layout::IndexFirst,
    Mp4Layout::Fragments(FragmentRule { at_key_frames: true, each_frame: false, length: None, index: true }),
];

fn h264(time_base: TimeBase) -> StreamParams {
    let params = StreamParams::video(CodecId::H264, time_base, VideoParams::new(64, 48));
    StreamParams { extradata: Bytes::from_static(AVCC), ..params }
}

fn sound(codec: CodecId, rate: u32, extradata: &'static [u8]) -> StreamParams {
    let audio = AudioParams::new(rate, ChannelLayout::Stereo);
    let params = StreamParams::audio(codec, TimeBase::hz(rate), audio);
    StreamParams { extradata: Bytes::from_static(extradata), ..params }
}

fn aac() -> StreamParams {
    sound(CodecId::Aac, 48_000, &[0x11, 0x90])
}

fn packet(stream: usize, dts: i64, duration: i64) -> Packet {
    let data = vec![stream as u8 + 1; 5 + dts.unsigned_abs() as usize % 7];
    Packet { duration, ..Packet::new(stream, dts, data.into()) }
}

fn options(layout: Mp4Layout) -> Mp4MuxerOptions {
    Mp4MuxerOptions { layout, bitexact: true, ..Mp4MuxerOptions::default() }
}

fn write_all(
    options: Mp4MuxerOptions,
    streams: &[StreamParams],
    metadata: &Metadata,
    packets: &[Packet],
) -> Result<Vec<Piece>> {
    let mut muxer = Mp4Muxer::new(options);
    streams.iter().try_for_each(|params| muxer.add_stream(params))?;
    muxer.start(metadata)?;
    packets.iter().try_for_each(|packet| muxer.write(packet))?;
    muxer.finish()?;
    Ok(std::iter::from_fn(|| muxer.poll_piece()).collect())
}

/// What a file holds in the end.
fn join(pieces: Vec<Piece>) -> Vec<u8> {
    let mut file = Vec::new();
    pieces.iter().for_each(|piece| piece.store(&mut file).unwrap());
    file
}

fn file(options: Mp4MuxerOptions, streams: &[StreamParams], packets: &[Packet]) -> Vec<u8> {
    join(write_all(options, streams, &Metadata::new(), packets).unwrap())
}

fn round_trip(layout: Mp4Layout, streams: &[StreamParams], packets: &[Packet]) -> Contents {
    let file = file(options(layout), streams, packets);
    let contents = read(&file).unwrap();
    if !matches!(layout, Mp4Layout::IndexLast) {
        assert_eq!(read_pipe(&file).unwrap().packets.len(), contents.packets.len());
    }
    contents
}

/// The boxes on the outside.
fn outline(file: &[u8]) -> Vec<String> {
    let (mut at, mut kinds) = (0, Vec::new());
    while let Some(header) = file.get(at..at + 8) {
        kinds.push(String::from_utf8_lossy(&header[4..]).into_owned());
        let size = u32::from_be_bytes(header[..4].try_into().unwrap()) as usize;
        assert!(size >= 8, "a box of {size} bytes at {at}");
        at += size;
    }
    assert_eq!(at, file.len());
    kinds
}

/// Two seconds: pictures at 25 in a second, a key picture each second, with sound that its encoder begins early.
fn clip() -> (Vec<StreamParams>, Vec<Packet>) {
    let ticks = TimeBase::new(1, 25).unwrap();
    let pictures = (0..50).map(|n| Packet { key: n % 25 == 0, ..packet(0, n, 1) });
    let sounds = (0..95).map(|n| {
        let trim = Trim { start: if n == 0 { 1_024 } else { 0 }, end: 0 };
        Packet { trim, ..packet(1, (n - 1) * 1_024, 1_024) }
    });
    let mut packets: Vec<_> = pictures.chain(sounds).collect();
    let at = |packet: &Packet| if packet.stream == 0 { packet.dts * 48_000 / 25 } else { packet.dts };
    packets.sort_by_key(|packet| (at(packet), packet.stream));
    (vec![h264(ticks), aac()], packets)
}

#[test]
fn a_clip_comes_back_in_every_layout() {
    let (streams, packets) = clip();
    for layout in LAYOUTS {
        let back = round_trip(layout, &streams, &packets);
        assert_eq!(back.streams.len(), 2);
        assert_eq!((back.streams[0].codec, &back.streams[0].extradata[..]), (CodecId::H264, AVCC));
        assert_eq!(
            (back.streams[1].codec, &back.streams[1].extradata[..]),
            (CodecId::Aac, &[0x11, 0x90][..])
        );
        for (stream, params) in streams.iter().enumerate() {
            let clock = back.streams[stream].time_base;
            let ticks = |time| params.time_base.rescale(time, clock);
            let written = packets.iter().filter(|packet| packet.stream == stream);
            let expected: Vec<_> = written
                .map(|packet| {
                    (ticks(packet.pts), ticks(packet.dts), packet.key, packet.trim, packet.data.clone())
                })
                .collect();
            let read: Vec<_> = back
                .of(stream)
                .into_iter()
                .map(|packet| (packet.pts, packet.dts, packet.key, packet.trim, packet.data.clone()))
                .collect();
            assert_eq!(read, expected, "{layout:?}, stream {stream}");
        }
    }
}

#[test]
fn boxes_stand_where_the_layout_says() {
    let (streams, packets) = clip();
    let outline = |layout| outline(&file(options(layout), &streams, &packets));
    assert_eq!(outline(LAYOUTS[0]), ["ftyp", "free", "mdat", "moov"]);
    assert_eq!(outline(LAYOUTS[1]), ["ftyp", "moov", "free", "mdat"]);
    assert_eq!(outline(LAYOUTS[2]), ["ftyp", "moov", "moof", "mdat", "moof", "mdat", "mfra"]);
    let rule = |length, each_frame| FragmentRule { at_key_frames: false, each_frame, length, index: false };
    let half = Some(std::time::Duration::from_millis(520));
    assert_eq!(outline(Mp4Layout::Fragments(rule(half, false))).len(), 2 + 2 * 4);
    assert_eq!(outline(Mp4Layout::Fragments(rule(None, true))).len(), 2 + 2 * 50);
    // Sound alone, a second at a time.
    let sounds = packets.iter().filter(|packet| packet.stream == 1);
    let sounds: Vec<_> = sounds.map(|packet| Packet { stream: 0, ..packet.clone() }).collect();
    let alone = file(options(Mp4Layout::Fragments(rule(None, false))), &streams[1..], &sounds);
    assert_eq!(self::outline(&alone).len(), 2 + 2 * 3);
}

#[test]
fn a_small_file_byte_by_byte() {
    let packet = Packet { duration: 1_024, ..Packet::new(0, 0, Bytes::from_static(b"data")) };
    let file = file(options(Mp4Layout::IndexLast), &[aac()], &[packet]);
    let expected = [
        &b"\0\0\0\x1cftypisom\0\0\x02\0isomiso2mp41\0\0\0\x08free\0\0\0\x0cmdatdata"[..],
        b"\0\0\x02\x34moov\0\0\0\x6cmvhd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xbb\x80\0\0\x04\0\0\x01\0\0\x01\0",
        &[0; 10],
        b"\0\x01\0\0",
        &[0; 12],
        b"\0\x01\0\0",
        &[0; 12],
        b"\x40\0\0\0",
        &[0; 24],
        b"\0\0\0\x02\0\0\x01\xc0trak\0\0\0\x5ctkhd\0\0\0\x03",
    ];
    let expected = expected.concat();
    assert_eq!(&file[..expected.len()], expected);
    let tables = b"\0\0\0\x18stts\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\x04\0\0\0\0\x14stsz\0\0\0\0\0\0\0\x04\0\0\0\x01\
                   \0\0\0\x1cstsc\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x14stco\0\0\0\0\0\0\0\x01\0\0\0\x2c";
    assert!(file.ends_with(tables));
}

#[test]
fn a_fragmented_file_is_whole_wherever_a_fragment_ends() {
    let (streams, packets) = clip();
    let pieces = write_all(options(LAYOUTS[2]), &streams, &Metadata::new(), &packets).unwrap();
    // A fragment is due with the last packet in it: sound that begins at 47 * 1024 - 1024 samples.
    let at = |n: i64| TimeBase::hz(48_000).at(n * 1_024);
    let marks: Vec<_> = pieces.iter().map(|piece| (piece.key, piece.place, piece.at)).collect();
    assert_eq!(marks[..2], [(true, Place::Append, at(0)), (true, Place::Append, at(46))]);
    let bytes = |pieces: &[Piece]| join(pieces.to_vec());
    assert_eq!(read_pipe(&bytes(&pieces[..1])).unwrap().packets.len(), 0);
    let one = read_pipe(&bytes(&pieces[..2])).unwrap();
    assert_eq!((one.of(0).len(), one.streams.len()), (25, 2));
    // And one that breaks off within a fragment gives what is there of it.
    let whole = bytes(&pieces[..3]);
    let cut = read_pipe(&whole[..whole.len() - pieces[2].bytes.len() / 2]).unwrap();
    assert!((26..50).contains(&cut.of(0).len()), "{} pictures", cut.of(0).len());
}

#[test]
fn pictures_that_are_shown_in_another_order() {
    // I P B B, twice: dts begins before what is shown first.
    let shown = [0, 3, 1, 2, 4, 7, 5, 6];
    let packets: Vec<_> =
        (0i64..).zip(shown).map(|(n, pts)| Packet { pts, key: n % 4 == 0, ..packet(0, n - 1, 1) }).collect();
    for layout in LAYOUTS {
        let back = round_trip(layout, &[h264(TimeBase::hz(10_000))], &packets);
        let times: Vec<_> = back.of(0).iter().map(|packet| (packet.pts, packet.dts)).collect();
        assert_eq!(
            times,
            packets.iter().map(|packet| (packet.pts, packet.dts)).collect::<Vec<_>>(),
            "{layout:?}"
        );
    }
}

#[test]
fn streams_keep_their_distance() {
    // Pictures from 500 ms on, sound from 0; and the other way round, with an encoder's delay before it.
    let ticks = TimeBase::hz(10_000);
    let early = |stream, from: i64| (0..20).map(move |n| packet(stream, from + n * 400, 400));
    let sounds = |from: i64, trim| {
        (0..20).map(move |n| {
            let trim = Trim { start: if n == 0 { trim } else { 0 }, end: 0 };
            Packet { trim, ..packet(1, from + n * 1_024, 1_024) }
        })
    };
    for layout in LAYOUTS {
        let late: Vec<_> = sounds(0, 0).chain(early(0, 5_000)).collect();
        let back = round_trip(layout, &[h264(ticks), aac()], &late);
        assert_eq!((back.of(0)[0].pts, back.of(1)[0].pts), (5_000, 0), "{layout:?}");
        let late: Vec<_> = early(0, 0).chain(sounds(24_000 - 1_024, 1_024)).collect();
        let back = round_trip(layout, &[h264(ticks), aac()], &late);
        assert_eq!((back.of(0)[0].pts, back.of(1)[0].pts), (0, 24_000 - 1_024), "{layout:?}");
        assert_eq!(back.of(1)[0].trim.start, 1_024, "{layout:?}");
    }
}

#[test]
fn what_is_only_decoded_is_cut() {
    let packets: Vec<_> =
        (0..10).map(|n| Packet { discard: n < 4, key: n == 0, ..packet(0, n - 4, 1) }).collect();
    for layout in LAYOUTS {
        let back = round_trip(layout, &[h264(TimeBase::hz(10_000))], &packets);
        let discarded: Vec<_> = back.of(0).iter().map(|packet| (packet.pts, packet.discard)).collect();
        assert_eq!(discarded, (0..10).map(|n| (n - 4, n < 4)).collect::<Vec<_>>(), "{layout:?}");
    }
}

#[test]
fn what_stands_before_the_start_is_decoded_and_not_shown() {
    // As a copy that begins in the middle: from the key picture before, and the sound beside it.
    let ticks = TimeBase::hz(10_000);
    let pictures = (0..20).map(|n| Packet { key: n % 10 == 0, ..packet(0, n * 400 - 2_200, 400) });
    let sounds = (0..40).map(|n| packet(1, n * 1_024 - 10_000, 1_024));
    let packets: Vec<_> = pictures.chain(sounds).collect();
    for layout in LAYOUTS {
        let back = round_trip(layout, &[h264(ticks), aac()], &packets);
        let shown: Vec<_> = back.of(0).iter().map(|packet| (packet.pts, packet.discard)).collect();
        assert_eq!(
            shown,
            (0..20).map(|n| n * 400 - 2_200).map(|pts| (pts, pts < 0)).collect::<Vec<_>>(),
            "{layout:?}"
        );
        let heard =
            back.of(1).into_iter().find(|packet| !packet.discard && packet.trim.start < 1_024).unwrap();
        assert_eq!((heard.pts, heard.trim.start), (-784, 784), "{layout:?}");
    }
    let all = file(options(Mp4Layout::IndexLast), &[h264(ticks), aac()], &packets);
    let duration = read(&all).unwrap().streams[1].duration;
    assert_eq!(duration, Some(40 * 1_024 - 10_000));
}

#[test]
fn a_delay_of_several_packets_is_cut() {
    for layout in LAYOUTS {
        let trims = [576, 529, 0, 0];
        let packets: Vec<_> = (0i64..)
            .zip(trims)
            .map(|(n, start)| Packet { trim: Trim { start, end: 0 }, ..packet(0, n * 576 - 1_105, 576) })
            .collect();
        let back = round_trip(layout, &[sound(CodecId::Mp3, 24_000, &[])], &packets);
        let left: i64 = back
            .packets
            .iter()
            .filter(|packet| !packet.discard)
            .map(|packet| 576 - i64::from(packet.trim.start))
            .sum();
        assert_eq!(left, 4 * 576 - 1_105, "{layout:?}");
    }
}

#[test]
fn the_stream_that_says_so_is_the_one_to_choose() {
    let enabled = |defaults: [bool; 2]| -> Vec<bool> {
        let streams = defaults.map(|default| StreamParams { default, ..aac() });
        let packets = [packet(0, 0, 1_024), packet(1, 0, 1_024)];
        let back = round_trip(Mp4Layout::IndexLast, &streams, &packets);
        back.streams.iter().map(|params| params.default).collect()
    };
    assert_eq!(enabled([false, false]), [true, false]);
    assert_eq!(enabled([false, true]), [false, true]);
    assert_eq!(enabled([true, true]), [true, true]);
}

#[test]
fn rates_past_16_bits_are_told() {
    for (brand, codec) in [
        (Mp4Brand::Mp4, CodecId::Pcm(PcmFormat::S16Le)),
        (Mp4Brand::QuickTime, CodecId::Pcm(PcmFormat::S24Le)),
        (Mp4Brand::QuickTime, CodecId::Pcm(PcmFormat::F32Be)),
    ] {
        let params = sound(codec, 96_000, &[]);
        let CodecId::Pcm(format) = codec else { continue };
        let data = Bytes::from(vec![1; 960 * 2 * format.bytes()]);
        let packet = Packet { duration: 960, ..Packet::new(0, 0, data.clone()) };
        let options = Mp4MuxerOptions { brand, ..options(Mp4Layout::IndexLast) };
        let back = read(&file(options, std::slice::from_ref(&params), &[packet])).unwrap();
        assert_eq!(
            (back.streams[0].codec, back.streams[0].as_audio().unwrap().rate),
            (codec, 96_000),
            "{brand:?}"
        );
        assert_eq!(back.packets.iter().map(|packet| packet.data.len()).sum::<usize>(), data.len());
    }
}

#[test]
fn uncompressed_sound_does_not_change_in_the_middle() {
    let mut muxer = Mp4Muxer::new(options(Mp4Layout::IndexLast));
    muxer.add_stream(&sound(CodecId::Pcm(PcmFormat::S16Le), 8_000, &[])).unwrap();
    muxer.start(&Metadata::new()).unwrap();
    muxer.write(&Packet::new(0, 0, vec![0; 640].into())).unwrap();
    let said =
        muxer.change_params(0, &sound(CodecId::Pcm(PcmFormat::S16Le), 16_000, &[])).unwrap_err().to_string();
    assert!(said.starts_with("mp4: another rate, width or number of channels"), "{said}");
    muxer.finish().unwrap();
}

#[test]
fn priming_that_fills_a_fragment_is_cut_too() {
    let sounds = (0..20).map(|n| Packet { discard: n == 0, ..packet(1, (n - 1) * 1_024, 1_024) });
    let pictures = (0..10).map(|n| packet(0, n * 400, 400));
    let mut packets: Vec<_> = pictures.chain(sounds).collect();
    packets.sort_by_key(|packet| if packet.stream == 0 { packet.dts * 48 } else { packet.dts * 10 });
    let rule = FragmentRule { each_frame: true, ..FragmentRule::default() };
    let back = round_trip(Mp4Layout::Fragments(rule), &[h264(TimeBase::hz(10_000)), aac()], &packets);
    let times: Vec<_> = back.of(1).iter().map(|packet| (packet.pts, packet.trim.start)).collect();
    assert_eq!(times[..3], [(-1_024, 1_024), (0, 0), (1_024, 0)]);
}

#[test]
fn padding_at_the_end_is_cut_to_the_sample() {
    let mut packets: Vec<_> = (0..3).map(|n| packet(0, n * 1_024, 1_024)).collect();
    (packets[2].trim.end, packets[2].duration) = (1_000, 24);
    let file = file(options(Mp4Layout::IndexLast), &[aac()], &packets);
    let edit = [&b"elst\0\0\0\0\0\0\0\x01"[..], &2_072u32.to_be_bytes(), &[0; 4], b"\0\x01\0\0"].concat();
    assert!(file.windows(edit.len()).any(|window| window == edit));
    assert_eq!(read(&file).unwrap().streams[0].duration, Some(2_072));
}

#[test]
fn sound_on_a_coarse_clock_gets_its_own_back() {
    let mut params = aac();
    params.time_base = TimeBase::MILLIS;
    if let brooklet_media::StreamKind::Audio(audio) = &mut params.kind {
        audio.frame_samples = Some(1_024);
    }
    let millis = |n: i64| TimeBase::hz(48_000).rescale(n * 1_024, TimeBase::MILLIS);
    // A gap of 100 ms after ten is one.
    let packets: Vec<_> = (0..20).map(|n| packet(0, millis(n) + if n < 10 { 0 } else { 100 }, 21)).collect();
    let back = round_trip(Mp4Layout::IndexLast, &[params], &packets);
    let steps: Vec<_> = back.packets.windows(2).map(|two| two[1].pts - two[0].pts).collect();
    assert!(steps.iter().enumerate().all(|(n, step)| (n == 9) != (*step == 1_024)), "{steps:?}");
    assert!((5_800..5_850).contains(&steps[9]), "{steps:?}");
}

#[test]
fn uncompressed_sound_is_single_samples() {
    let formats = [PcmFormat::S16Le, PcmFormat::S16Be, PcmFormat::S24Le, PcmFormat::S32Be, PcmFormat::F32Le];
    let quicktime = [PcmFormat::U8, PcmFormat::Alaw, PcmFormat::Mulaw, PcmFormat::F64Le, PcmFormat::S24Be];
    let of = |brand: Mp4Brand, format| (brand, format);
    let all = formats.map(|format| of(Mp4Brand::Mp4, format)).into_iter();
    let all = all.chain(formats.map(|format| of(Mp4Brand::QuickTime, format)));
    let all = all.chain(quicktime.map(|format| of(Mp4Brand::QuickTime, format)));
    for (brand, format) in all {
        let params = sound(CodecId::Pcm(format), 8_000, &[]);
        let bytes = 2 * format.bytes();
        let packets: Vec<_> = (0..10)
            .map(|n| {
                let data: Vec<u8> = (0..160 * bytes).map(|at| (at as i64 + n) as u8).collect();
                // Half a second is missing after five.
                let at = n * 160 + if n < 5 { 0 } else { 4_000 };
                Packet { duration: 160, ..Packet::new(0, at, data.into()) }
            })
            .collect();
        for layout in LAYOUTS {
            let options = Mp4MuxerOptions { brand, ..options(layout) };
            let back = read(&file(options, std::slice::from_ref(&params), &packets)).unwrap();
            assert_eq!(back.streams[0].codec, params.codec, "{brand:?}");
            let audio = back.streams[0].as_audio().unwrap();
            assert_eq!((audio.rate, audio.layout), (8_000, ChannelLayout::Stereo), "{brand:?} {format:?}");
            let data = |packets: &[Packet]| {
                packets.iter().flat_map(|packet| packet.data.to_vec()).collect::<Vec<_>>()
            };
            assert_eq!(data(&back.packets), data(&packets), "{brand:?} {format:?} {layout:?}");
            let (first, last) = (back.packets.first().unwrap(), back.packets.last().unwrap());
            assert_eq!(
                (first.pts, last.pts + last.duration),
                (0, 1_600 + 4_000),
                "{brand:?} {format:?} {layout:?}"
            );
        }
    }
}

#[test]
fn every_codec_is_described() {
    let opus: &'static [u8] = Box::leak(
        OpusHead { channels: 2, pre_skip: 312, input_rate: 44_100, family: 0 }
            .build()
            .to_vec()
            .into_boxed_slice(),
    );
    let flac: &'static [u8] = &[
        16, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0x0A, 0xC4, 0x42, 0xF0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0,
    ];
    let sounds = [
        aac(),
        sound(CodecId::Mp3, 44_100, &[]),
        sound(CodecId::Mp3, 22_050, &[]),
        sound(CodecId::Opus, 48_000, opus),
        sound(CodecId::Flac, 44_100, flac),
    ];
    for params in sounds {
        let back = round_trip(Mp4Layout::IndexLast, std::slice::from_ref(&params), &[packet(0, 0, 960)]);
        let read = &back.streams[0];
        assert_eq!((read.codec, &read.extradata), (params.codec, &params.extradata));
        assert_eq!(read.as_audio().unwrap().rate, params.as_audio().unwrap().rate, "{}", params.codec);
    }
    let pictures = [
        (CodecId::Av1, Bytes::from_static(&[0x81, 0, 0x0C, 0])),
        (CodecId::Vp9, Bytes::from_static(&[0, 10, 0x82, 2, 2, 2, 0, 0])),
        (CodecId::Mpeg4, Bytes::from_static(&[0, 0, 1, 0xB0])),
        (CodecId::Mjpeg, Bytes::new()),
    ];
    for (codec, extradata) in pictures {
        let mut video = VideoParams::new(320, 180);
        video.sample_aspect = Rational::new(4, 3).unwrap();
        let params = StreamParams::video(codec, TimeBase::hz(25), video);
        let params = StreamParams { extradata, language: Some(*b"deu"), ..params };
        let back = round_trip(Mp4Layout::IndexLast, std::slice::from_ref(&params), &[packet(0, 0, 1)]);
        let read = &back.streams[0];
        let video = read.as_video().unwrap();
        assert_eq!((read.codec, &read.extradata, read.language), (codec, &params.extradata, params.language));
        assert_eq!((video.width, video.height, Some(video.sample_aspect)), (320, 180, Rational::new(4, 3)));
    }
    let quicktime = Mp4MuxerOptions { brand: Mp4Brand::QuickTime, ..options(Mp4Layout::IndexLast) };
    for params in [aac(), sound(CodecId::Mp3, 44_100, &[])] {
        let back = read(&file(quicktime, std::slice::from_ref(&params), &[packet(0, 0, 1_024)])).unwrap();
        assert_eq!((back.streams[0].codec, &back.streams[0].extradata), (params.codec, &params.extradata));
    }
    // 48 kHz, 3/2 channels and a subwoofer, 384 kbit/s.
    let ac3 = Packet {
        data: Bytes::from_static(&[0x0B, 0x77, 1, 2, 0x1C, 0x40, 0xE1, 0x80]),
        ..packet(0, 0, 1_536)
    };
    let back = round_trip(Mp4Layout::IndexLast, &[sound(CodecId::Ac3, 48_000, &[])], &[ac3]);
    assert_eq!(back.streams[0].as_audio().unwrap().layout.channels(), 6);
}

#[test]
fn parameters_change_in_a_file_with_one_index() {
    let wider = StreamParams { extradata: Bytes::from_static(&[0x12, 0x10]), ..aac() };
    let mut muxer = Mp4Muxer::new(options(Mp4Layout::IndexLast));
    muxer.add_stream(&aac()).unwrap();
    muxer.start(&Metadata::new()).unwrap();
    muxer.write(&packet(0, 0, 1_024)).unwrap();
    muxer.change_params(0, &wider).unwrap();
    muxer.write(&packet(0, 1_024, 1_024)).unwrap();
    muxer.change_params(0, &aac()).unwrap();
    muxer.write(&packet(0, 2_048, 1_024)).unwrap();
    muxer.finish().unwrap();
    let file = join(std::iter::from_fn(|| muxer.poll_piece()).collect());
    assert_eq!(file.windows(4).filter(|kind| kind == b"esds").count(), 2, "one description is used twice");
    let back = read(&file).unwrap();
    let changes: Vec<_> = back.changes.iter().map(|(at, params)| (*at, params.extradata.clone())).collect();
    assert_eq!(changes, [(1, wider.extradata), (2, aac().extradata)]);
}

#[test]
fn tags_read_back() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let tags = vec![
        pair("title", "Häuser"),
        pair("track", "3/9"),
        pair("compilation", "1"),
        pair("encoder", "another"),
        pair("major_brand", "has no place"),
    ];
    let read_tags = |brand| {
        let options = Mp4MuxerOptions { brand, ..Mp4MuxerOptions::default() };
        let file = join(write_all(options, &[aac()], &tags, &[packet(0, 0, 1_024)]).unwrap());
        common::metadata(&file)
    };
    let encoder = pair("encoder", concat!("brooklet ", env!("CARGO_PKG_VERSION")));
    for (brand, expected) in [
        (
            Mp4Brand::Ipod,
            vec![pair("title", "Häuser"), pair("track", "3/9"), pair("compilation", "1"), encoder.clone()],
        ),
        (Mp4Brand::QuickTime, vec![pair("title", "Häuser"), encoder.clone()]),
    ] {
        let read: Vec<_> = read_tags(brand)
            .into_iter()
            .filter(|(key, _)| !key.contains("brand") && key != "minor_version")
            .collect();
        assert_eq!(read, expected, "{brand:?}");
    }
}

#[test]
fn what_has_no_place_is_refused_by_name() {
    let words = |brand, params: &StreamParams| {
        let mut muxer = Mp4Muxer::new(Mp4MuxerOptions { brand, ..Mp4MuxerOptions::default() });
        muxer.add_stream(params).unwrap_err().to_string()
    };
    let g722 = sound(CodecId::G722, 16_000, &[]);
    assert!(words(Mp4Brand::Mp4, &g722).starts_with("g722 in mp4 is not supported; supported: h264,"));
    let opus = sound(CodecId::Opus, 48_000, &[]);
    assert!(words(Mp4Brand::QuickTime, &opus).starts_with("opus in mov is not supported"));
    let written = |streams: &[StreamParams], packets: &[Packet]| {
        write_all(options(Mp4Layout::IndexLast), streams, &Metadata::new(), packets).unwrap_err().to_string()
    };
    assert_eq!(written(&[], &[]), "mp4: there is no stream to write");
    let bare = StreamParams { extradata: Bytes::new(), ..h264(TimeBase::hz(25)) };
    assert_eq!(written(&[bare], &[packet(0, 0, 1)]), "mp4: h264 comes without its parameter sets");
    assert_eq!(written(&[opus], &[packet(0, 0, 1)]), "mp4: opus comes without its header");
    let back = [packet(0, 1_024, 1_024), packet(0, 0, 1_024)];
    assert_eq!(written(&[aac()], &back), "mp4: stream 0 goes back in time from dts 1024 to 0 (of 1/48000 s)");
    let before = Packet { pts: 0, ..packet(0, 1, 1) };
    assert_eq!(
        written(&[h264(TimeBase::hz(10_000))], &[before]),
        "mp4: pts 0 has no place beside dts 1 (of 1/10000 s)"
    );
}

#[test]
fn a_track_without_packets_is_left_out() {
    let back = round_trip(Mp4Layout::IndexLast, &[h264(TimeBase::hz(25)), aac()], &[packet(1, 0, 1_024)]);
    assert_eq!((back.streams.len(), back.streams[0].codec), (1, CodecId::Aac));
}

proptest! {
    #[test]
    fn any_times_come_back(
        steps in prop::collection::vec((0usize..2, 0i64..3_000, 0i64..5_000, any::<bool>(), 1usize..2_000), 1..200),
        start in 0i64..100_000,
        layout in 0usize..3,
    ) {
        let ticks = TimeBase::hz(48_000);
        let streams = [h264(ticks), aac()];
        let mut now = start;
        let mut packets = Vec::new();
        for (stream, step, later, key, size) in steps {
            now += step;
            let is_first = packets.iter().all(|packet: &Packet| packet.stream != stream);
            let key = key || stream == 1 || is_first;
            // No picture after a key picture in the stream is shown after the next one.
            let later = match stream {
                1 => 0,
                _ if key => 5_000,
                _ => later,
            };
            let data = Bytes::from(vec![packets.len() as u8; size]);
            packets.push(Packet { pts: now + later, key, ..Packet::new(stream, now, data) });
        }
        let back = round_trip(LAYOUTS[layout], &streams, &packets);
        let of = |packets: &[Packet], stream: usize| -> Vec<_> {
            let of = packets.iter().filter(|packet| packet.stream == stream);
            of.map(|packet| (packet.pts, packet.dts, packet.key, packet.data.clone())).collect()
        };
        for (index, params) in back.streams.iter().enumerate() {
            let stream = usize::from(params.codec == CodecId::Aac);
            let (read, written) = (of(&back.packets, index), of(&packets, stream));
            prop_assert_eq!(read, written);
        }
    }
}
