//! A graph of sources as a demuxer.

use std::collections::VecDeque;
use std::fmt;

use brooklet_media::{DemuxEvent, DemuxStep, Demuxer, Error, PixelFormat, Result};
use bytes::Bytes;

use super::graph::{self, Filter};
use super::{Generator, audio, video};

/// Names of the sources there are.
const SOURCES: &str = "testsrc2, testsrc, smptebars, color, nullsrc, sine, anullsrc";

/// Makes packets of raw video (yuv420p) and PCM (s16le) out of nothing: it never asks for bytes, and has no end
/// unless its sources have a `duration`.
pub struct LavfiDemuxer {
    sources: Vec<Box<dyn Generator>>,
    head: VecDeque<DemuxEvent>,
}

impl LavfiDemuxer {
    /// Opens a graph of one or more sources: `testsrc2=size=640x360:rate=30`, `color=red[out0];sine[out1]`.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for a source or filter that is not known, with those that are; [`Error::Usage`] for
    /// a wrong option.
    pub fn new(graph: &str) -> Result<Self> {
        let sources: Vec<_> = graph::parse(graph).iter().map(|chain| open(chain)).collect::<Result<_>>()?;
        if sources.is_empty() {
            return Err(Error::unsupported("an empty lavfi graph", SOURCES));
        }
        let streams = sources.iter().map(|source| DemuxEvent::StreamAdded(source.params().clone()));
        let head = streams.chain([DemuxEvent::HeaderRead]).collect();
        Ok(Self { sources, head })
    }
}

impl Demuxer for LavfiDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        if let Some(event) = self.head.pop_front() {
            return Ok(DemuxStep::Event(event));
        }
        let waiting = self.sources.iter_mut().enumerate();
        let next = waiting.filter_map(|(index, source)| Some((source.next_pts()?, index, source))).min_by(
            |(pts, _, source), (other_pts, _, other)| {
                source.params().time_base.compare(*pts, other.params().time_base, *other_pts)
            },
        );
        let packet = next.and_then(|(_, index, source)| source.next().map(|packet| (index, packet)));
        Ok(packet.map_or(DemuxStep::End, |(index, mut packet)| {
            packet.stream = index;
            DemuxStep::Event(DemuxEvent::Packet(packet))
        }))
    }

    fn push(&mut self, _bytes: Bytes) {}

    fn finish(&mut self) {}

    fn seek(&mut self, stream: usize, pts: i64) -> Result<()> {
        let clock = self.sources.get(stream).map(|source| source.params().time_base);
        let clock = clock.ok_or_else(|| Error::Usage(format!("lavfi has no stream {stream}")))?;
        for source in &mut self.sources {
            let own_clock = source.params().time_base;
            source.seek(clock.rescale_floor(pts, own_clock));
        }
        Ok(())
    }
}

impl fmt::Debug for LavfiDemuxer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LavfiDemuxer({} sources)", self.sources.len())
    }
}

fn open(chain: &[Filter<'_>]) -> Result<Box<dyn Generator>> {
    let Some((source, filters)) = chain.split_first() else {
        return Err(Error::unsupported("an empty lavfi graph", SOURCES));
    };
    filters.iter().try_for_each(|filter| check_filter(*filter))?;
    match source.name {
        "testsrc2" | "testsrc" | "smptebars" | "color" | "nullsrc" => video::open(*source),
        "sine" => audio::open_sine(*source),
        "anullsrc" => audio::open_silence(*source),
        other => Err(Error::unsupported(format!("the lavfi source '{other}'"), SOURCES)),
    }
}

/// A `format` that is what sources make anyway is let pass; other filters have their place after `-vf` and `-af`.
fn check_filter(filter: Filter<'_>) -> Result<()> {
    let yuv420p = || {
        let options = graph::Options::parse(filter, &[&["pix_fmts"]])?;
        options.value("pix_fmts", |text| text.parse::<PixelFormat>())
    };
    match filter.name {
        "null" | "anull" => Ok(()),
        "format" if yuv420p()? == Some(PixelFormat::Yuv420p) => Ok(()),
        other => Err(Error::unsupported(
            format!("the filter '{other}' within a lavfi graph"),
            "sources alone; filters stand after -vf and -af",
        )),
    }
}
