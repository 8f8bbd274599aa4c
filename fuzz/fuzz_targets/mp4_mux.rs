//! Good packets come back equal from an MP4 file of any layout; from any others comes a file that can be read.

#![no_main]

use std::time::Duration;

use arbitrary::Unstructured;
use brooklet_fuzz::reading::{self, Serving};
use brooklet_fuzz::{draw, streams, writing};
use brooklet_media::{CodecId, DemuxEvent, MediaKind, Packet, TimeBase};
use brooklet_mp4::{FragmentRule, Mp4Brand, Mp4Demuxer, Mp4Layout, Mp4Muxer, Mp4MuxerOptions};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

const VIDEO: [CodecId; 4] = [CodecId::H264, CodecId::Hevc, CodecId::Av1, CodecId::Vp9];
const AUDIO: [CodecId; 4] = [CodecId::Aac, CodecId::Mp3, CodecId::Opus, CodecId::Flac];

fuzz_target!(|input: &[u8]| {
    let mut draw = Unstructured::new(input);
    let is_good = draw.ratio(3, 4).unwrap_or(true);
    let Ok(options) = options(&mut draw) else { return };
    let mut muxer = Mp4Muxer::new(options);
    if is_good {
        let _ = check_good(&mut muxer, &mut draw);
    } else {
        writing::check_anything(&mut muxer, Mp4Demuxer::new, &mut draw);
    }
});

/// What the container changes is where the presentation begins, the clocks, and what an edit list marks.
fn check_good(muxer: &mut Mp4Muxer, draw: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let codecs = [*draw.choose(&VIDEO)?, *draw.choose(&AUDIO)?];
    let clock = TimeBase::hz(48_000);
    let packets = draw::good_packets(draw, &codecs, clock)?;
    let streams = codecs.map(|codec| streams::params(codec, clock));
    let Ok(pieces) = writing::pieces(muxer, &streams, &packets) else { return Ok(()) };
    let file = writing::file(&pieces);
    let reading = reading::read(Mp4Demuxer::new(Serving::FILE.source), &file, Serving::FILE);
    assert!(packets.is_empty() || reading.error.is_none(), "{:?}", reading.error);
    let mut numbers = Vec::new();
    for event in &reading.events {
        if let DemuxEvent::StreamAdded(params) = event {
            let number = usize::from(params.media() == MediaKind::Audio);
            assert_eq!(params.codec, codecs[number]);
            numbers.push(number);
        }
    }
    for (index, number) in numbers.iter().enumerate() {
        let of = |stream: usize, packets: &[&Packet]| -> Vec<Bytes> {
            let of = packets.iter().filter(|packet| packet.stream == stream && !packet.data.is_empty());
            of.map(|packet| packet.data.clone()).collect()
        };
        let read = of(index, &reading.packets().collect::<Vec<_>>());
        let written = of(*number, &packets.iter().collect::<Vec<_>>());
        // What need not be decoded for what is shown is not read.
        assert!(written.ends_with(&read), "stream {number}: {} of {} packets", read.len(), written.len());
        let begins_after_0 =
            packets.iter().find(|packet| packet.stream == *number).is_none_or(|first| first.pts >= 0);
        let is_sound = streams[*number].media() == MediaKind::Audio;
        assert!(!(is_sound && begins_after_0) || read == written, "stream {number}: {} packets", read.len());
    }
    Ok(())
}

fn options(draw: &mut Unstructured<'_>) -> arbitrary::Result<Mp4MuxerOptions> {
    let brand = *draw.choose(&[Mp4Brand::Mp4, Mp4Brand::Ipod, Mp4Brand::QuickTime])?;
    let [at_key_frames, each_frame, index] = draw.arbitrary()?;
    let length = draw.arbitrary::<Option<u16>>()?.map(|millis| Duration::from_millis(millis.into()));
    let fragments = Mp4Layout::Fragments(FragmentRule { at_key_frames, each_frame, length, index });
    let layout = *draw.choose(&[Mp4Layout::IndexLast, Mp4Layout::IndexFirst, fragments])?;
    Ok(Mp4MuxerOptions { brand, layout, bitexact: draw.arbitrary()? })
}
