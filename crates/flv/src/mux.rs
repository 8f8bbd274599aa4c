//! Packets to an FLV file (annex E.2, E.3).

use std::collections::VecDeque;
use std::str::FromStr;

use brooklet_media::{Error, Metadata, Muxer, Packet, Piece, Place, Result, StreamParams, Timestamp};
use bytes::{BufMut, Bytes, BytesMut};

use crate::metadata::{DURATION_AT, FILESIZE_AT};
use crate::packetize::Draft;
use crate::tag::TagHeader;
use crate::{FILE_HEADER, Tag, TagKind, TagWriter};

/// Where the body of the first tag begins, which is `onMetaData`.
const SCRIPT_AT: u64 = (FILE_HEADER + 4 + Tag::HEADER) as u64;

/// What ffmpeg calls `flvflags`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FlvMuxerOptions {
    /// Leave duration and file size out of `onMetaData`: for live outputs, which can't be patched.
    pub no_duration_filesize: bool,
    /// Write no `onMetaData` at all.
    pub no_metadata: bool,
    /// Write no end of sequence after the last H.264 picture.
    pub no_sequence_end: bool,
}

impl FromStr for FlvMuxerOptions {
    type Err = Error;

    /// Reads ffmpeg's names, joined by `+`: `no_duration_filesize+no_sequence_end`.
    fn from_str(flags: &str) -> Result<Self> {
        let mut options = Self::default();
        for flag in flags.split('+').filter(|flag| !flag.is_empty()) {
            match flag {
                "no_duration_filesize" => options.no_duration_filesize = true,
                "no_metadata" => options.no_metadata = true,
                "no_sequence_end" => options.no_sequence_end = true,
                // Every configuration comes with a header here, which is what this asks for.
                "aac_seq_header_detect" => {}
                other => {
                    return Err(Error::unsupported(
                        format!("flvflags '{other}'"),
                        "no_duration_filesize, no_metadata, no_sequence_end, aac_seq_header_detect",
                    ));
                }
            }
        }
        Ok(options)
    }
}

/// Writes an FLV file, or stream.
///
/// Times before 0 are moved as [`TagWriter`] says. Duration and file size are patched into the header at the end.
/// A piece's time is its packet's dts; that of the header is [`Timestamp::ZERO`].
///
/// ```
/// use brooklet_flv::{FlvMuxer, FlvMuxerOptions};
/// use brooklet_media::{
///     AudioParams, ChannelLayout, CodecId, Metadata, Muxer, Packet, StreamParams, TimeBase,
/// };
///
/// let mut aac = StreamParams::audio(
///     CodecId::Aac,
///     TimeBase::hz(48_000),
///     AudioParams::new(48_000, ChannelLayout::Stereo),
/// );
/// aac.extradata = [0x11, 0x90].as_slice().into();
/// let mut muxer = FlvMuxer::new(FlvMuxerOptions::default());
/// muxer.add_stream(&aac)?;
/// muxer.start(&Metadata::new())?;
/// muxer.write(&Packet::new(0, 0, [0x21, 0x10].as_slice().into()))?;
/// muxer.finish()?;
/// let file: Vec<_> = std::iter::from_fn(|| muxer.poll_piece()).collect();
/// assert!(file[0].bytes.starts_with(b"FLV\x01\x04"));
/// # Ok::<(), brooklet_media::Error>(())
/// ```
#[derive(Debug)]
pub struct FlvMuxer {
    options: FlvMuxerOptions,
    tags: TagWriter,
    pieces: VecDeque<Piece>,
    /// Bytes so far.
    written: u64,
    at: Timestamp,
    /// From when to when the packets last, in milliseconds.
    span: Option<(i64, i64)>,
}

impl FlvMuxer {
    /// Without streams.
    pub fn new(options: FlvMuxerOptions) -> Self {
        Self {
            options,
            tags: TagWriter::new(),
            pieces: VecDeque::new(),
            written: 0,
            at: Timestamp::ZERO,
            span: None,
        }
    }

    fn append(&mut self, bytes: Bytes, key: bool) {
        self.written += bytes.len() as u64;
        self.pieces.push_back(Piece { bytes, at: self.at, key, place: Place::Append });
    }

    fn patch(&mut self, at: usize, number: f64) {
        let bytes = Bytes::copy_from_slice(&number.to_be_bytes());
        let place = Place::Patch(SCRIPT_AT + at as u64);
        self.pieces.push_back(Piece { bytes, at: self.at, key: false, place });
    }
}

impl Muxer for FlvMuxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        self.tags.add_stream(params)
    }

    fn start(&mut self, metadata: &Metadata) -> Result<()> {
        let (video, audio) = (self.tags.has(TagKind::Video), self.tags.has(TagKind::Audio));
        if !video && !audio {
            return Err(Error::Usage("flv: there is no stream to write".into()));
        }
        let mut out = BytesMut::from(b"FLV\x01".as_slice());
        out.put_u8(u8::from(audio) << 2 | u8::from(video));
        out.put_u32(FILE_HEADER as u32);
        out.put_u32(0); // PreviousTagSize0
        if !self.options.no_metadata {
            let script = self.tags.script_tag(metadata, !self.options.no_duration_filesize);
            put_tag(&mut out, script.kind, script.timestamp, &[&script.body]);
        }
        for tag in self.tags.sequence_headers()? {
            put_tag(&mut out, tag.kind, tag.timestamp, &[&tag.body]);
        }
        self.append(out.freeze(), true);
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let Draft { kind, timestamp, head, end, at } = self.tags.draft(packet)?;
        self.at = at;
        let (first, last) = self.span.unwrap_or((timestamp, end));
        self.span = Some((first.min(timestamp), last.max(end)));
        let mut out = BytesMut::with_capacity(Tag::HEADER + head.len() + packet.data.len() + 4);
        put_tag(&mut out, kind, timestamp, &[&head, &packet.data]);
        let key = match kind {
            TagKind::Video => packet.key,
            _ => !self.tags.has(TagKind::Video),
        };
        self.append(out.freeze(), key);
        Ok(())
    }

    fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<()> {
        for tag in self.tags.change_params(stream, params)? {
            let mut out = BytesMut::new();
            put_tag(&mut out, tag.kind, tag.timestamp, &[&tag.body]);
            self.append(out.freeze(), false);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(end) = self.tags.end_of_sequence().filter(|_| !self.options.no_sequence_end) {
            let mut out = BytesMut::new();
            put_tag(&mut out, end.kind, end.timestamp, &[&end.body]);
            self.append(out.freeze(), false);
        }
        if !self.options.no_metadata && !self.options.no_duration_filesize {
            let (first, last) = self.span.unwrap_or((0, 0));
            self.patch(DURATION_AT, last.saturating_sub(first) as f64 / 1_000.0);
            self.patch(FILESIZE_AT, self.written as f64);
        }
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }
}

/// A tag, its body given in parts, and its PreviousTagSize.
fn put_tag(out: &mut BytesMut, kind: TagKind, timestamp: i64, body: &[&[u8]]) {
    let size = body.iter().map(|part| part.len()).sum();
    out.put_slice(&TagHeader::new(kind, size, timestamp).to_bytes());
    body.iter().for_each(|part| out.put_slice(part));
    out.put_u32((Tag::HEADER + size) as u32);
}
