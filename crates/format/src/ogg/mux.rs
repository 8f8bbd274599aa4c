//! Packets to Ogg.

use brooklet_media::{Error, Metadata, Muxer, Packet, Piece, Result, StreamParams, TimeBase};
use bytes::{Bytes, BytesMut};

use super::NAME;
use super::codec::{Codec, SUPPORTED};
use super::page::{CONTINUED, FIRST, LAST, NO_GRANULE, Page, lacing_of};
use crate::output::{Output, only_stream, take_only_stream};
use brooklet_media::CodecId;

/// How long a page of a file may be, in milliseconds.
const FILE_PAGE: u32 = 1_000;
/// How long one may be that someone waits for.
const LIVE_PAGE: u32 = 100;

/// The most lacing values of a page.
const MAX_LACING: usize = 255;

/// Writes one stream of Opus, FLAC or Vorbis. All headers are the first piece; each later piece is one page that starts
/// with a packet, so that a late listener needs that first piece and any later one.
#[derive(Debug)]
pub struct OggMuxer {
    /// Whether a page goes out as soon as the next packet would make it longer than 100 ms.
    prompt: bool,
    serial: u32,
    stream: Option<StreamParams>,
    codec: Option<Codec>,
    output: Output,
    sequence: u32,
    /// Where the first packet stood, and the samples before the next, both on the codec's clock.
    start: Option<i64>,
    position: i64,
    page: Draft,
}

/// The page that is being filled.
#[derive(Debug, Default)]
struct Draft {
    lacing: Vec<u8>,
    body: BytesMut,
    granule: i64,
    samples: u32,
    first: Option<Packet>,
    last: bool,
}

impl OggMuxer {
    /// `prompt` says that someone is waiting: pages of 100 ms at most rather than of a second.
    pub fn new(prompt: bool) -> Self {
        Self {
            prompt,
            serial: 0x6272_6F6F,
            stream: None,
            codec: None,
            output: Output::default(),
            sequence: 0,
            start: None,
            position: 0,
            page: Draft::default(),
        }
    }

    fn put_headers(&mut self, metadata: &Metadata) -> Result<()> {
        let (codec, headers) = Codec::headers_for(only_stream(NAME, &self.stream)?, metadata)?;
        let mut bytes = BytesMut::new();
        let (first, rest) =
            headers.split_first().ok_or_else(|| Error::Usage("ogg without headers".into()))?;
        self.put_header_pages(&mut bytes, FIRST, std::slice::from_ref(first));
        self.put_header_pages(&mut bytes, 0, rest);
        self.codec = Some(codec);
        self.output.append(bytes.freeze());
        Ok(())
    }

    /// Pages that hold `packets` and nothing else: sound begins on a page of its own.
    fn put_header_pages(&mut self, out: &mut BytesMut, flags: u8, packets: &[Vec<u8>]) {
        let lacing: Vec<u8> = packets.iter().flat_map(|packet| lacing_of(packet.len())).collect();
        let mut body = Bytes::from(packets.concat());
        let mut continued = 0;
        for part in lacing.chunks(MAX_LACING) {
            let length = part.iter().map(|value| usize::from(*value)).sum();
            let ends = part.iter().any(|value| *value < 255);
            let page = Page {
                flags: flags | continued,
                granule: if ends { 0 } else { NO_GRANULE },
                serial: self.serial,
                sequence: self.next_sequence(),
                lacing: part.to_vec(),
                body: body.split_to(length),
            };
            out.extend_from_slice(&page.build());
            continued = if part.last() == Some(&255) { CONTINUED } else { 0 };
        }
    }

    fn next_sequence(&mut self) -> u32 {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        sequence
    }

    /// Writes the page that is being filled.
    fn flush_page(&mut self, time_base: TimeBase) {
        let draft = std::mem::take(&mut self.page);
        let Some(first) = draft.first else { return };
        // A packet of more than 64 KiB goes over several pages.
        let mut body = draft.body.freeze();
        let mut out = BytesMut::new();
        let parts = draft.lacing.chunks(MAX_LACING).count();
        let mut continued = 0;
        for (index, part) in draft.lacing.chunks(MAX_LACING).enumerate() {
            let length = part.iter().map(|value| usize::from(*value)).sum();
            let at_end = index + 1 == parts;
            let page = Page {
                flags: continued | if draft.last && at_end { LAST } else { 0 },
                granule: if at_end { draft.granule } else { NO_GRANULE },
                serial: self.serial,
                sequence: self.next_sequence(),
                lacing: part.to_vec(),
                body: body.split_to(length),
            };
            out.extend_from_slice(&page.build());
            continued = if part.last() == Some(&255) { CONTINUED } else { 0 };
        }
        self.output.append_packet(&first, time_base, out.freeze());
    }
}

impl Muxer for OggMuxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        let holds = |codec| matches!(codec, CodecId::Opus | CodecId::Flac | CodecId::Vorbis);
        take_only_stream(NAME, &mut self.stream, params, holds, SUPPORTED)
    }

    fn start(&mut self, metadata: &Metadata) -> Result<()> {
        self.put_headers(metadata)
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let params = only_stream(NAME, &self.stream)?;
        let (time_base, rate) = (params.time_base, params.as_audio().map_or(48_000, |audio| audio.rate));
        let codec = self.codec.as_mut().ok_or_else(|| Error::Usage("ogg was not started".into()))?;
        let samples = codec.samples(&packet.data);
        // A gap in time is one in granule positions; what overlaps goes on from where it was.
        let at = time_base.rescale(packet.pts, TimeBase::hz(rate));
        let start = *self.start.get_or_insert(at);
        let due = at.saturating_sub(start);
        if due.saturating_sub(self.position) > i64::from(rate / 20) {
            self.position = due;
            self.flush_page(time_base);
        }
        let longest = u64::from(if self.prompt { LIVE_PAGE } else { FILE_PAGE }) * u64::from(rate) / 1_000;
        let lacing = packet.data.len() / 255 + 1;
        let is_full =
            u64::from(self.page.samples + samples) > longest || self.page.lacing.len() + lacing > MAX_LACING;
        if is_full {
            self.flush_page(time_base);
        }
        self.position = self.position.saturating_add(samples.into());
        let page = &mut self.page;
        page.lacing.extend(lacing_of(packet.data.len()));
        page.body.extend_from_slice(&packet.data);
        page.samples += samples;
        page.granule = self.position - i64::from(packet.trim.end.min(samples));
        page.first.get_or_insert_with(|| Packet { data: Bytes::new(), ..packet.clone() });
        // Whoever waits gets a page as soon as no further packet of this length fits.
        if self.prompt && u64::from(page.samples + samples) > longest && packet.trim.end == 0 {
            self.flush_page(time_base);
        }
        Ok(())
    }

    fn change_params(&mut self, _stream: usize, params: &StreamParams) -> Result<()> {
        let known = only_stream(NAME, &self.stream)?;
        if (known.codec, known.kind) == (params.codec, params.kind) {
            return Ok(());
        }
        Err(Error::unsupported(
            "a change of codec, rate or channels within ogg",
            "one shape from start to end",
        ))
    }

    fn finish(&mut self) -> Result<()> {
        let Some(params) = &self.stream else { return Ok(()) };
        let time_base = params.time_base;
        if self.page.first.is_some() {
            self.page.last = true;
            self.flush_page(time_base);
        } else if self.codec.is_some() {
            let page = Page {
                flags: LAST,
                granule: self.position,
                serial: self.serial,
                sequence: self.next_sequence(),
                lacing: Vec::new(),
                body: Bytes::new(),
            };
            self.output.append(page.build());
        }
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.output.poll()
    }
}
