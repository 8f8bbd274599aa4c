//! YUV4MPEG2 to packets.

use brooklet_media::{
    CodecId, DemuxEvent, DemuxStep, Demuxer, Error, Packet, PixelFormat, Range, Rational, Result, Source,
    StreamParams, VideoFrame, VideoParams,
};
use bytes::Bytes;

use super::{COLOR_SPACES, MAGIC, NAME, names};
use crate::input::Input;

/// The longest line that is read.
const MAX_LINE: usize = 4_096;

/// Reads YUV4MPEG2 in 4:2:0, 4:2:2, 4:4:4 and gray; 4:2:0 and 4:2:2 in 10 bits too. One stream in ticks of its
/// frame rate.
#[derive(Debug)]
pub struct Y4mDemuxer {
    input: Input,
    state: State,
    picture_bytes: usize,
    next: i64,
}

#[derive(Debug, PartialEq)]
enum State {
    Head,
    Announced,
    Frame,
    Picture,
    Failed,
}

impl Y4mDemuxer {
    /// Starts at the first byte.
    pub fn new(source: Source) -> Self {
        Self { input: Input::new(source), state: State::Head, picture_bytes: 0, next: 0 }
    }

    fn advance(&mut self) -> Result<DemuxStep> {
        loop {
            match self.state {
                State::Failed => return Ok(DemuxStep::End),
                State::Announced => {
                    self.state = State::Frame;
                    return Ok(DemuxStep::Event(DemuxEvent::HeaderRead));
                }
                State::Head => {
                    let Some(line) = self.take_line()? else {
                        if self.input.ended() {
                            let at = self.input.at() + self.input.bytes().len() as u64;
                            return Err(Error::Truncated {
                                format: NAME,
                                what: "inside its header".into(),
                                at,
                            });
                        }
                        return Ok(self.input.read());
                    };
                    let params = read_header(&line)?;
                    if let Some(video) = params.as_video() {
                        let format = video.format.unwrap_or(PixelFormat::Yuv420p);
                        self.picture_bytes = format.picture_bytes(video.width, video.height);
                    }
                    self.state = State::Announced;
                    return Ok(DemuxStep::Event(DemuxEvent::StreamAdded(params)));
                }
                State::Frame => {
                    let at = self.input.at();
                    let Some(line) = self.take_line()? else { return Ok(self.starved()) };
                    if line != "FRAME" && !line.starts_with("FRAME ") {
                        return Err(Error::invalid(NAME, at, "no FRAME line before a picture"));
                    }
                    self.state = State::Picture;
                }
                State::Picture => {
                    if self.input.bytes().len() < self.picture_bytes {
                        return Ok(self.starved());
                    }
                    let mut packet = Packet::new(0, self.next, self.input.take(self.picture_bytes));
                    packet.duration = 1;
                    self.next += 1;
                    self.state = State::Frame;
                    return Ok(DemuxStep::Event(DemuxEvent::Packet(packet)));
                }
            }
        }
    }

    /// The next line, without its end; `None` where it is not whole yet.
    fn take_line(&mut self) -> Result<Option<String>> {
        let held = self.input.bytes();
        let held = &held[..held.len().min(MAX_LINE)];
        let Some(length) = held.iter().position(|byte| *byte == b'\n') else {
            if held.len() == MAX_LINE {
                return Err(Error::invalid(NAME, self.input.at(), "its header line does not end"));
            }
            return Ok(None);
        };
        let line = self.input.take(length + 1);
        Ok(Some(String::from_utf8_lossy(&line[..length]).into_owned()))
    }

    /// More, or the end: a picture that is not whole is left out.
    fn starved(&self) -> DemuxStep {
        if self.input.ended() { DemuxStep::End } else { self.input.read() }
    }
}

impl Demuxer for Y4mDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        self.advance().inspect_err(|_| self.state = State::Failed)
    }

    fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    fn finish(&mut self) {
        self.input.finish();
    }
}

fn read_header(line: &str) -> Result<StreamParams> {
    let invalid = |what: String| Error::invalid(NAME, 0, what);
    let mut words = line.split(' ');
    if words.next() != Some(MAGIC) {
        return Err(invalid(format!("it does not start with {MAGIC}")));
    }
    let (mut rate, mut full_range) = (Rational::whole(25), false);
    let mut video = VideoParams { format: Some(PixelFormat::Yuv420p), ..VideoParams::new(0, 0) };
    for word in words.filter(|word| !word.is_empty()) {
        let (key, value) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        let number = || value.parse().map_err(|_| invalid(format!("{word} where a number should be")));
        match key {
            "W" => video.width = number()?,
            "H" => video.height = number()?,
            "F" => rate = ratio(value).filter(|rate| rate.num() > 0).unwrap_or(rate),
            "A" => video.sample_aspect = ratio(value).filter(|a| a.num() > 0).unwrap_or(Rational::ONE),
            "C" => video.format = Some(color_space(value)?),
            "X" if value == "COLORRANGE=FULL" => full_range = true,
            _ => {}
        }
    }
    VideoFrame::check_size(video.width, video.height)?;
    if full_range {
        video.color.range = Range::Full;
    }
    video.frame_rate = Some(rate);
    let clock = rate.time_base().ok_or_else(|| invalid("a frame rate of 0".into()))?;
    let mut params = StreamParams::video(CodecId::RawVideo, clock, video);
    params.start = Some(0);
    Ok(params)
}

fn ratio(text: &str) -> Option<Rational> {
    let (num, den) = text.split_once(':')?;
    Rational::new(num.parse().ok()?, den.parse().ok()?)
}

fn color_space(name: &str) -> Result<PixelFormat> {
    COLOR_SPACES
        .iter()
        .find(|(_, names)| names.contains(&name))
        .map(|(format, _)| *format)
        .ok_or_else(|| Error::unsupported(format!("yuv4mpegpipe colour space {name}"), names()))
}
