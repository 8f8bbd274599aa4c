//! A tiny writer of MP4 files, and a driver of the demuxer, for tests.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use brooklet_media::{DemuxEvent, DemuxStep, Demuxer, Metadata, Packet, Result, Source, StreamParams};
use brooklet_mp4::Mp4Demuxer;
use bytes::Bytes;

/// What a track holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// H.264 without a usable configuration.
    Video,
    /// AAC-LC.
    Aac,
    /// 16-bit little-endian mono, one sample of 2 bytes each.
    Pcm,
}

/// One sample.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sample {
    pub(crate) data: Vec<u8>,
    pub(crate) duration: u32,
    /// pts minus dts.
    pub(crate) offset: i32,
    pub(crate) key: bool,
}

/// One track, of `rate` ticks a second.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Track {
    pub(crate) kind: Kind,
    pub(crate) rate: u32,
    pub(crate) samples: Vec<Sample>,
    /// Milliseconds, and media time in ticks (-1: empty).
    pub(crate) edits: Vec<(u32, i32)>,
    /// The chunk, from 1, that begins a second description: pictures twice as wide.
    pub(crate) wider_from: Option<usize>,
}

impl Track {
    /// `count` samples of `duration` ticks; every `gop`th is a key sample.
    pub(crate) fn new(kind: Kind, rate: u32, count: u32, duration: u32, gop: u32) -> Self {
        let sample = |number: u32| Sample {
            data: vec![number as u8; if kind == Kind::Pcm { 2 } else { 5 + number as usize % 7 }],
            duration,
            offset: 0,
            key: number.is_multiple_of(gop),
        };
        Self { kind, rate, samples: (0..count).map(sample).collect(), edits: Vec::new(), wider_from: None }
    }
}

/// How a file is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    pub(crate) moov_first: bool,
    /// 64-bit offsets, and a 64-bit size of the `mdat`.
    pub(crate) wide: bool,
    /// Samples in a chunk, or in a fragment.
    pub(crate) group: usize,
    pub(crate) fragmented: bool,
}

impl Layout {
    pub(crate) const PLAIN: Self = Self { moov_first: true, wide: false, group: 4, fragmented: false };
    pub(crate) const FRAGMENTED: Self = Self { fragmented: true, ..Self::PLAIN };
}

/// A box.
pub(crate) fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], &body].concat()
}

/// A full box of version 0 without flags.
pub(crate) fn full(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    boxed(kind, &[&[0; 4], &parts.concat()])
}

/// Writes a file.
pub(crate) fn write(tracks: &[Track], layout: Layout) -> Vec<u8> {
    let ftyp = boxed(b"ftyp", &[b"isom\0\0\x02\0isom"]);
    if layout.fragmented {
        let mut file = [ftyp, moov(tracks, &vec![Vec::new(); tracks.len()], layout)].concat();
        write_fragments(tracks, layout, &mut file);
        return file;
    }
    // The size of the moov does not depend on the offsets in it.
    let blank: Vec<_> =
        tracks.iter().map(|track| vec![0; track.samples.len().div_ceil(layout.group)]).collect();
    let moov_bytes = if layout.moov_first { moov(tracks, &blank, layout).len() } else { 0 };
    let header = if layout.wide { 16 } else { 8 };
    let mut offsets = vec![Vec::new(); tracks.len()];
    let mut media = Vec::new();
    let rounds = blank.iter().map(Vec::len).max().unwrap_or(0);
    for round in 0..rounds {
        for (track, offsets) in tracks.iter().zip(&mut offsets) {
            if let Some(chunk) = track.samples.chunks(layout.group).nth(round) {
                offsets.push((ftyp.len() + moov_bytes + header + media.len()) as u64);
                chunk.iter().for_each(|sample| media.extend_from_slice(&sample.data));
            }
        }
    }
    let mdat = match layout.wide {
        true => [&1u32.to_be_bytes()[..], b"mdat", &(media.len() as u64 + 16).to_be_bytes(), &media].concat(),
        false => boxed(b"mdat", &[&media]),
    };
    let moov = moov(tracks, &offsets, layout);
    if layout.moov_first { [ftyp, moov, mdat].concat() } else { [ftyp, mdat, moov].concat() }
}

fn moov(tracks: &[Track], offsets: &[Vec<u64>], layout: Layout) -> Vec<u8> {
    let mvhd = full(b"mvhd", &[&[0; 8], &1_000u32.to_be_bytes(), &[0; 84]]);
    let mut body = mvhd;
    for (number, (track, offsets)) in tracks.iter().zip(offsets).enumerate() {
        body.extend(trak(number as u32 + 1, track, offsets, layout));
    }
    if layout.fragmented {
        let trex = |id: u32| full(b"trex", &[&id.to_be_bytes(), &1u32.to_be_bytes(), &[0; 12]]);
        body.extend(boxed(b"mvex", &[&(1..=tracks.len() as u32).flat_map(trex).collect::<Vec<_>>()]));
    }
    boxed(b"moov", &[&body])
}

fn trak(id: u32, track: &Track, offsets: &[u64], layout: Layout) -> Vec<u8> {
    let tkhd = boxed(b"tkhd", &[&[0, 0, 0, 3], &[0; 8], &id.to_be_bytes(), &[0; 68]]);
    let samples = if layout.fragmented { &[][..] } else { &track.samples };
    let ticks: u32 = samples.iter().map(|sample| sample.duration).sum();
    let mdhd =
        full(b"mdhd", &[&[0; 8], &track.rate.to_be_bytes(), &ticks.to_be_bytes(), &[0x15, 0xC7, 0, 0]]);
    let handler = if track.kind == Kind::Video { b"vide" } else { b"soun" };
    let hdlr = full(b"hdlr", &[&[0; 4], handler, &[0; 13]]);
    let count = (samples.len() as u32).to_be_bytes();
    let column = |value: &dyn Fn(&Sample) -> u32| -> Vec<u8> {
        let row = |sample: &Sample| [1u32.to_be_bytes(), value(sample).to_be_bytes()].concat();
        samples.iter().flat_map(row).collect()
    };
    let stts = match track.kind {
        Kind::Pcm => full(b"stts", &[&1u32.to_be_bytes(), &count, &1u32.to_be_bytes()]),
        _ => full(b"stts", &[&count, &column(&|sample| sample.duration)]),
    };
    let ctts = full(b"ctts", &[&count, &column(&|sample| sample.offset as u32)]);
    let sizes: Vec<u8> = samples.iter().flat_map(|sample| (sample.data.len() as u32).to_be_bytes()).collect();
    let stsz = match track.kind {
        Kind::Pcm => full(b"stsz", &[&2u32.to_be_bytes(), &count]),
        _ => full(b"stsz", &[&[0; 4], &count, &sizes]),
    };
    let chunks: Vec<u8> = match layout.wide {
        true => offsets.iter().flat_map(|offset| offset.to_be_bytes()).collect(),
        false => offsets.iter().flat_map(|offset| (*offset as u32).to_be_bytes()).collect(),
    };
    let stco =
        full(if layout.wide { b"co64" } else { b"stco" }, &[&(offsets.len() as u32).to_be_bytes(), &chunks]);
    let last = samples.len() % layout.group;
    let mut runs = vec![(1, layout.group, 1)];
    runs.extend(track.wider_from.map(|chunk| (chunk, layout.group, 2)));
    if last > 0 && offsets.len() > 1 {
        runs.push((offsets.len(), last, 1));
    } else if last > 0 {
        runs = vec![(1, last, 1)];
    }
    let rows = |(first, per, description): &(usize, usize, u32)| {
        [*first as u32, *per as u32, *description].map(u32::to_be_bytes).concat()
    };
    let stsc =
        full(b"stsc", &[&(runs.len() as u32).to_be_bytes(), &runs.iter().flat_map(rows).collect::<Vec<_>>()]);
    let keys: Vec<u8> =
        (1u32..).zip(samples).filter(|(_, sample)| sample.key).flat_map(|(n, _)| n.to_be_bytes()).collect();
    let stss = full(b"stss", &[&(keys.len() as u32 / 4).to_be_bytes(), &keys]);
    let reorders = samples.iter().any(|sample| sample.offset != 0);
    let mut tables = [stsd(track), stts, stsz, stsc, stco].concat();
    if reorders {
        tables.extend(ctts);
    }
    if samples.iter().any(|sample| !sample.key) {
        tables.extend(stss);
    }
    let media = boxed(b"mdia", &[&mdhd, &hdlr, &boxed(b"minf", &[&boxed(b"stbl", &[&tables])])]);
    boxed(b"trak", &[&tkhd, &edts(&track.edits), &media])
}

fn edts(edits: &[(u32, i32)]) -> Vec<u8> {
    if edits.is_empty() {
        return Vec::new();
    }
    let row =
        |(duration, time): &(u32, i32)| [duration.to_be_bytes(), time.to_be_bytes(), [0, 1, 0, 0]].concat();
    let rows: Vec<u8> = edits.iter().flat_map(row).collect();
    boxed(b"edts", &[&full(b"elst", &[&(edits.len() as u32).to_be_bytes(), &rows])])
}

fn stsd(track: &Track) -> Vec<u8> {
    let rate = (track.rate << 16).to_be_bytes();
    let sound = |kind: &[u8; 4], more: &[u8]| {
        boxed(kind, &[&[0; 7], &[1], &[0; 8], &[0, 1, 0, 16], &[0; 4], &rate, more])
    };
    // 320 or 640 times 180.
    let picture = |times: u8| {
        boxed(
            b"avc1",
            &[&[0; 7], &[1], &[0; 16], &(320 * u16::from(times)).to_be_bytes(), &[0, 180], &[0; 50]],
        )
    };
    let row = match track.kind {
        Kind::Video if track.wider_from.is_some() => [picture(1), picture(2)].concat(),
        Kind::Video => picture(1),
        Kind::Aac => sound(b"mp4a", &[]),
        Kind::Pcm => sound(b"sowt", &[]),
    };
    let rows = if track.wider_from.is_some() { 2u32 } else { 1 };
    full(b"stsd", &[&rows.to_be_bytes(), &row])
}

fn write_fragments(tracks: &[Track], layout: Layout, file: &mut Vec<u8>) {
    let rounds = tracks.iter().map(|track| track.samples.len().div_ceil(layout.group)).max().unwrap_or(0);
    let mut dts = vec![0u32; tracks.len()];
    for round in 0..rounds {
        let mut media = Vec::new();
        let mut parts = Vec::new();
        for (number, track) in tracks.iter().enumerate() {
            let Some(chunk) = track.samples.chunks(layout.group).nth(round) else { continue };
            parts.push((number, dts[number], media.len(), chunk));
            dts[number] += chunk.iter().map(|sample| sample.duration).sum::<u32>();
            chunk.iter().for_each(|sample| media.extend_from_slice(&sample.data));
        }
        let moof_of = |size: usize| {
            let traf = |(number, dts, at, chunk): &(usize, u32, usize, &[Sample])| {
                // default-base-is-moof; data offset, durations, sizes, flags and composition offsets
                let tfhd = boxed(b"tfhd", &[&[0, 2, 0, 0], &(*number as u32 + 1).to_be_bytes()]);
                let tfdt = full(b"tfdt", &[&dts.to_be_bytes()]);
                let row = |sample: &Sample| {
                    let flags = if sample.key { 0x0200_0000u32 } else { 0x0101_0000 };
                    [sample.duration, sample.data.len() as u32, flags, sample.offset as u32]
                        .map(u32::to_be_bytes)
                        .concat()
                };
                let rows: Vec<u8> = chunk.iter().flat_map(row).collect();
                let offset = (size + 8 + at) as u32;
                let count = chunk.len() as u32;
                let trun =
                    boxed(b"trun", &[&[1, 0, 0x0F, 1], &count.to_be_bytes(), &offset.to_be_bytes(), &rows]);
                boxed(b"traf", &[&tfhd, &tfdt, &trun])
            };
            boxed(b"moof", &[&full(b"mfhd", &[&[0; 4]]), &parts.iter().flat_map(traf).collect::<Vec<_>>()])
        };
        let size = moof_of(0).len();
        file.extend(moof_of(size));
        file.extend(boxed(b"mdat", &[&media]));
    }
}

/// What a whole file gives.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Contents {
    pub(crate) streams: Vec<StreamParams>,
    pub(crate) packets: Vec<Packet>,
    /// New parameters, and how many packets of their stream stand before them.
    pub(crate) changes: Vec<(usize, StreamParams)>,
}

impl Contents {
    /// Packets of one stream.
    pub(crate) fn of(&self, stream: usize) -> Vec<&Packet> {
        self.packets.iter().filter(|packet| packet.stream == stream).collect()
    }

    /// pts, dts and whether it is discarded, of each packet of a stream.
    pub(crate) fn times(&self, stream: usize) -> Vec<(i64, i64, bool)> {
        self.of(stream).iter().map(|packet| (packet.pts, packet.dts, packet.discard)).collect()
    }
}

/// Every step that a demuxer may need for so many bytes, with much to spare.
const MAX_STEPS: usize = 2_000_000;

/// A demuxer of a file in memory that can be read anywhere.
pub(crate) fn open(file: &[u8]) -> Mp4Demuxer {
    Mp4Demuxer::new(Source { seekable: true, length: Some(file.len() as u64) })
}

/// Reads on to the end, `piece` bytes at a time.
///
/// # Errors
///
/// What the demuxer says. Panics where it asks for what it may not, or does not end.
pub(crate) fn drive(demuxer: &mut Mp4Demuxer, file: &[u8], piece: usize, pipe: bool) -> Result<Contents> {
    let (mut contents, mut given) = (Contents::default(), 0);
    for step in 0.. {
        assert!(step < MAX_STEPS, "no end after {MAX_STEPS} steps");
        match demuxer.step()? {
            DemuxStep::Read(at) => {
                assert!(!pipe || at == given, "a pipe gives byte {given} next, not {at}");
                let rest = usize::try_from(at).ok().and_then(|at| file.get(at..)).unwrap_or_default();
                let bytes = Bytes::copy_from_slice(&rest[..piece.min(rest.len())]);
                given += bytes.len() as u64;
                if bytes.is_empty() { demuxer.finish() } else { demuxer.push(bytes) }
            }
            DemuxStep::Event(DemuxEvent::StreamAdded(params)) => contents.streams.push(params),
            DemuxStep::Event(DemuxEvent::Packet(packet)) => contents.packets.push(packet),
            DemuxStep::Event(DemuxEvent::Params { stream, params }) => {
                contents.changes.push((contents.of(stream).len(), params));
            }
            DemuxStep::Event(_) => {}
            DemuxStep::End => return Ok(contents),
        }
    }
    Ok(contents)
}

/// Reads a whole file that can be read anywhere.
pub(crate) fn read(file: &[u8]) -> Result<Contents> {
    drive(&mut open(file), file, 1_000, false)
}

/// Reads a whole file from a pipe.
pub(crate) fn read_pipe(file: &[u8]) -> Result<Contents> {
    drive(&mut Mp4Demuxer::new(Source::default()), file, 100, true)
}

/// The tags of a file.
pub(crate) fn metadata(file: &[u8]) -> Metadata {
    let mut demuxer = open(file);
    for _ in 0..MAX_STEPS {
        match demuxer.step().unwrap() {
            DemuxStep::Read(at) => demuxer.push(Bytes::copy_from_slice(&file[at as usize..])),
            DemuxStep::Event(_) => return demuxer.metadata(),
            DemuxStep::End => break,
        }
    }
    Metadata::new()
}
