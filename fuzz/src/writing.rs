//! A muxer, and what comes of it.

use arbitrary::Unstructured;
use brooklet_media::{
    CodecId, Demuxer, Metadata, Muxer, Packet, Piece, Result, Source, StreamParams, TimeBase,
};
use bytes::Bytes;

use crate::draw;
use crate::reading::{self, Serving};
use crate::streams;

/// A muxer that holds one stream and keeps no times: what is in good packets comes back equal; from any others comes
/// what can be read.
///
/// # Panics
///
/// Where it does not.
pub fn check_single<M: Muxer, D: Demuxer>(
    muxer: impl Fn() -> M,
    demuxer: impl Fn(Source) -> D,
    codec: CodecId,
    input: &[u8],
) {
    let mut draw = Unstructured::new(input);
    if !draw.ratio(3, 4).unwrap_or(true) {
        return check_anything(&mut muxer(), demuxer, &mut draw);
    }
    let params = streams::params(codec, TimeBase::MILLIS);
    let Ok(packets) = draw::good_packets(&mut draw, &[codec], TimeBase::MILLIS) else { return };
    let pieces = pieces(&mut muxer(), &[params], &packets).expect("good packets are taken");
    let reading = reading::read(demuxer(Serving::PIPE.source), &file(&pieces), Serving::PIPE);
    assert!(packets.is_empty() || reading.error.is_none(), "{:?}", reading.error);
    // Sound as it is has no packets of its own.
    let is_run = matches!(codec, CodecId::Pcm(_));
    let contents = |packets: Vec<&Packet>| -> Vec<Bytes> {
        let data: Vec<_> = packets.iter().map(|packet| packet.data.clone()).collect();
        if is_run { vec![data.concat().into()] } else { data }
    };
    assert_eq!(contents(reading.packets().collect()), contents(packets.iter().collect()));
}

/// A muxer that is given anything: what comes of it can be read.
///
/// # Panics
///
/// Where it can't.
pub fn check_anything<D: Demuxer>(
    muxer: &mut impl Muxer,
    demuxer: impl Fn(Source) -> D,
    draw: &mut Unstructured<'_>,
) {
    let file = file(&pieces_of_anything(muxer, draw));
    reading::read(demuxer(Serving::PIPE.source), &file, Serving::PIPE);
}

/// All pieces of a muxer that is given these streams and packets.
///
/// # Errors
///
/// What the muxer refuses.
pub fn pieces(muxer: &mut dyn Muxer, streams: &[StreamParams], packets: &[Packet]) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    streams.iter().try_for_each(|params| muxer.add_stream(params))?;
    muxer.start(&metadata())?;
    for packet in packets {
        muxer.write(packet)?;
        pieces.extend(std::iter::from_fn(|| muxer.poll_piece()));
    }
    muxer.finish()?;
    pieces.extend(std::iter::from_fn(|| muxer.poll_piece()));
    Ok(pieces)
}

/// All pieces of a muxer that is given anything, in nearly any order; what it refuses is left out.
fn pieces_of_anything(muxer: &mut dyn Muxer, draw: &mut Unstructured<'_>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for _ in 0..draw.int_in_range(0..=3).unwrap_or(1) {
        let _ = draw::any_params(draw).map(|params| muxer.add_stream(&params));
    }
    if muxer.start(&metadata()).is_err() {
        return pieces;
    }
    for _ in 0..draw::MAX_PACKETS {
        if draw.is_empty() {
            break;
        }
        let stream = draw.int_in_range(0..=3).unwrap_or(0);
        let _ = match draw.ratio(1, 16) {
            Ok(true) => draw::any_params(draw).map(|params| muxer.change_params(stream, &params)),
            _ => draw::any_packet(draw).map(|packet| muxer.write(&packet)),
        };
        pieces.extend(std::iter::from_fn(|| muxer.poll_piece()));
    }
    let _ = muxer.finish();
    pieces.extend(std::iter::from_fn(|| muxer.poll_piece()));
    pieces
}

/// What an output that can seek holds in the end.
///
/// # Panics
///
/// Where a piece goes to what was not written.
pub fn file(pieces: &[Piece]) -> Vec<u8> {
    let mut file = Vec::new();
    for piece in pieces {
        piece.store(&mut file).unwrap_or_else(|error| panic!("{error}"));
    }
    file
}

/// The packets that were read are those that were written, moved in time all alike, of the streams that `numbers`
/// gives for those of the reader.
///
/// # Panics
///
/// Where they are others.
pub fn assert_same_packets(read: &[&Packet], written: &[Packet], numbers: &[usize]) {
    let origin = read.first().zip(written.first()).map_or(0, |(read, written)| read.dts - written.dts);
    for (index, (read, written)) in read.iter().zip(written).enumerate() {
        let back = Packet {
            stream: numbers.get(read.stream).copied().unwrap_or(usize::MAX),
            pts: read.pts - origin,
            dts: read.dts - origin,
            duration: written.duration,
            trim: written.trim,
            ..(*read).clone()
        };
        assert!(back == *written, "packet {index} of {}: {back:?} was {written:?}", read.data.len());
    }
    assert_eq!(read.len(), written.len(), "number of packets");
}

fn metadata() -> Metadata {
    vec![("title".into(), "a title".into())]
}
