//! Good packets come back equal from a transport stream that breaks no rule; from any others comes a stream that
//! can be read.

#![no_main]

use arbitrary::Unstructured;
use brooklet_fuzz::reading::{self, Reading, Serving};
use brooklet_fuzz::{draw, streams, writing};
use brooklet_media::{CodecId, DemuxEvent, Packet, Piece, TimeBase};
use brooklet_mpegts::{TsDemuxer, TsMuxer, TsMuxerOptions};
use libfuzzer_sys::fuzz_target;

const CODECS: [CodecId; 7] = [
    CodecId::H264,
    CodecId::Hevc,
    CodecId::Aac,
    CodecId::Mp3,
    CodecId::Opus,
    CodecId::Ac3,
    CodecId::Eac3,
];

fuzz_target!(|input: &[u8]| {
    let mut draw = Unstructured::new(input);
    let _ = if draw.ratio(3, 4).unwrap_or(true) { good(&mut draw) } else { anything(&mut draw) };
});

fn good(draw: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let first = draw.choose_index(CODECS.len())?;
    let codecs = &CODECS[first..CODECS.len().min(first + draw.int_in_range(1..=3)?)];
    let options = options(draw)?;
    let packets = draw::good_packets(draw, codecs, TimeBase::MPEG)?;
    let streams: Vec<_> = codecs.iter().map(|codec| streams::params(*codec, TimeBase::MPEG)).collect();
    let pieces = writing::pieces(&mut TsMuxer::new(options), &streams, &packets).expect("good packets are taken");
    let reading = read(&pieces);
    let added: Vec<_> = reading
        .events
        .iter()
        .filter_map(|event| match event {
            DemuxEvent::StreamAdded(params) => Some(params),
            _ => None,
        })
        .collect();
    let number = |codec| codecs.iter().position(|known| *known == codec).unwrap_or(usize::MAX);
    let numbers: Vec<_> = added.iter().map(|params| number(params.codec)).collect();
    // Streams come out of step: each PES packet is whole when the next one of its stream begins.
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

fn anything(draw: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let mut muxer = TsMuxer::new(options(draw)?);
    read(&writing::pieces_of_anything(&mut muxer, draw));
    Ok(())
}

fn read(pieces: &[Piece]) -> Reading {
    let is_datagram = |piece: &Piece| piece.bytes.len() % 188 == 0 && (188..=1_316).contains(&piece.bytes.len());
    assert!(pieces.iter().all(is_datagram));
    assert!(pieces.iter().all(|piece| piece.bytes.chunks(188).all(|packet| packet[0] == 0x47)));
    assert!(pieces.is_sorted_by_key(|piece| piece.at), "times of pieces go back");
    let stream = writing::file(pieces);
    reading::read(TsDemuxer::new(Serving::PIPE.source), &stream, Serving::PIPE)
}

fn options(draw: &mut Unstructured<'_>) -> arbitrary::Result<TsMuxerOptions> {
    let muxrate = if draw.arbitrary()? { Some(draw.int_in_range(500_000..=20_000_000)?) } else { None };
    let usual = if draw.arbitrary()? { TsMuxerOptions::live() } else { TsMuxerOptions::default() };
    Ok(TsMuxerOptions { muxrate, ..usual })
}
