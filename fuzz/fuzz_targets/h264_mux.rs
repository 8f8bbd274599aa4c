//! The units of good packets come back equal from an H.264 byte stream; from any others comes what can be read.

#![no_main]

use arbitrary::Unstructured;
use brooklet_format::{AnnexbDemuxer, AnnexbMuxer};
use brooklet_fuzz::reading::{self, Serving};
use brooklet_fuzz::{draw, streams, writing};
use brooklet_media::bitstream::h264::{NAL_PPS, NAL_SPS, nal_type};
use brooklet_media::bitstream::nal;
use brooklet_media::{CodecId, Source, TimeBase};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut draw = Unstructured::new(input);
    if draw.ratio(3, 4).unwrap_or(true) {
        let _ = check_good(&mut draw);
    } else {
        writing::check_anything(&mut AnnexbMuxer::h264(), demuxer, &mut draw);
    }
});

/// The demuxer would leave out pictures whose slices can't be read, as none of these can: so the units are compared.
fn check_good(draw: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let params = streams::params(CodecId::H264, TimeBase::MILLIS);
    let packets = draw::good_packets(draw, &[CodecId::H264], TimeBase::MILLIS)?;
    let pieces =
        writing::pieces(&mut AnnexbMuxer::h264(), &[params], &packets).expect("good packets are taken");
    let stream = writing::file(&pieces);
    reading::read(demuxer(Serving::PIPE.source), &stream, Serving::PIPE);
    let is_media = |unit: &&[u8]| !matches!(nal_type(unit), NAL_SPS | NAL_PPS);
    let written = packets.iter().flat_map(|packet| nal::length_prefixed_units(&packet.data, 4));
    assert!(nal::annexb_units(&stream).filter(is_media).eq(written));
    Ok(())
}

fn demuxer(source: Source) -> AnnexbDemuxer {
    AnnexbDemuxer::h264(source, None)
}
