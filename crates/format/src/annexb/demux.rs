//! Bytes to packets.

use std::collections::VecDeque;
use std::fmt;

use brooklet_media::{
    CodecId, DemuxEvent, DemuxStep, Demuxer, Error, Rational, Result, Source, StreamParams, VideoParams,
};
use bytes::Bytes;

use super::h264::H264;
use super::hevc::Hevc;
use super::order::{Order, Picture, TIME_BASE};
use super::split::{Found, UnitFinder};
use crate::input::Input;

/// Frame rates that a stream says of itself are believed up to this.
const MAX_RATE: Rational = Rational::whole(1_000);

/// Reads H.264 or HEVC byte streams: one stream, in ffmpeg's ticks of 1/1200000 s.
///
/// A byte stream has no clock. Pictures are shown at an even rate (the one asked for, else what the stream says,
/// else 25 a second) in the order of their picture order counts; pts start at 0, dts before that by as many
/// pictures as are reordered.
pub struct AnnexbDemuxer {
    format: &'static str,
    input: Input,
    finder: UnitFinder,
    assembler: Box<dyn Assembler>,
    order: Order,
    frame_rate: Option<Rational>,
    announced: bool,
    state: State,
    events: VecDeque<DemuxEvent>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Reading,
    Drained,
    Failed,
}

/// Units to pictures, for one codec.
pub(super) trait Assembler: Send {
    /// Takes the next unit; yields the picture before, where the unit begins another.
    fn take(&mut self, unit: Bytes) -> Option<Picture>;

    /// There are no more units.
    fn finish(&mut self) -> Option<Picture>;
}

/// What parameter sets say of the stream.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Shape {
    pub(super) codec: CodecId,
    pub(super) extradata: Bytes,
    pub(super) video: VideoParams,
    /// Whether [`VideoParams::reorder`] is what the stream says rather than what its level allows.
    pub(super) exact: bool,
}

impl AnnexbDemuxer {
    /// Reads H.264; `frame_rate` goes before what the stream says.
    pub fn h264(source: Source, frame_rate: Option<Rational>) -> Self {
        Self::new("h264", source, frame_rate, Box::new(H264::default()))
    }

    /// Reads HEVC; `frame_rate` goes before what the stream says.
    pub fn hevc(source: Source, frame_rate: Option<Rational>) -> Self {
        Self::new("hevc", source, frame_rate, Box::new(Hevc::default()))
    }

    fn new(
        format: &'static str,
        source: Source,
        frame_rate: Option<Rational>,
        assembler: Box<dyn Assembler>,
    ) -> Self {
        Self {
            format,
            input: Input::new(source),
            finder: UnitFinder::default(),
            assembler,
            order: Order::new(),
            frame_rate: frame_rate.filter(|rate| rate.num() > 0),
            announced: false,
            state: State::Reading,
            events: VecDeque::new(),
        }
    }

    fn advance(&mut self) -> Result<DemuxStep> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(DemuxStep::Event(event));
            }
            if let Some((shape, packet)) = self.order.pop() {
                if let Some(shape) = shape {
                    self.announce(*shape);
                }
                self.events.push_back(DemuxEvent::Packet(packet));
                continue;
            }
            if self.state != State::Reading {
                return Ok(DemuxStep::End);
            }
            match self.finder.next(self.format, &mut self.input)? {
                Found::More => return Ok(self.input.read()),
                Found::Unit(unit) => {
                    let picture = self.assembler.take(unit);
                    self.take(picture);
                }
                Found::End => {
                    let last = self.assembler.finish();
                    self.take(last);
                    self.order.finish();
                    self.state = State::Drained;
                    if self.order.is_empty() && !self.announced {
                        let what = "without a picture whose parameter sets are known".into();
                        return Err(Error::Truncated { format: self.format, what, at: self.input.at() });
                    }
                }
            }
        }
    }

    fn take(&mut self, picture: Option<Picture>) {
        let Some(mut picture) = picture else { return };
        if let Some(shape) = &mut picture.shape {
            let said =
                shape.video.frame_rate.filter(|rate| rate.num() > 0 && rate.as_f64() <= MAX_RATE.as_f64());
            let rate = self.frame_rate.or(said).unwrap_or(Rational::whole(25));
            shape.video.frame_rate = Some(rate);
            self.order.set(rate, shape.video.reorder, shape.exact);
        }
        self.order.push(picture);
    }

    fn announce(&mut self, shape: Shape) {
        let mut params = StreamParams::video(shape.codec, TIME_BASE, shape.video);
        params.extradata = shape.extradata;
        params.start = Some(0);
        if self.announced {
            self.events.push_back(DemuxEvent::Params { stream: 0, params });
        } else {
            self.announced = true;
            self.events.extend([DemuxEvent::StreamAdded(params), DemuxEvent::HeaderRead]);
        }
    }
}

impl Demuxer for AnnexbDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        if self.state == State::Failed {
            return Ok(DemuxStep::End);
        }
        self.advance().inspect_err(|_| self.state = State::Failed)
    }

    fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    fn finish(&mut self) {
        self.input.finish();
    }
}

impl fmt::Debug for AnnexbDemuxer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, input, state, .. } = self;
        write!(f, "AnnexbDemuxer({format} at {}, {state:?})", input.at())
    }
}
