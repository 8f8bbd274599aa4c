//! Good packets come back equal from an FLV file; from any others comes a file that can be read.

#![no_main]

use arbitrary::Unstructured;
use brooklet_flv::{FlvDemuxer, FlvMuxer, FlvMuxerOptions};
use brooklet_fuzz::reading::{self, Serving};
use brooklet_fuzz::{draw, streams, writing};
use brooklet_media::{CodecId, DemuxEvent, MediaKind, PcmFormat, TimeBase};
use libfuzzer_sys::fuzz_target;

const VIDEO: [CodecId; 5] = [CodecId::H264, CodecId::Hevc, CodecId::Av1, CodecId::Vp9, CodecId::Vp8];

const AUDIO: [CodecId; 10] = [
    CodecId::Aac,
    CodecId::Mp3,
    CodecId::Opus,
    CodecId::Flac,
    CodecId::Ac3,
    CodecId::Eac3,
    CodecId::Pcm(PcmFormat::U8),
    CodecId::Pcm(PcmFormat::S16Le),
    CodecId::Pcm(PcmFormat::Alaw),
    CodecId::Pcm(PcmFormat::Mulaw),
];

fuzz_target!(|input: &[u8]| {
    let mut draw = Unstructured::new(input);
    let is_good = draw.ratio(3, 4).unwrap_or(true);
    let Ok(options) = options(&mut draw) else { return };
    let mut muxer = FlvMuxer::new(options);
    if is_good {
        let _ = check_good(&mut muxer, &mut draw);
    } else {
        writing::check_anything(&mut muxer, FlvDemuxer::new, &mut draw);
    }
});

fn check_good(muxer: &mut FlvMuxer, draw: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let codecs = [*draw.choose(&VIDEO)?, *draw.choose(&AUDIO)?];
    let packets = draw::good_packets(draw, &codecs, TimeBase::MILLIS)?;
    let streams = codecs.map(|codec| streams::params(codec, TimeBase::MILLIS));
    let pieces = writing::pieces(muxer, &streams, &packets);
    let file = writing::file(&pieces.expect("good packets are taken"));
    let reading = reading::read(FlvDemuxer::new(Serving::PIPE.source), &file, Serving::PIPE);
    let mut numbers = Vec::new();
    for event in &reading.events {
        if let DemuxEvent::StreamAdded(params) = event {
            let number = usize::from(params.media() == MediaKind::Audio);
            assert_eq!(params.codec, codecs[number]);
            numbers.push(number);
        }
    }
    writing::assert_same_packets(&reading.packets().collect::<Vec<_>>(), &packets, &numbers);
    Ok(())
}

fn options(draw: &mut Unstructured<'_>) -> arbitrary::Result<FlvMuxerOptions> {
    let [no_duration_filesize, no_metadata, no_sequence_end] = draw.arbitrary()?;
    Ok(FlvMuxerOptions { no_duration_filesize, no_metadata, no_sequence_end })
}
