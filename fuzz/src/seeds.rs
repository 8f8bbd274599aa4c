//! Small valid inputs for each target, made by our own writers; and pieces of real clips, where there are some.

mod clips;
mod files;
mod radio;
mod rtmp;
#[path = "../../crates/mp4/tests/common/mod.rs"]
// The writer of that reader's own tests.
mod tiny_mp4;

use brooklet_media::TimeBase;
use brooklet_media::bitstream::nal;
use brooklet_media::bitstream::opus::OpusHead;
use brooklet_media::{CodecId, MediaKind, PcmFormat};
use brooklet_rtp::{ReportBlock, Rtcp, RtpPacket, SenderInfo};
use brooklet_webrtc::{Certificate, Session, SessionOptions};
use bytes::Bytes;

use crate::{coded, decoding, streams};

/// Inputs of one target.
#[derive(Debug)]
pub struct Seeds {
    /// Its name.
    pub target: &'static str,
    /// What it begins with.
    pub inputs: Vec<Vec<u8>>,
}

/// How files are served ([`crate::reading::Serving`]): as a pipe; seekable, of known length, in chunks of 500 bytes,
/// and sought in.
const SERVINGS: [u8; 3] = [0, 0b0001_0011, 0b0111_0011];

/// The seeds of all targets.
pub fn all() -> Vec<Seeds> {
    let mut files = files::all();
    files.extend(clips::all());
    let mut all = rtmp::all();
    all.extend(headers());
    all.extend(voice());
    all.push(offers());
    all.push(relays());
    all.extend(radio::all());
    for (target, coded) in [
        ("h264_decode", coded::h264()),
        ("aac_decode", coded::aac()),
        ("mp3_decode", coded::mp3()),
        ("opus_decode", coded::opus()),
        ("g722_decode", coded::g722()),
        ("flac_decode", coded::flac()),
    ] {
        let clips = clips::packets(coded.0.codec);
        let inputs = [decoding::input(&coded.1)]
            .into_iter()
            .chain(clips.iter().map(|packets| decoding::input(packets)));
        all.push(Seeds { target, inputs: inputs.collect() });
    }
    for target in [
        "flv_mux",
        "mp4_mux",
        "mpegts_mux",
        "adts_mux",
        "h264_mux",
        "mp3_mux",
        "ogg_mux",
        "wav_mux",
        "y4m_mux",
    ] {
        all.push(Seeds {
            target,
            inputs: [60, 300, 2_000].into_iter().flat_map(|size| noise(target, size)).collect(),
        });
    }
    let heads = files.iter().map(|(_, file)| file[..file.len().min(6_000)].to_vec());
    all.push(Seeds { target: "probe", inputs: heads.collect() });
    let streams = files.iter().filter(|(target, _)| *target == "mpegts_demux").map(|(_, file)| file.clone());
    all.push(Seeds { target: "mpegts_check", inputs: streams.collect() });
    let served = |file: Vec<u8>| SERVINGS.map(|serving| [&[serving], &file[..]].concat()).to_vec();
    all.extend(files.into_iter().map(|(target, file)| Seeds { target, inputs: served(file) }));
    all
}

/// Packets, reports and descriptions of RTP.
fn voice() -> Vec<Seeds> {
    let packet = |payload: &[u8]| {
        let payload = Bytes::copy_from_slice(payload);
        RtpPacket { payload_type: 96, marker: true, sequence: 65_535, timestamp: 160, ssrc: 1, payload }
            .write()
    };
    let reports = vec![ReportBlock { ssrc: 2, lost: 3, ..ReportBlock::default() }];
    let report = Rtcp::SenderReport { ssrc: 1, info: SenderInfo::default(), reports };
    let compound = Rtcp::write(&[report, Rtcp::Cname(vec![(1, "a@b".into())]), Rtcp::Bye(vec![1])]);
    let text = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 239.0.0.1/8\r\nt=0 0\r\n\
        m=audio 5004 RTP/AVP 97 0\r\na=rtpmap:97 L16/44100/2\r\na=ptime:20\r\n\
        m=video 5006 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=rtcp:6000\r\n";
    let stream: Vec<u8> = (0..40u8).flat_map(|n| [&[40, 0, 20][..], &packet(&[n; 8])].concat()).collect();
    let of = |target, inputs| Seeds { target, inputs };
    vec![
        of("rtp_packet", vec![packet(b"media").to_vec()]),
        of("rtcp", vec![compound.to_vec()]),
        of("sdp", vec![text.to_vec()]),
        of("rtp_receiver", vec![stream.clone()]),
        of("rtp_playout", vec![stream.clone(), vec![0x55; 600]]),
        of("rtp_depacketize", (0..7).map(|kind| [&[kind], &stream[..]].concat()).collect()),
    ]
}

/// Offers of WebRTC, as ours are; of a browser's the same with more lines.
fn offers() -> Seeds {
    let (now, address) = (std::time::Instant::now(), std::net::SocketAddr::from(([127, 0, 0, 1], 4_000)));
    let offer = || {
        let certificate = Certificate::generate(std::time::Duration::from_secs(1_800_000_000)).ok()?;
        let send = [streams::params(CodecId::Opus, TimeBase::hz(48_000))];
        let receive = [MediaKind::Video, MediaKind::Audio];
        Session::offer(&SessionOptions::new(certificate), now, &send, &receive, &[address]).ok()
    };
    let offer = offer().map(|(_, text)| text.into_bytes());
    Seeds { target: "webrtc_offer", inputs: offer.into_iter().collect() }
}

/// A TURN server that names its realm, gives a relay and a channel, and sends what a peer sent: each with what is to be done to it, as
/// the target reads it.
fn relays() -> Seeds {
    // After the header, which the target writes, the attributes; the first bit says whether it is a refusal.
    let answer = |how: u8, first: u8, attributes: &[u8]| {
        let whole = [&[first][..], &[0; 19], attributes].concat();
        [&[how, whole.len() as u8][..], &whole].concat()
    };
    let refusal = answer(1, 1, b"\0\x09\0\x04\0\0\x04\x01\0\x14\0\x04here\0\x15\0\x02n1\0\0");
    let relay = answer(0b1011, 0, b"\0\x16\0\x08\0\x01\xe1\x12\x5e\x12\xa4\x43\0\x0d\0\x04\0\0\0\x3c");
    let channel = answer(0b1111, 0, b"");
    let data = b"\x08\x06\x40\0\0\x02hi".to_vec();
    Seeds { target: "stun", inputs: vec![[refusal, relay, channel, data].concat()] }
}

const AV1: &[u8] = &[0x0A, 0x0B, 0, 0, 0, 3, 0xBD, 0x7C, 0x79, 0xB5, 0xF2, 0, 0x80];

/// Headers of codecs.
fn headers() -> [Seeds; 2] {
    let extradata = |codec| streams::params(codec, TimeBase::MILLIS).extradata.to_vec();
    let coded = coded::h264().0.extradata.to_vec();
    let sets = [extradata(CodecId::H264), coded].into_iter().flat_map(|record| {
        let sps = record.get(8..).map(<[u8]>::to_vec);
        [Some(record), sps].into_iter().flatten()
    });
    let unit = |codec| streams::access_unit(codec, true, b"payload");
    let mut stream = Vec::new();
    nal::length_prefixed_units(&unit(CodecId::H264), 4).for_each(|unit| nal::write_annexb(unit, &mut stream));
    let hevc = extradata(CodecId::Hevc);
    let others = [
        (0, hevc.clone()),
        (1, hevc.get(36..).unwrap_or_default().to_vec()),
        (2, extradata(CodecId::Aac)),
        (2, vec![0x2B, 0x92, 0x08, 0x00]),
        (2, vec![0xFF, 0xF1, 0x4C, 0x80, 0x10, 0x1F, 0xFC]),
        (3, unit(CodecId::Mp3).to_vec()),
        (4, OpusHead { channels: 2, pre_skip: 312, input_rate: 44_100, family: 0 }.build().to_vec()),
        (4, unit(CodecId::Opus).to_vec()),
        (5, stream),
        // libaom's sequence header, in its unit and without it.
        (6, AV1.to_vec()),
        (6, AV1[2..].to_vec()),
        (7, vec![2, 31, 0xA3, 9, 16, 9, 0, 0]),
    ];
    let others = others.into_iter().map(|(kind, bytes)| [&[kind], &bytes[..]].concat());
    [
        Seeds { target: "h264_params", inputs: sets.collect() },
        Seeds { target: "codec_headers", inputs: others.collect() },
    ]
}

/// For targets that make packets of any bytes: four inputs that look like chance and are always the same.
fn noise(target: &str, size: usize) -> Vec<Vec<u8>> {
    let seed = target.bytes().fold(size as u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    (0..4)
        .map(|number| {
            let mut state = seed ^ (number << 32);
            let mut byte = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            };
            (0..size).map(|_| byte()).collect()
        })
        .collect()
}

/// Uncompressed sound in a file of its own.
const SOUND: CodecId = CodecId::Pcm(PcmFormat::S16Le);
