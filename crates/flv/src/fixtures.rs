//! Streams and drivers that the tests of this crate share.

use brooklet_media::bitstream::hevc::HvcConfig;
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, DemuxEvent, DemuxStep, Demuxer, Metadata, Muxer, Packet, PcmFormat,
    Rational, Result, Source, StreamParams, TimeBase, VideoParams,
};
use bytes::Bytes;

use crate::{FlvDemuxer, FlvMuxer, FlvMuxerOptions, Tag, TagKind};

/// x264, 320x180 at 25 fps, High.
pub(crate) const AVC_CONFIG: &[u8] = &[
    0x01, 0x64, 0x00, 0x0c, 0xff, 0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f,
    0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x42, 0x99, 0x60,
    0x01, 0x00, 0x06, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0, 0xfd, 0xf8, 0xf8, 0x00,
];

/// x265, 1920x1080, Main.
const HEVC_SPS: &[u8] = &[
    0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00,
    0x78, 0xa0, 0x03, 0xc0, 0x80, 0x10, 0xe5, 0x96, 0x56, 0x69, 0x24, 0xca, 0xe0, 0x10, 0x00, 0x00, 0x03,
    0x00, 0x10, 0x00, 0x00, 0x03, 0x01, 0xe0, 0x80,
];

/// FLAC, blocks of 1024 samples, 48 kHz, mono, 16 bits.
const STREAMINFO: &[u8; 34] =
    b"\x04\0\x04\0\0\0\0\0\x08\x15\x0b\xb8\x00\xf0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// An MP3 frame's header, 44.1 kHz stereo at 128 kbit/s.
const MP3_FRAME: &[u8] = b"\xff\xfb\x90\x64";

/// An AC-3 frame's start, 48 kHz mono.
const AC3_FRAME: &[u8] = b"\x0b\x77\x48\x0d\x0c\x40\x2f\x84";

/// An E-AC-3 frame's start, 48 kHz mono.
const EAC3_FRAME: &[u8] = b"\x0b\x77\x00\xbf\x32\x87\xc0\x00";

pub(crate) fn video(codec: CodecId) -> StreamParams {
    let extradata = match codec {
        CodecId::H264 => Bytes::from_static(AVC_CONFIG),
        CodecId::Hevc => {
            let units: [&[u8]; 3] = [&[0x40, 1, 12], HEVC_SPS, &[0x44, 1, 0xc1]];
            HvcConfig::from_units(units).unwrap().build()
        }
        CodecId::Av1 => Bytes::from_static(&[0x81, 0, 0x0c, 0, 10, 1, 0]),
        CodecId::Vp9 => Bytes::from_static(&[0, 11, 0x82, 2, 2, 2, 0, 0]),
        _ => Bytes::new(),
    };
    let params = VideoParams { frame_rate: Some(Rational::whole(25)), ..VideoParams::new(320, 180) };
    StreamParams { extradata, ..StreamParams::video(codec, TimeBase::MILLIS, params) }
}

pub(crate) fn audio(codec: CodecId) -> StreamParams {
    let (rate, layout) = match codec {
        CodecId::Mp3 => (44_100, ChannelLayout::Stereo),
        CodecId::Pcm(PcmFormat::Alaw | PcmFormat::Mulaw) => (8_000, ChannelLayout::Mono),
        CodecId::Pcm(_) => (22_050, ChannelLayout::Stereo),
        CodecId::Flac | CodecId::Ac3 | CodecId::Eac3 => (48_000, ChannelLayout::Mono),
        _ => (48_000, ChannelLayout::Stereo),
    };
    let extradata = match codec {
        CodecId::Aac => Bytes::from_static(&[0x11, 0x90]),
        CodecId::Opus => Bytes::from_static(b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0"),
        CodecId::Flac => Bytes::from_static(STREAMINFO),
        _ => Bytes::new(),
    };
    let params = AudioParams::new(rate, layout);
    StreamParams { extradata, ..StreamParams::audio(codec, TimeBase::MILLIS, params) }
}

/// `payload` with as much in front of it as the codec needs to be recognised.
pub(crate) fn frame(codec: CodecId, payload: &[u8]) -> Bytes {
    let head = match codec {
        CodecId::Mp3 => MP3_FRAME,
        CodecId::Ac3 => AC3_FRAME,
        CodecId::Eac3 => EAC3_FRAME,
        _ => b"frame",
    };
    [head, payload].concat().into()
}

pub(crate) fn tag(kind: TagKind, timestamp: i64, body: &[u8]) -> Tag {
    Tag { kind, timestamp, body: Bytes::copy_from_slice(body) }
}

/// The file that a seekable output would hold.
pub(crate) fn mux(
    options: FlvMuxerOptions,
    streams: &[StreamParams],
    metadata: &Metadata,
    packets: &[Packet],
) -> Result<Vec<u8>> {
    let mut muxer = FlvMuxer::new(options);
    streams.iter().try_for_each(|params| muxer.add_stream(params))?;
    muxer.start(metadata)?;
    packets.iter().try_for_each(|packet| muxer.write(packet))?;
    muxer.finish()?;
    Ok(collect(&mut muxer))
}

/// Everything that `muxer` has to say, patches in their places.
pub(crate) fn collect(muxer: &mut FlvMuxer) -> Vec<u8> {
    let mut file = Vec::new();
    while let Some(piece) = muxer.poll_piece() {
        piece.store(&mut file).unwrap();
    }
    file
}

/// Everything in `file`, handed over in chunks of this many bytes.
pub(crate) fn demux(file: &[u8], chunk: usize) -> Result<Vec<DemuxEvent>> {
    let mut demuxer = FlvDemuxer::new(Source::default());
    let mut events = Vec::new();
    loop {
        match demuxer.step()? {
            DemuxStep::Read(at) => match file.get(at as usize..).filter(|rest| !rest.is_empty()) {
                Some(rest) => demuxer.push(Bytes::copy_from_slice(&rest[..chunk.min(rest.len())])),
                None => demuxer.finish(),
            },
            DemuxStep::Event(event) => events.push(event),
            DemuxStep::End => return Ok(events),
        }
    }
}

pub(crate) fn packets(events: Vec<DemuxEvent>) -> Vec<Packet> {
    let packet = |event| match event {
        DemuxEvent::Packet(packet) => Some(packet),
        _ => None,
    };
    events.into_iter().filter_map(packet).collect()
}
