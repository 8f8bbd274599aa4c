//! Running demuxers and muxers over bytes in memory, for this crate's tests.

use brooklet_media::{DemuxEvent, DemuxStep, Demuxer, Metadata, Muxer, Packet, Result, Source, StreamParams};
use bytes::Bytes;

/// All that a demuxer found.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) streams: Vec<StreamParams>,
    pub(crate) packets: Vec<Packet>,
    /// Params and discontinuities, with how many packets came before.
    pub(crate) changes: Vec<(usize, DemuxEvent)>,
}

impl Read {
    /// The data of one stream, joined.
    pub(crate) fn data(&self, stream: usize) -> Vec<u8> {
        self.packets.iter().filter(|p| p.stream == stream).flat_map(|p| p.data.to_vec()).collect()
    }
}

/// What `file` yields when handed over in pieces of `step` bytes.
pub(crate) fn demux_stream(mut demuxer: impl Demuxer, file: &[u8], step: usize) -> Result<Read> {
    demux(&mut demuxer, file, step)
}

/// [`demux_stream`] of a demuxer that is wanted afterwards.
pub(crate) fn demux(demuxer: &mut dyn Demuxer, file: &[u8], step: usize) -> Result<Read> {
    let mut read = Read::default();
    let mut asked = 0;
    loop {
        match demuxer.step()? {
            DemuxStep::End => return Ok(read),
            DemuxStep::Read(at) => {
                let rest = usize::try_from(at).ok().and_then(|at| file.get(at..)).unwrap_or_default();
                if rest.is_empty() {
                    demuxer.finish();
                } else {
                    demuxer.push(Bytes::copy_from_slice(&rest[..rest.len().min(step)]));
                }
                asked += 1;
                assert!(asked < 10_000 + 10 * file.len(), "it asks for bytes for ever");
            }
            DemuxStep::Event(event) => match event {
                DemuxEvent::StreamAdded(params) => read.streams.push(params),
                DemuxEvent::Packet(packet) => read.packets.push(packet),
                DemuxEvent::HeaderRead => {}
                change => read.changes.push((read.packets.len(), change)),
            },
        }
        assert!(read.packets.len() < 100_000, "it yields packets for ever");
    }
}

/// The file that `packets` become, patches applied.
pub(crate) fn mux(mut muxer: impl Muxer, streams: &[StreamParams], packets: &[Packet]) -> Vec<u8> {
    let mut file = Vec::new();
    for stream in streams {
        muxer.add_stream(stream).unwrap();
    }
    muxer.start(&Metadata::new()).unwrap();
    drain(&mut muxer, &mut file);
    for packet in packets {
        muxer.write(packet).unwrap();
        drain(&mut muxer, &mut file);
    }
    muxer.finish().unwrap();
    drain(&mut muxer, &mut file);
    file
}

/// A source of so many bytes that can seek.
pub(crate) fn file_of(length: usize) -> Source {
    Source { seekable: true, length: Some(length as u64) }
}

/// Bits, most significant first, to make headers of.
#[derive(Clone, Default)]
pub(crate) struct Bits(Vec<bool>);

impl Bits {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The low `count` bits of `value`.
    pub(crate) fn bits(mut self, value: u32, count: u32) -> Self {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    /// An unsigned Exp-Golomb code.
    pub(crate) fn ue(self, value: u32) -> Self {
        let length = (value + 1).ilog2();
        self.bits(0, length).bits(value + 1, length + 1)
    }

    /// The bytes, with rbsp_trailing_bits.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.push(true);
        self.0
            .chunks(8)
            .map(|bits| (0..8).fold(0, |byte, i| byte << 1 | u8::from(bits.get(i) == Some(&true))))
            .collect()
    }
}

fn drain(muxer: &mut impl Muxer, file: &mut Vec<u8>) {
    while let Some(piece) = muxer.poll_piece() {
        piece.store(file).unwrap();
    }
}
