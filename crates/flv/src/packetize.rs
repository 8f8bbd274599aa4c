//! Packets to tags: what the muxer and RTMP publishers share.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use brooklet_media::{Error, Metadata, Packet, Result, StreamKind, StreamParams, TimeBase, Timestamp};
use bytes::{BufMut, Bytes, BytesMut};

use crate::coding::{AVC, Coding};
use crate::head::{Head, PacketType};
use crate::{Tag, TagKind, config, metadata};

/// Packets to tags.
///
/// Call [`TagWriter::add_stream`] for each, [`TagWriter::header_tags`] once, then [`TagWriter::write`] in the order
/// of an interleaver.
///
/// Times become milliseconds, each rounded once. Tags can't be before 0: if the first packet's dts is (encoder
/// delay, B-frames), all streams are moved by it, as ffmpeg does, so that sound and picture stay together. The
/// first in interleaved order has the lowest dts; one that is lower yet is decoded at 0 and keeps its pts. Nothing
/// is moved where times are positive, so a caller that wants another start subtracts it before. FLV has no edit
/// list: what a packet says of samples to drop, or of not being shown, is not written.
#[derive(Debug, Default)]
pub struct TagWriter {
    lanes: Vec<Lane>,
    /// What is added to all times, in milliseconds; known from the first packet on.
    shift: Option<i64>,
}

#[derive(Debug)]
struct Lane {
    kind: TagKind,
    coding: Coding,
    /// The low four bits of legacy sound.
    sound: u8,
    params: StreamParams,
    /// dts of the last tag in milliseconds.
    last: i64,
}

/// A tag whose body is not yet in one piece: `head`, then the packet's bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    pub(crate) kind: TagKind,
    pub(crate) timestamp: i64,
    pub(crate) head: Head,
    /// When it has been shown or heard, in milliseconds on the clock of `timestamp`.
    pub(crate) end: i64,
    /// Its dts on the clock of its stream.
    pub(crate) at: Timestamp,
}

impl TagWriter {
    /// Without streams.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares the next stream.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for a codec that FLV has no name for and for a second stream of a kind.
    pub fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        let lane = Lane::new(params)?;
        if self.lanes.iter().any(|other| other.kind == lane.kind) {
            let kind = params.media().name();
            return Err(Error::unsupported(
                format!("a second {kind} stream in flv"),
                "flv holds one video and one audio stream",
            ));
        }
        self.lanes.push(lane);
        Ok(())
    }

    /// What goes before the first packet, and first to every later viewer: `onMetaData` and the sequence headers.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where a stream's codec needs extradata and it is empty, and what is wrong with it where it
    /// can't be read.
    pub fn header_tags(&mut self, metadata: &Metadata) -> Result<Vec<Tag>> {
        let mut tags = vec![self.script_tag(metadata, false)];
        tags.extend(self.sequence_headers()?);
        Ok(tags)
    }

    /// The tag of one packet, whose bytes are copied once.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a stream that was not added and a composition time past 24 bits, [`Error::Limit`] for a
    /// packet past 16 MiB.
    pub fn write(&mut self, packet: &Packet) -> Result<Tag> {
        let Draft { kind, timestamp, head, .. } = self.draft(packet)?;
        let mut body = BytesMut::with_capacity(head.len() + packet.data.len());
        body.put_slice(&head);
        body.put_slice(&packet.data);
        Ok(Tag { kind, timestamp, body: body.freeze() })
    }

    /// From the next packet on, a stream has these parameters: the sequence header that says so, if its codec has
    /// one.
    ///
    /// # Errors
    ///
    /// As [`TagWriter::add_stream`] and [`TagWriter::header_tags`]; the stream is then as it was.
    pub fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<Vec<Tag>> {
        let lane = self.lanes.get_mut(stream).ok_or_else(|| no_stream(stream))?;
        let mut changed = Lane::new(params)?;
        if changed.kind != lane.kind {
            return Err(Error::unsupported("a change of a stream from one kind to another", "the same kind"));
        }
        changed.last = lane.last;
        let header = changed.sequence_header()?;
        *lane = changed;
        Ok(header.into_iter().collect())
    }

    /// What goes after the last packet: the end of an H.264 sequence.
    pub fn end_of_sequence(&self) -> Option<Tag> {
        let avc = |lane: &&Lane| lane.kind == TagKind::Video && lane.coding == Coding::Legacy(AVC);
        self.lanes.iter().find(avc).map(|lane| {
            let head = lane.head(PacketType::SequenceEnd, true, 0);
            Tag { kind: lane.kind, timestamp: lane.last, body: Bytes::copy_from_slice(&head) }
        })
    }

    /// Everything about a packet's tag but the copy.
    pub(crate) fn draft(&mut self, packet: &Packet) -> Result<Draft> {
        let lane = self.lanes.get_mut(packet.stream).ok_or_else(|| no_stream(packet.stream))?;
        let millis = |ticks| lane.params.time_base.rescale(ticks, TimeBase::MILLIS);
        let (pts, dts) = (millis(packet.pts), millis(packet.dts));
        let shift = *self.shift.get_or_insert(dts.saturating_neg().max(0));
        let timestamp = dts.saturating_add(shift).max(lane.last);
        let composition_time = match lane.coding.has_composition_time() {
            true => pts.saturating_add(shift).saturating_sub(timestamp),
            false => 0,
        };
        if composition_time.unsigned_abs() >= 1 << 23 {
            return Err(Error::Usage(format!(
                "flv: pts and dts of a packet are {composition_time} ms apart, which 24 bits can't say"
            )));
        }
        let head = lane.head(PacketType::CodedFrames, packet.key, composition_time as i32);
        let length = head.len() + packet.data.len();
        Error::check_limit("flv", "size of a tag", length as u64, Tag::MAX_BODY as u64)?;
        lane.last = timestamp;
        let shown = timestamp.saturating_add(composition_time);
        Ok(Draft {
            kind: lane.kind,
            timestamp,
            head,
            end: shown.saturating_add(millis(packet.duration).max(0)),
            at: lane.params.time_base.at(packet.dts),
        })
    }

    /// `onMetaData`; with `patched`, duration and file size are left open.
    pub(crate) fn script_tag(&self, tags: &Metadata, patched: bool) -> Tag {
        let streams = self.lanes.iter().map(|lane| (&lane.params, lane.coding));
        let body = metadata::write(streams, tags, patched);
        Tag { kind: TagKind::Script, timestamp: 0, body: body.into() }
    }

    pub(crate) fn sequence_headers(&self) -> Result<Vec<Tag>> {
        self.lanes.iter().filter_map(|lane| lane.sequence_header().transpose()).collect()
    }

    /// Whether there is a stream of this kind.
    pub(crate) fn has(&self, kind: TagKind) -> bool {
        self.lanes.iter().any(|lane| lane.kind == kind)
    }
}

impl Lane {
    fn new(params: &StreamParams) -> Result<Self> {
        let (kind, coding, sound) = match &params.kind {
            StreamKind::Video(_) => (TagKind::Video, Coding::of_video(params.codec)?, 0),
            StreamKind::Audio(audio) => {
                let (coding, sound) = Coding::of_audio(params.codec, audio)?;
                (TagKind::Audio, coding, sound)
            }
            StreamKind::Other => {
                let what = format!("a {} stream in flv", params.media().name());
                return Err(Error::unsupported(what, "video and audio"));
            }
        };
        Ok(Self { kind, coding, sound, params: params.clone(), last: 0 })
    }

    fn head(&self, packet: PacketType, key: bool, composition_time: i32) -> Head {
        match self.kind {
            TagKind::Video => Head::video(self.coding, packet, key, composition_time),
            _ => Head::audio(self.coding, packet, self.sound),
        }
    }

    fn sequence_header(&self) -> Result<Option<Tag>> {
        Ok(config::of(&self.params)?.map(|config| {
            let head = self.head(PacketType::SequenceStart, true, 0);
            let body: Bytes = [&head[..], &config[..]].concat().into();
            Tag { kind: self.kind, timestamp: self.last, body }
        }))
    }
}

fn no_stream(stream: usize) -> Error {
    Error::Usage(format!("flv: stream {stream} was not added"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{AVC_CONFIG, audio, frame, video};
    use brooklet_media::{CodecId, PcmFormat};

    fn writer(streams: &[StreamParams]) -> TagWriter {
        let mut writer = TagWriter::new();
        streams.iter().for_each(|params| writer.add_stream(params).unwrap());
        writer
    }

    fn packet(stream: usize, pts: i64, dts: i64) -> Packet {
        Packet { dts, ..Packet::new(stream, pts, Bytes::from_static(b"data")) }
    }

    #[test]
    fn an_avc_tag_byte_by_byte() {
        let mut writer = writer(&[video(CodecId::H264)]);
        let key = writer.write(&packet(0, 80, 0)).unwrap();
        assert_eq!((key.timestamp, &key.body[..]), (0, &b"\x17\x01\0\0\x50data"[..]));
        let inter = Packet { key: false, ..packet(0, 40, 40) };
        assert_eq!(writer.write(&inter).unwrap().body[..], b"\x27\x01\0\0\0data"[..]);
        assert_eq!(writer.end_of_sequence().unwrap().body[..], b"\x17\x02\0\0\0"[..]);
    }

    #[test]
    fn hevc_says_its_composition_time_only_where_there_is_one() {
        let mut writer = writer(&[video(CodecId::Hevc)]);
        assert_eq!(writer.write(&packet(0, 80, 0)).unwrap().body[..], b"\x91hvc1\0\0\x50data"[..]);
        assert_eq!(writer.write(&packet(0, 40, 40)).unwrap().body[..], b"\x93hvc1data"[..]);
        assert_eq!(writer.end_of_sequence(), None);
    }

    #[test]
    fn headers_are_metadata_then_sequence_headers() {
        let tags =
            writer(&[video(CodecId::H264), audio(CodecId::Aac)]).header_tags(&Metadata::new()).unwrap();
        assert_eq!(
            tags.iter().map(|tag| tag.kind).collect::<Vec<_>>(),
            [TagKind::Script, TagKind::Video, TagKind::Audio]
        );
        assert_eq!(tags[1].body[..], [b"\x17\0\0\0\0", AVC_CONFIG].concat()[..]);
        assert_eq!(tags[2].body[..], b"\xaf\0\x11\x90"[..]);
    }

    #[test]
    fn what_begins_before_zero_moves_all_streams_alike() {
        let mut writer = writer(&[video(CodecId::H264), audio(CodecId::Aac)]);
        let first = writer.write(&packet(0, 0, -80)).unwrap();
        let second = writer.write(&packet(1, -21, -21)).unwrap();
        assert_eq!((first.timestamp, first.body[4]), (0, 80));
        assert_eq!(second.timestamp, 59);
    }

    #[test]
    fn what_begins_after_zero_stays() {
        let mut writer = writer(&[audio(CodecId::Aac)]);
        assert_eq!(writer.write(&packet(0, 500, 500)).unwrap().timestamp, 500);
        assert_eq!(writer.write(&packet(0, -5, -5)).unwrap().timestamp, 500, "a tag never goes back");
    }

    #[test]
    fn a_dts_that_goes_back_is_held_and_its_pts_kept() {
        let mut writer = writer(&[video(CodecId::H264)]);
        writer.write(&packet(0, 200, 100)).unwrap();
        let held = writer.write(&packet(0, 70, 60)).unwrap();
        assert_eq!((held.timestamp, &held.body[2..5]), (100, &[0xFF, 0xFF, 0xE2][..]));
    }

    #[test]
    fn one_stream_of_each_kind_and_no_more() {
        let mut writer = writer(&[video(CodecId::H264)]);
        let refused = writer.add_stream(&video(CodecId::Hevc)).unwrap_err().to_string();
        assert!(refused.contains("flv holds one video and one audio stream"), "{refused}");
        writer.add_stream(&audio(CodecId::Mp3)).unwrap();
        assert!(matches!(writer.add_stream(&audio(CodecId::Opus)), Err(Error::Unsupported { .. })));
    }

    #[test]
    fn codecs_without_a_name_are_refused_with_those_that_have_one() {
        for params in
            [video(CodecId::Mpeg2Video), audio(CodecId::Vorbis), audio(CodecId::Pcm(PcmFormat::S24Le))]
        {
            let refused = TagWriter::new().add_stream(&params).unwrap_err().to_string();
            assert!(refused.contains("in flv is not supported; supported: "), "{refused}");
        }
        let mut pcm = audio(CodecId::Pcm(PcmFormat::S16Le));
        pcm.kind = StreamKind::Audio(brooklet_media::AudioParams::new(
            48_000,
            brooklet_media::ChannelLayout::Stereo,
        ));
        assert!(TagWriter::new().add_stream(&pcm).unwrap_err().to_string().contains("48000 Hz"));
    }

    #[test]
    fn a_codec_that_needs_extradata_is_not_written_without() {
        for mut params in
            [video(CodecId::H264), video(CodecId::Av1), audio(CodecId::Aac), audio(CodecId::Flac)]
        {
            params.extradata = Bytes::new();
            let refused = writer(&[params]).header_tags(&Metadata::new());
            assert!(matches!(refused, Err(Error::Usage(_))), "{refused:?}");
        }
        let mut opus = audio(CodecId::Opus);
        opus.extradata = Bytes::new();
        let tags = writer(&[opus]).header_tags(&Metadata::new()).unwrap();
        assert!(tags[1].body.starts_with(b"\x90OpusOpusHead\x01\x02"));
    }

    #[test]
    fn new_parameters_are_a_sequence_header_at_the_time_of_the_last_tag() {
        let mut writer = writer(&[video(CodecId::H264)]);
        writer.write(&packet(0, 400, 400)).unwrap();
        let mut changed = video(CodecId::H264);
        changed.extradata = [&AVC_CONFIG[..3], &[13], &AVC_CONFIG[4..]].concat().into();
        let tags = writer.change_params(0, &changed).unwrap();
        assert_eq!((tags.len(), tags[0].timestamp, tags[0].body[8]), (1, 400, 13));
        assert!(writer.change_params(0, &audio(CodecId::Aac)).is_err());
        assert!(writer.change_params(1, &changed).is_err());
    }

    #[test]
    fn what_has_no_room_is_refused() {
        let mut writer = writer(&[video(CodecId::H264)]);
        assert!(matches!(writer.write(&packet(3, 0, 0)), Err(Error::Usage(_))));
        assert!(matches!(writer.write(&packet(0, 1 << 23, 0)), Err(Error::Usage(_))));
        let huge = Packet::new(0, 0, vec![0; Tag::MAX_BODY].into());
        assert!(matches!(writer.write(&huge), Err(Error::Limit { .. })));
    }

    #[test]
    fn mp3_gets_the_nearest_rate_that_has_a_number() {
        let head = |rate| {
            let mut mp3 = audio(CodecId::Mp3);
            mp3.kind = StreamKind::Audio(brooklet_media::AudioParams::new(
                rate,
                brooklet_media::ChannelLayout::Stereo,
            ));
            writer(&[mp3]).write(&Packet::new(0, 0, frame(CodecId::Mp3, b""))).unwrap().body[0]
        };
        assert_eq!(
            [44_100, 48_000, 24_000, 22_050, 11_025, 8_000].map(head),
            [0x2F, 0x2F, 0x2B, 0x2B, 0x27, 0x27]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_times_are_written_or_refused(times in proptest::collection::vec((0usize..3, i64::MIN.., i64::MIN..), 0..20)) {
            let mut writer = writer(&[video(CodecId::H264), audio(CodecId::Aac)]);
            let mut last = [0; 2];
            for (stream, pts, dts) in times {
                if let Ok(tag) = writer.write(&packet(stream, pts, dts)) {
                    assert!(tag.timestamp >= last[stream]);
                    last[stream] = tag.timestamp;
                }
            }
        }
    }
}
