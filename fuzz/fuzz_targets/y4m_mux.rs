//! Pictures come back equal from YUV4MPEG2.

#![no_main]

use arbitrary::Unstructured;
use brooklet_format::{Y4mDemuxer, Y4mMuxer};
use brooklet_fuzz::reading::{self, Serving};
use brooklet_fuzz::writing;
use brooklet_media::{CodecId, Packet, PixelFormat, Rational, StreamParams, TimeBase, VideoParams};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = check(&mut Unstructured::new(input));
});

fn check(draw: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let format = *draw.choose(&PixelFormat::ALL)?;
    let video = VideoParams {
        format: Some(format),
        frame_rate: Rational::new(draw.arbitrary()?, draw.arbitrary()?),
        sample_aspect: Rational::new(draw.arbitrary()?, draw.arbitrary()?).unwrap_or(Rational::ONE),
        ..VideoParams::new(draw.int_in_range(0..=40)?, draw.int_in_range(0..=40)?)
    };
    let size = format.picture_bytes(video.width, video.height);
    let mut packets = Vec::new();
    while !draw.is_empty() && packets.len() < 20 {
        let mut picture = draw.bytes(size.min(draw.len()))?.to_vec();
        picture.resize(size, 0x55);
        packets.push(Packet::new(0, packets.len() as i64, picture.into()));
    }
    let params = StreamParams::video(CodecId::RawVideo, TimeBase::hz(25), video);
    let Ok(pieces) = writing::pieces(&mut Y4mMuxer::new(), &[params], &packets) else { return Ok(()) };
    let reading =
        reading::read(Y4mDemuxer::new(Serving::PIPE.source), &writing::file(&pieces), Serving::PIPE);
    assert_eq!(reading.error, None);
    assert!(reading.packets().map(|packet| &packet.data).eq(packets.iter().map(|packet| &packet.data)));
    Ok(())
}
