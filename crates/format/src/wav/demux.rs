//! WAV to packets.

use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, DemuxEvent, DemuxStep, Demuxer, Error, Metadata, PcmFormat, Result,
    Source, StreamParams, TimeBase,
};
use bytes::Bytes;

use super::{NAME, TAG_EXTENSIBLE, format_from_tag};
use crate::blocks::{Blocks, bit_rate};
use crate::input::Input;

/// The longest `fmt ` or `LIST` chunk that is looked into; a longer `LIST` is skipped.
const MAX_CHUNK: u64 = 64 << 10;
/// The size that a writer puts down while it does not know.
const UNKNOWN: u32 = u32::MAX;

/// Reads WAV, WAVEFORMATEXTENSIBLE and RF64: PCM, float, A-law and µ-law. One stream in ticks of its rate.
#[derive(Debug)]
pub struct WavDemuxer {
    input: Input,
    state: State,
    format: Option<Format>,
    /// Bytes of the data chunk by RF64's `ds64`.
    long_data: Option<u64>,
    metadata: Metadata,
}

#[derive(Debug)]
enum State {
    Head,
    Chunks,
    Announced(Blocks),
    Data(Blocks),
    Failed,
}

#[derive(Clone, Copy, Debug)]
struct Format {
    pcm: PcmFormat,
    rate: u32,
    layout: ChannelLayout,
}

impl WavDemuxer {
    /// Starts at the first byte.
    pub fn new(source: Source) -> Self {
        let input = Input::new(source);
        Self { input, state: State::Head, format: None, long_data: None, metadata: Metadata::new() }
    }

    fn advance(&mut self) -> Result<DemuxStep> {
        loop {
            match &self.state {
                State::Failed => return Ok(DemuxStep::End),
                State::Data(blocks) => return Ok(blocks.step(&mut self.input)),
                State::Announced(blocks) => {
                    self.state = State::Data(*blocks);
                    return Ok(DemuxStep::Event(DemuxEvent::HeaderRead));
                }
                State::Head => {
                    if !self.holds(12)? {
                        return Ok(self.input.read());
                    }
                    let head = self.input.take(12);
                    if !(head.starts_with(b"RIFF") || head.starts_with(b"RF64")) || !head.ends_with(b"WAVE") {
                        return Err(Error::invalid(NAME, 0, "it does not start with RIFF and WAVE"));
                    }
                    self.state = State::Chunks;
                }
                State::Chunks => {
                    if let Some(step) = self.read_chunk()? {
                        return Ok(step);
                    }
                }
            }
        }
    }

    /// Steps over one chunk; says so where more bytes are needed, or when the data begin.
    fn read_chunk(&mut self) -> Result<Option<DemuxStep>> {
        if !self.holds(8)? {
            return Ok(Some(self.input.read()));
        }
        let Some((id, size)) = chunk_head(self.input.bytes()) else { return Ok(Some(self.input.read())) };
        if id == *b"data" {
            self.input.skip(8);
            return self.begin_data(size).map(Some);
        }
        let padded = u64::from(size) + u64::from(size & 1);
        let wanted = matches!(&id, b"fmt " | b"ds64") || (id == *b"LIST" && padded <= MAX_CHUNK);
        if !wanted {
            self.input.skip(8 + padded);
            return Ok(None);
        }
        Error::check_limit(NAME, "a chunk's size", padded, MAX_CHUNK)?;
        if !self.holds(8 + size as usize)? {
            return Ok(Some(self.input.read()));
        }
        let at = self.input.at();
        let body = self.input.take(8 + size as usize).slice(8..);
        self.input.skip(u64::from(size & 1));
        match &id {
            b"fmt " => self.format = Some(read_format(&body, at)?),
            b"ds64" => self.long_data = u64_at(&body, 8),
            _ => read_info(&body, &mut self.metadata),
        }
        Ok(None)
    }

    fn begin_data(&mut self, size: u32) -> Result<DemuxStep> {
        let start = self.input.at();
        let format = self.format.ok_or_else(|| Error::invalid(NAME, start, "data before a fmt chunk"))?;
        let size = match (size, self.long_data) {
            (UNKNOWN, long) => long.filter(|long| *long > 0),
            (0, _) => None, // a pipe's writer that knew no better
            (size, _) => Some(u64::from(size)),
        };
        let end = size.map(|size| start.saturating_add(size));
        let blocks = Blocks::pcm(format.pcm, format.layout.channels(), start, end);
        let audio = AudioParams {
            format: Some(format.pcm.sample_format()),
            ..AudioParams::new(format.rate, format.layout)
        };
        let mut params = StreamParams::audio(CodecId::Pcm(format.pcm), TimeBase::hz(format.rate), audio);
        params.start = Some(0);
        params.duration = blocks.count(self.input.length());
        params.bit_rate = Some(bit_rate(&blocks, params.time_base));
        self.state = State::Announced(blocks);
        Ok(DemuxStep::Event(DemuxEvent::StreamAdded(params)))
    }

    /// Whether `count` bytes are held; an error where they will never be.
    fn holds(&self, count: usize) -> Result<bool> {
        let held = self.input.bytes().len();
        if held < count && self.input.ended() {
            let at = self.input.at() + held as u64;
            return Err(Error::Truncated { format: NAME, what: "before its data chunk".into(), at });
        }
        Ok(held >= count)
    }
}

impl Demuxer for WavDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        self.advance().inspect_err(|_| self.state = State::Failed)
    }

    fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    fn finish(&mut self) {
        self.input.finish();
    }

    fn seek(&mut self, _stream: usize, pts: i64) -> Result<()> {
        match &self.state {
            State::Data(blocks) => blocks.seek(&mut self.input, pts),
            _ => Err(Error::unsupported("seeking before the header is read", "reading on from where it is")),
        }
    }

    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }
}

/// The body of a `fmt ` chunk: WAVEFORMAT, WAVEFORMATEX or WAVEFORMATEXTENSIBLE.
fn read_format(body: &[u8], at: u64) -> Result<Format> {
    let short = || Error::invalid(NAME, at, "its fmt chunk is too short");
    let field = |offset| u16_at(body, offset).ok_or_else(short);
    let (mut tag, channels, align) = (field(0)?, field(2)?, field(12)?);
    let rate = u32_at(body, 4).ok_or_else(short)?;
    let bits = u16_at(body, 14).unwrap_or(0);
    if tag == TAG_EXTENSIBLE {
        tag = field(24)?;
    }
    if channels == 0 || rate == 0 {
        return Err(Error::invalid(NAME, at, format!("{channels} channels at {rate} Hz")));
    }
    Error::check_limit(NAME, "the number of channels", channels.into(), 255)?;
    // Where a sample is stored in more bytes than its bits need, the bytes decide.
    let stored_bits =
        if align % channels == 0 && bits != 0 { (align / channels).saturating_mul(8) } else { bits };
    let pcm = format_from_tag(tag, stored_bits).ok_or_else(|| {
        Error::unsupported(
            format!("WAV of format tag {tag:#x} with {stored_bits} bits"),
            "PCM of 8 to 32 bits, float, A-law, µ-law",
        )
    })?;
    let layout = ChannelLayout::from_channels(channels as u8).unwrap_or(ChannelLayout::Mono);
    Ok(Format { pcm, rate, layout })
}

/// The tags of a `LIST` chunk of type `INFO`, under ffmpeg's keys.
fn read_info(body: &[u8], metadata: &mut Metadata) {
    let Some(mut rest) = body.strip_prefix(b"INFO") else { return };
    while let Some((id, size)) = chunk_head(rest) {
        let Some(text) = rest.get(8..8 + size as usize) else { return };
        let key = match &id {
            b"INAM" => "title",
            b"IART" => "artist",
            b"IPRD" => "album",
            b"ICMT" => "comment",
            b"ICOP" => "copyright",
            b"ICRD" => "date",
            b"IGNR" => "genre",
            b"ITRK" | b"IPRT" => "track",
            b"ISFT" => "encoder",
            _ => "",
        };
        let text = String::from_utf8_lossy(text).trim_end_matches('\0').to_owned();
        if !key.is_empty() && !text.is_empty() {
            metadata.push((key.to_owned(), text));
        }
        rest = rest.get(8 + size as usize + (size & 1) as usize..).unwrap_or_default();
    }
}

fn chunk_head(bytes: &[u8]) -> Option<([u8; 4], u32)> {
    Some((*bytes.first_chunk()?, u32_at(bytes, 4)?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
