//! A demuxer driven through all of an input, and held to its contract.

use std::fmt::Debug;

use brooklet_media::{DemuxEvent, DemuxStep, Demuxer, Error, MediaKind, Metadata, Packet, Source};
use bytes::Bytes;

/// What a demuxer made of an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// All that it found.
    pub events: Vec<DemuxEvent>,
    /// What it ended with, where that is no end.
    pub error: Option<Error>,
    /// What it said at the end.
    pub metadata: Metadata,
}

impl Reading {
    /// The packets among the events.
    pub fn packets(&self) -> impl Iterator<Item = &Packet> {
        self.events.iter().filter_map(|event| match event {
            DemuxEvent::Packet(packet) => Some(packet),
            _ => None,
        })
    }
}

/// How an input is handed over.
#[derive(Clone, Copy, Debug)]
pub struct Serving {
    /// What the demuxer is told of it.
    pub source: Source,
    /// The most bytes at a time.
    pub chunk: usize,
    /// To seek to the start of this stream after so many packets.
    pub seek: Option<(usize, usize)>,
}

impl Serving {
    /// All bytes at once, from a pipe.
    pub const PIPE: Self =
        Self { source: Source { seekable: false, length: None }, chunk: usize::MAX, seek: None };

    /// All bytes at once, from where they are asked for.
    pub const FILE: Self =
        Self { source: Source { seekable: true, length: None }, chunk: usize::MAX, seek: None };

    /// Chosen by the first byte of a fuzzer's input; the others are what is to be read.
    ///
    /// Bit 0: it can seek. Bit 1: the length is known. Bits 2 to 4: the size of chunks. Bit 5: seek, bits 6 and 7:
    /// when, and in which stream.
    pub fn split(input: &[u8]) -> (Self, &[u8]) {
        let Some((first, bytes)) = input.split_first() else { return (Self::PIPE, input) };
        let (seekable, length) = (first & 1 != 0, (first & 2 != 0).then_some(bytes.len() as u64));
        let chunk = [usize::MAX, 1, 7, 188, 500, 1_316, 4_096, 65_536][usize::from(first >> 2 & 7)];
        let late = usize::from(first >> 6);
        let seek = (first & 0x20 != 0).then_some((late * late * 3, late % 2));
        (Self { source: Source { seekable, length }, chunk, seek }, bytes)
    }
}

/// Reads the input as its first byte says; what is found must not depend on the size of the chunks.
///
/// # Panics
///
/// Where the demuxer breaks its contract.
pub fn check<D: Demuxer>(open: impl Fn(Source) -> D, input: &[u8]) {
    let (serving, bytes) = Serving::split(input);
    let reading = read(open(serving.source), bytes, serving);
    // A seek forgets what was pushed, which is more of larger chunks.
    if serving.seek.is_none() && serving.chunk < bytes.len() {
        let whole = read(open(serving.source), bytes, Serving { chunk: usize::MAX, ..serving });
        assert_same(&reading, &whole);
    }
}

/// Reads to the end.
///
/// # Panics
///
/// Where the demuxer breaks its contract.
pub fn read<D: Demuxer>(mut demuxer: D, bytes: &[u8], serving: Serving) -> Reading {
    let mut contract = Contract::default();
    let (mut events, mut error) = (Vec::new(), None);
    let (mut next, mut steps, mut seek) = (0, 0, serving.seek);
    let most_steps = 1_000 + 32 * bytes.len();
    loop {
        steps += 1;
        assert!(steps < most_steps, "after {steps} steps {} bytes are still not read", bytes.len());
        match demuxer.step() {
            Ok(DemuxStep::Read(at)) => {
                assert!(
                    serving.source.seekable || at == next,
                    "a pipe at byte {next} is asked for byte {at}"
                );
                let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                let chunk = &rest[..rest.len().min(serving.chunk)];
                match chunk {
                    [] => demuxer.finish(),
                    _ => demuxer.push(Bytes::copy_from_slice(chunk)),
                }
                next = at + chunk.len() as u64;
            }
            Ok(DemuxStep::Event(event)) => {
                contract.check(&event);
                events.push(event);
            }
            Ok(DemuxStep::End) => break,
            Err(met) => {
                assert_one_line(&met);
                error = Some(met);
                break;
            }
        }
        if let Some((_, stream)) =
            seek.take_if(|(after, _)| contract.header_read && contract.packets >= *after)
        {
            let pts = contract.streams.get(stream).and_then(|lane| lane.first_pts).unwrap_or(i64::MIN);
            match demuxer.seek(stream, pts) {
                Ok(()) => contract.forget_times(),
                Err(refusal) => assert_one_line(&refusal),
            }
        }
    }
    assert_eq!(demuxer.step(), Ok(DemuxStep::End), "the end is not the end");
    Reading { events, error, metadata: demuxer.metadata() }
}

/// What was promised of events (`brooklet_media::roles`, `brooklet_media::packet`).
#[derive(Default)]
pub struct Contract {
    streams: Vec<Lane>,
    header_read: bool,
    packets: usize,
}

struct Lane {
    kind: MediaKind,
    first_pts: Option<i64>,
    last_dts: Option<i64>,
}

impl Contract {
    /// Looks at the next event.
    ///
    /// # Panics
    ///
    /// Where it breaks a promise.
    pub fn check(&mut self, event: &DemuxEvent) {
        match event {
            DemuxEvent::StreamAdded(params) => {
                self.streams.push(Lane { kind: params.media(), first_pts: None, last_dts: None });
            }
            DemuxEvent::HeaderRead => {
                assert!(!self.header_read, "the header is read twice");
                self.header_read = true;
            }
            DemuxEvent::Packet(packet) => self.check_packet(packet),
            DemuxEvent::Params { stream, params } => {
                let kind = self.streams.get(*stream).map(|lane| lane.kind);
                assert_eq!(kind, Some(params.media()), "the kind of stream {stream} changes");
            }
            DemuxEvent::Discontinuity => self.forget_times(),
        }
    }

    fn check_packet(&mut self, packet: &Packet) {
        self.packets += 1;
        let Some(lane) = self.streams.get_mut(packet.stream) else { panic!("{packet:?} of no stream") };
        assert!(packet.dts <= packet.pts, "{packet:?} is decoded after it is shown");
        assert!(packet.duration >= 0, "{packet:?} ends before it begins");
        assert!(packet.key || lane.kind != MediaKind::Audio, "{packet:?} is sound that is not key");
        assert!(lane.last_dts.is_none_or(|last| last <= packet.dts), "{packet:?} after {:?}", lane.last_dts);
        lane.last_dts = Some(packet.dts);
        lane.first_pts.get_or_insert(packet.pts);
    }

    fn forget_times(&mut self) {
        self.streams.iter_mut().for_each(|lane| lane.last_dts = None);
    }
}

/// An error is a line that people can read.
fn assert_one_line(error: &Error) {
    let text = error.to_string();
    assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
}

fn assert_same(reading: &Reading, whole: &Reading) {
    let pairs = reading.events.iter().zip(&whole.events);
    pairs.enumerate().for_each(|(number, (a, b))| assert_same_parts(&format!("event {number}"), a, b));
    assert_same_parts("number of events", &reading.events.len(), &whole.events.len());
    // Only what went wrong: how far an input was read by then depends on the chunks.
    let kind = |reading: &Reading| reading.error.as_ref().map(std::mem::discriminant);
    assert_same_parts("error", &kind(reading), &kind(whole));
    assert_same_parts("metadata", &reading.metadata, &whole.metadata);
}

fn assert_same_parts<T: PartialEq + Debug>(what: &str, in_chunks: &T, at_once: &T) {
    assert!(in_chunks == at_once, "{what} in chunks: {in_chunks:?}\nat once: {at_once:?}");
}
