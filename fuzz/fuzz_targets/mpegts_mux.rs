//! Good packets come back equal from a transport stream that breaks no rule; from any others comes a stream that
//! can be read.

#![no_main]

use arbitrary::Unstructured;
use brooklet_fuzz::reading::{self, Reading, Serving};
use brooklet_fuzz::{draw, streams, writing};
use brooklet_media::{CodecId, DemuxEvent, Packet, Piece, TimeBase};
use brooklet_mpegts::{TsDemuxer, TsMuxer, TsMuxerOptions};
use libfuzzer_sys::fuzz_target;

const CODECS: [CodecId; 7] =
    [CodecId::H264, CodecId::Hevc, CodecId::Aac, CodecId::Mp3, CodecId::Opus, CodecId::Ac3, CodecId::Eac3];

fuzz_target!(|input: &[u8]| {
    let mut draw = Unstructured::new(input);
    let is_good = draw.ratio(3, 4).unwrap_or(true);
    let Ok(options) = options(&mut draw) else { return };
    let mut muxer = TsMuxer::new(options);
    if is_good {
        let _ = check_good(&mut muxer, &mut draw);
    } else {
        writing::check_anything(&mut muxer, TsDemuxer::new, &mut draw);
    }
});

fn check_good(muxer: &mut TsMuxer, draw: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let first = draw.choose_index(CODECS.len())?;
    let codecs = &CODECS[first..CODECS.len().min(first + draw.int_in_range(1..=3)?)];
    let packets = draw::good_packets(draw, codecs, TimeBase::MPEG)?;
    let streams: Vec<_> = codecs.iter().map(|codec| streams::params(*codec, TimeBase::MPEG)).collect();
    let pieces = writing::pieces(muxer, &streams, &packets).expect("good packets are taken");
    let reading = read(&pieces);
    let mut added = Vec::new();
    for event in &reading.events {
        match event {
            DemuxEvent::StreamAdded(params) => added.push(params),
            // A stream whose first packet comes late is added before it is known.
            DemuxEvent::Params { stream, params } => added[*stream] = params,
            _ => {}
        }
    }
    let number = |codec| codecs.iter().position(|known| *known == codec).unwrap_or(usize::MAX);
    let numbers: Vec<_> = added.iter().map(|params| number(params.codec)).collect();
    // Streams come out of step: an access unit is known to be whole when the next one of its stream begins.
    let of = |packets: &[Packet], stream: usize| -> Vec<Packet> {
        packets.iter().filter(|packet| packet.stream == stream).cloned().collect()
    };
    let read: Vec<_> = reading.packets().cloned().collect();
    for (number, stream) in numbers.iter().enumerate() {
        let (read, written) = (of(&read, number), of(&packets, *stream));
        writing::assert_same_packets(&read.iter().collect::<Vec<_>>(), &written, &numbers);
        if !written.is_empty() {
            assert_eq!(added[number].extradata, streams[*stream].extradata);
        }
    }
    assert_eq!(read.len(), packets.len(), "{read:?} of {packets:?} of {streams:?}");
    Ok(())
}

fn read(pieces: &[Piece]) -> Reading {
    let is_datagram =
        |piece: &Piece| piece.bytes.len().is_multiple_of(188) && (188..=1_316).contains(&piece.bytes.len());
    assert!(pieces.iter().all(is_datagram));
    assert!(pieces.iter().all(|piece| piece.bytes.chunks(188).all(|packet| packet[0] == 0x47)));
    assert!(pieces.is_sorted_by_key(|piece| piece.at), "times of pieces go back");
    let stream = writing::file(pieces);
    reading::read(TsDemuxer::new(Serving::PIPE.source), &stream, Serving::PIPE)
}

fn options(draw: &mut Unstructured<'_>) -> arbitrary::Result<TsMuxerOptions> {
    let muxrate = if draw.arbitrary()? { Some(draw.int_in_range(500_000..=2_000_000)?) } else { None };
    let usual = if draw.arbitrary()? { TsMuxerOptions::live() } else { TsMuxerOptions::default() };
    Ok(TsMuxerOptions { muxrate, ..usual })
}
