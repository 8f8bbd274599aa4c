//! Packets to an FLV file (annex E.2, E.3).

use alloc::collections::VecDeque;
use alloc::format;
use core::str::FromStr;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{audio, collect, demux, mux, packets, video};
    use brooklet_media::{CodecId, DemuxEvent};

    fn packet(stream: usize, pts: i64) -> Packet {
        Packet { duration: 40, ..Packet::new(stream, pts, Bytes::from_static(b"data")) }
    }

    fn bare() -> FlvMuxerOptions {
        FlvMuxerOptions { no_metadata: true, ..FlvMuxerOptions::default() }
    }

    #[test]
    fn a_file_byte_by_byte() {
        let file = mux(bare(), &[audio(CodecId::Aac)], &Metadata::new(), &[packet(0, 0x0123_4567)]).unwrap();
        let expected = [
            b"FLV\x01\x04\0\0\0\x09\0\0\0\0".as_slice(),
            b"\x08\0\0\x04\0\0\0\0\0\0\0\xaf\0\x11\x90\0\0\0\x0f",
            b"\x08\0\0\x06\x23\x45\x67\x01\0\0\0\xaf\x01data\0\0\0\x11",
        ];
        assert_eq!(file, expected.concat());
    }

    #[test]
    fn duration_and_size_are_patched_at_the_end() {
        let packets = [packet(0, 1_000), packet(0, 1_040), packet(0, 1_080)];
        let streams = [video(CodecId::H264)];
        let file = mux(FlvMuxerOptions::default(), &streams, &Metadata::new(), &packets).unwrap();
        let number = |at: usize| {
            let at = SCRIPT_AT as usize + at;
            f64::from_be_bytes(file[at..at + 8].try_into().unwrap())
        };
        assert_eq!(number(DURATION_AT), 0.12);
        assert_eq!(number(FILESIZE_AT), file.len() as f64);
        let live = "no_duration_filesize".parse().unwrap();
        let file = mux(live, &streams, &Metadata::new(), &packets).unwrap();
        assert!(!file.windows(8).any(|name| name == b"duration" || name == b"filesize"));
    }

    #[test]
    fn a_reader_can_start_at_key_frames_or_at_any_sound_without_pictures() {
        let keys = |streams: &[StreamParams], packets: &[Packet]| {
            let mut muxer = FlvMuxer::new(bare());
            streams.iter().for_each(|params| muxer.add_stream(params).unwrap());
            muxer.start(&Metadata::new()).unwrap();
            packets.iter().for_each(|packet| muxer.write(packet).unwrap());
            std::iter::from_fn(|| muxer.poll_piece()).map(|piece| (piece.key, piece.at)).collect::<Vec<_>>()
        };
        let at = Timestamp::from_millis;
        let inter = Packet { key: false, ..packet(0, 40) };
        let both = keys(&[video(CodecId::H264), audio(CodecId::Aac)], &[packet(0, 0), packet(1, 20), inter]);
        assert_eq!(both, [(true, at(0)), (true, at(0)), (false, at(20)), (false, at(40))]);
        assert_eq!(keys(&[audio(CodecId::Aac)], &[packet(0, 5)]), [(true, at(0)), (true, at(5))]);
    }

    #[test]
    fn the_end_of_a_sequence_is_said_unless_it_is_not_wanted() {
        let streams = [video(CodecId::H264)];
        let end = b"\x09\0\0\x05\0\0\x28\0\0\0\0\x17\x02\0\0\0\0\0\0\x10";
        let packets = [packet(0, 40)];
        assert!(mux(bare(), &streams, &Metadata::new(), &packets).unwrap().ends_with(end));
        let options = FlvMuxerOptions { no_sequence_end: true, ..bare() };
        assert!(!mux(options, &streams, &Metadata::new(), &packets).unwrap().ends_with(end));
    }

    #[test]
    fn new_parameters_come_before_the_packets_that_they_are_for() {
        let mut muxer = FlvMuxer::new(bare());
        muxer.add_stream(&audio(CodecId::Aac)).unwrap();
        muxer.start(&Metadata::new()).unwrap();
        muxer.write(&packet(0, 0)).unwrap();
        let mut changed = audio(CodecId::Aac);
        changed.extradata = [0x12, 0x10].as_slice().into();
        muxer.change_params(0, &changed).unwrap();
        muxer.write(&packet(0, 40)).unwrap();
        let events = demux(&collect(&mut muxer), 64).unwrap();
        let change = |event: &DemuxEvent| matches!(event, DemuxEvent::Params { stream: 0, params } if params.extradata == changed.extradata);
        let place = events.iter().position(change).unwrap();
        assert_eq!(packets(events[..place].to_vec()).len(), 1);
        assert_eq!(packets(events[place..].to_vec()).len(), 1);
    }

    #[test]
    fn flags_go_by_ffmpegs_names() {
        let options: FlvMuxerOptions =
            "no_duration_filesize+no_sequence_end+aac_seq_header_detect".parse().unwrap();
        assert!(options.no_duration_filesize && options.no_sequence_end && !options.no_metadata);
        let refused = "add_keyframe_index".parse::<FlvMuxerOptions>().unwrap_err().to_string();
        assert!(refused.starts_with("flvflags 'add_keyframe_index' is not supported"), "{refused}");
    }

    #[test]
    fn there_must_be_something_to_write() {
        assert!(matches!(mux(bare(), &[], &Metadata::new(), &[]), Err(Error::Usage(_))));
    }
}
