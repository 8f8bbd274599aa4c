//! What formats there are, under ffmpeg's names, and how each is opened.

mod nearest;
mod tables;

#[cfg(feature = "flv")]
use brooklet_flv::{FlvDemuxer, FlvMuxer, FlvMuxerOptions};
use brooklet_media::{CodecId, Demuxer, Error, Muxer, PcmFormat, Result};
#[cfg(feature = "mp4")]
use brooklet_mp4::{FragmentRule, Mp4Brand, Mp4Demuxer, Mp4Layout, Mp4Muxer, Mp4MuxerOptions};
#[cfg(feature = "mpegts")]
use brooklet_mpegts::{TsDemuxer, TsMuxer, TsMuxerOptions};

pub use tables::{DEMUXERS, MUXERS};

use crate::raw;
#[cfg(feature = "aac")]
use crate::{AdtsDemuxer, AdtsMuxer};
#[cfg(feature = "pictures")]
use crate::{AnnexbDemuxer, AnnexbMuxer, MjpegDemuxer, Y4mDemuxer, Y4mMuxer};
use crate::{
    DemuxOptions, FrameMd5Muxer, LavfiDemuxer, Md5Muxer, MuxOptions, NullMuxer, OggDemuxer, OggMuxer,
    RawMuxer, WavDemuxer, WavMuxer,
};
#[cfg(feature = "flac")]
use crate::{FlacDemuxer, FlacMuxer};
#[cfg(feature = "mp3")]
use crate::{Mp3Muxer, MpegAudioDemuxer};

/// One line of `-demuxers`.
#[derive(Debug)]
pub struct DemuxerInfo {
    /// ffmpeg's names, joined by commas: `mov,mp4,m4a,3gp,3g2,mj2`.
    pub names: &'static str,
    /// As ffmpeg describes it.
    pub description: &'static str,
    /// Endings of file names, without dots, by which it is chosen where the bytes don't say.
    pub extensions: &'static [&'static str],
    kind: DemuxerKind,
}

impl DemuxerInfo {
    /// Whether `name` is one of its names.
    pub fn has_name(&self, name: &str) -> bool {
        self.names.split(',').any(|known| known == name)
    }

    /// Whether it makes its media itself and reads nothing: the url is not a place but a text for it.
    pub fn is_generated(&self) -> bool {
        matches!(self.kind, DemuxerKind::Lavfi)
    }

    /// Whether its bytes say nothing of themselves: rate, channels or picture size are options.
    pub fn is_raw(&self) -> bool {
        matches!(self.kind, DemuxerKind::Pcm(_) | DemuxerKind::RawVideo)
    }
}

/// One line of `-muxers`.
#[derive(Debug)]
pub struct MuxerInfo {
    /// ffmpeg's name.
    pub name: &'static str,
    /// As ffmpeg describes it.
    pub description: &'static str,
    /// Endings of file names, without dots, by which it is chosen.
    pub extensions: &'static [&'static str],
    /// What pictures are encoded to where nothing is said; `None` where it has no place for pictures.
    pub default_video: Option<CodecId>,
    /// What sound is encoded to where nothing is said; `None` where it has no place for sound.
    pub default_audio: Option<CodecId>,
    /// Whether parameter sets are wanted out of band rather than in the packets.
    pub global_header: bool,
    /// Whether each picture has a time of its own; where not, pictures are to come at a constant rate.
    pub variable_frame_rate: bool,
    /// Whether what is not known at the start is patched in at the end, where the output can seek.
    pub patches: bool,
    kind: MuxerKind,
}

impl MuxerInfo {
    /// ffmpeg's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it writes nothing, so that no output need be opened.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, MuxerKind::Null)
    }

    /// Whether it is a session of WebRTC at a URL.
    pub fn is_webrtc(&self) -> bool {
        matches!(self.kind, MuxerKind::Session) && matches!(self.name, "whep" | "whip")
    }

    /// Whether it is samples as they are in memory, and nothing else.
    pub fn is_bare_sound(&self) -> bool {
        matches!(self.kind, MuxerKind::Pcm(_))
    }

    /// Whether it holds one stream only.
    pub fn holds_one_stream(&self) -> bool {
        let many = ["flv", "framemd5", "ipod", "md5", "mov", "mp4", "mpegts", "null", "whep", "whip"];
        !many.contains(&self.name)
    }

    /// Whether its usual layout needs an output that can go back: on others it is another one.
    pub fn wants_seeking(&self) -> bool {
        matches!(self.name, "ipod" | "mov" | "mp4")
    }
}

/// How a demuxer is opened.
#[derive(Clone, Copy, Debug)]
enum DemuxerKind {
    #[cfg(feature = "mp4")]
    Mp4,
    #[cfg(feature = "flv")]
    Flv,
    #[cfg(feature = "mpegts")]
    MpegTs,
    #[cfg(feature = "pictures")]
    H264,
    #[cfg(feature = "pictures")]
    Hevc,
    #[cfg(feature = "aac")]
    Adts,
    #[cfg(feature = "flac")]
    Flac,
    Wav,
    #[cfg(feature = "mp3")]
    MpegAudio,
    Ogg,
    #[cfg(feature = "pictures")]
    Mjpeg,
    #[cfg(feature = "pictures")]
    Y4m,
    RawVideo,
    Pcm(PcmFormat),
    G722,
    Lavfi,
    /// Packets that a protocol brings itself.
    Session,
}

/// How a muxer is opened.
#[derive(Clone, Copy, Debug)]
enum MuxerKind {
    #[cfg(feature = "flv")]
    Flv,
    #[cfg(feature = "mp4")]
    Mp4(Mp4Brand),
    #[cfg(feature = "mpegts")]
    MpegTs,
    #[cfg(feature = "pictures")]
    H264,
    #[cfg(feature = "pictures")]
    Hevc,
    #[cfg(feature = "aac")]
    Adts,
    #[cfg(feature = "flac")]
    Flac,
    Wav,
    #[cfg(feature = "mp3")]
    MpegAudio,
    Ogg,
    #[cfg(feature = "pictures")]
    Y4m,
    RawVideo,
    ImagePipe,
    Pcm(PcmFormat),
    G722,
    FrameMd5,
    Md5,
    Null,
    /// Packets that a protocol takes itself.
    Session,
}

/// The demuxer with a name.
///
/// # Errors
///
/// [`Error::Unsupported`] with the name most like it.
pub fn demuxer(name: &str) -> Result<&'static DemuxerInfo> {
    let names = || DEMUXERS.iter().flat_map(|info| info.names.split(','));
    DEMUXERS.iter().find(|info| info.has_name(name)).ok_or_else(|| unknown("input format", name, names()))
}

/// The muxer with a name.
///
/// # Errors
///
/// [`Error::Unsupported`] with the name most like it.
pub fn muxer(name: &str) -> Result<&'static MuxerInfo> {
    let names = || MUXERS.iter().map(|info| info.name);
    MUXERS.iter().find(|info| info.name == name).ok_or_else(|| unknown("output format", name, names()))
}

/// The muxer for an output's name, by its ending.
///
/// # Errors
///
/// [`Error::Unsupported`] for an ending that no muxer has, with those that one has.
pub fn guess_muxer(url: &str) -> Result<&'static MuxerInfo> {
    let extension = extension(url);
    let known = MUXERS.iter().find(|info| info.extensions.contains(&extension.as_str()));
    known.ok_or_else(|| {
        let all: Vec<_> =
            MUXERS.iter().flat_map(|info| info.extensions).map(|ending| format!(".{ending}")).collect();
        let what = match extension.as_str() {
            "" => format!("an output format from the name '{url}', which has no ending (say one with -f)"),
            "mkv" | "webm" | "avi" => {
                format!("writing .{extension} files")
            }
            other => format!("an output format for .{other} (say one with -f)"),
        };
        Error::unsupported(what, all.join(" "))
    })
}

/// Opens a demuxer.
///
/// # Errors
///
/// What options are missing or wrong.
pub fn open_demuxer(info: &DemuxerInfo, options: &DemuxOptions) -> Result<Box<dyn Demuxer>> {
    let source = options.source;
    Ok(match info.kind {
        #[cfg(feature = "mp4")]
        DemuxerKind::Mp4 => Box::new(Mp4Demuxer::new(source)),
        #[cfg(feature = "flv")]
        DemuxerKind::Flv => Box::new(FlvDemuxer::new(source)),
        #[cfg(feature = "mpegts")]
        DemuxerKind::MpegTs => Box::new(TsDemuxer::new(source)),
        #[cfg(feature = "pictures")]
        DemuxerKind::H264 => Box::new(AnnexbDemuxer::h264(source, options.frame_rate)),
        #[cfg(feature = "pictures")]
        DemuxerKind::Hevc => Box::new(AnnexbDemuxer::hevc(source, options.frame_rate)),
        #[cfg(feature = "aac")]
        DemuxerKind::Adts => Box::new(AdtsDemuxer::new(source)),
        DemuxerKind::Wav => Box::new(WavDemuxer::new(source)),
        #[cfg(feature = "mp3")]
        DemuxerKind::MpegAudio => Box::new(MpegAudioDemuxer::new(source)),
        #[cfg(feature = "flac")]
        DemuxerKind::Flac => Box::new(FlacDemuxer::new(source)),
        DemuxerKind::Ogg => Box::new(OggDemuxer::new(source)),
        #[cfg(feature = "pictures")]
        DemuxerKind::Mjpeg => Box::new(MjpegDemuxer::new(source, options.frame_rate)),
        #[cfg(feature = "pictures")]
        DemuxerKind::Y4m => Box::new(Y4mDemuxer::new(source)),
        DemuxerKind::RawVideo => Box::new(raw::open_video(options)?),
        DemuxerKind::Pcm(named) => {
            let format = if let Some(CodecId::Pcm(said)) = options.codec { said } else { named };
            Box::new(raw::open_pcm(format, options)?)
        }
        DemuxerKind::G722 => Box::new(raw::open_g722(options)),
        DemuxerKind::Lavfi => Box::new(LavfiDemuxer::new(&options.url)?),
        DemuxerKind::Session => {
            let what = format!("{} from bytes", info.names);
            return Err(Error::unsupported(what, "rtp://host:port, and -i FILE.sdp"));
        }
    })
}

/// Opens a muxer.
///
/// # Errors
///
/// What options are wrong.
pub fn open_muxer(info: &MuxerInfo, options: &MuxOptions) -> Result<Box<dyn Muxer>> {
    Ok(match info.kind {
        #[cfg(feature = "flv")]
        MuxerKind::Flv => {
            let no_duration_filesize = options.no_duration_filesize || options.live;
            Box::new(FlvMuxer::new(FlvMuxerOptions { no_duration_filesize, ..FlvMuxerOptions::default() }))
        }
        #[cfg(feature = "mp4")]
        MuxerKind::Mp4(brand) => Box::new(Mp4Muxer::new(Mp4MuxerOptions {
            brand,
            layout: mp4_layout(options),
            bitexact: options.bitexact,
        })),
        #[cfg(feature = "mpegts")]
        MuxerKind::MpegTs => {
            let usual = if options.live { TsMuxerOptions::live() } else { TsMuxerOptions::default() };
            Box::new(TsMuxer::new(TsMuxerOptions {
                muxrate: options.muxrate,
                service_name: options.service_name.clone(),
                service_provider: options.service_provider.clone(),
                ..usual
            }))
        }
        #[cfg(feature = "pictures")]
        MuxerKind::H264 => Box::new(AnnexbMuxer::h264()),
        #[cfg(feature = "pictures")]
        MuxerKind::Hevc => Box::new(AnnexbMuxer::hevc()),
        #[cfg(feature = "aac")]
        MuxerKind::Adts => Box::new(AdtsMuxer::new()),
        MuxerKind::Wav => Box::new(WavMuxer::new()),
        #[cfg(feature = "pictures")]
        MuxerKind::Y4m => Box::new(Y4mMuxer::new()),
        #[cfg(feature = "mp3")]
        MuxerKind::MpegAudio if options.live => Box::new(Mp3Muxer::new(false).untagged()),
        #[cfg(feature = "mp3")]
        MuxerKind::MpegAudio => Box::new(Mp3Muxer::new(options.seekable)),
        #[cfg(feature = "flac")]
        MuxerKind::Flac => Box::new(FlacMuxer::new()),
        MuxerKind::Ogg => Box::new(OggMuxer::new(options.live || !options.seekable)),
        MuxerKind::RawVideo => {
            Box::new(RawMuxer::new("rawvideo", |codec| codec == CodecId::RawVideo, "rawvideo"))
        }
        MuxerKind::ImagePipe => {
            let is_picture = |codec| matches!(codec, CodecId::RawVideo | CodecId::Mjpeg);
            Box::new(RawMuxer::new("image2pipe", is_picture, "rawvideo, mjpeg"))
        }
        MuxerKind::Pcm(format) => Box::new(RawMuxer::pcm(format)),
        MuxerKind::G722 => Box::new(RawMuxer::new("g722", |codec| codec == CodecId::G722, "g722")),
        MuxerKind::FrameMd5 => Box::new(FrameMd5Muxer::new(options.bitexact)),
        MuxerKind::Md5 => Box::new(Md5Muxer::new()),
        MuxerKind::Null => Box::new(NullMuxer),
        MuxerKind::Session => {
            return Err(Error::unsupported(format!("{} to a place for bytes", info.name), "rtp://host:port"));
        }
    })
}

#[cfg(feature = "mp4")]
fn mp4_layout(options: &MuxOptions) -> Mp4Layout {
    let mov = options.mov;
    if !mov.is_fragmented() && options.seekable {
        return if mov.faststart { Mp4Layout::IndexFirst } else { Mp4Layout::IndexLast };
    }
    Mp4Layout::Fragments(FragmentRule {
        at_key_frames: mov.frag_keyframe || mov.frag_duration.is_none(),
        each_frame: mov.frag_every_frame,
        length: mov.frag_duration,
        index: options.seekable && !mov.skip_trailer,
    })
}

/// The ending of a name in small letters, without its dot and without what follows a `?`; empty where it has none.
pub(crate) fn extension(url: &str) -> String {
    let path = if url.contains("://") { url.split(['?', '#']).next().unwrap_or_default() } else { url };
    let file = path.rsplit(['/', '\\']).next().unwrap_or_default();
    file.rsplit_once('.').map_or(String::new(), |(_, extension)| extension.to_ascii_lowercase())
}

fn unknown(kind: &str, name: &str, known: impl Iterator<Item = &'static str>) -> Error {
    let names: Vec<_> = known.collect();
    let all = names.join(", ");
    let nearest = nearest::nearest(name, names.into_iter());
    let hint = nearest.map_or(String::new(), |nearest| format!(" (did you mean '{nearest}'?)"));
    Error::unsupported(format!("{kind} '{name}'{hint}"), all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_its_format_and_every_format_opens() {
        let options =
            DemuxOptions { video_size: Some((4, 4)), ..DemuxOptions::new(Default::default(), "sine") };
        for info in DEMUXERS {
            for name in info.names.split(',') {
                assert_eq!(demuxer(name).map(|found| found.names), Ok(info.names));
            }
            let is_session = matches!(info.kind, DemuxerKind::Session);
            assert!(is_session != open_demuxer(info, &options).is_ok(), "{}", info.names);
        }
        for info in MUXERS {
            assert_eq!(muxer(info.name).map(|found| found.name), Ok(info.name));
            let is_session = matches!(info.kind, MuxerKind::Session);
            assert!(is_session != open_muxer(info, &MuxOptions::default()).is_ok(), "{}", info.name);
        }
    }

    #[test]
    fn tables_are_in_order() {
        assert!(DEMUXERS.is_sorted_by_key(|info| info.names));
        assert!(MUXERS.is_sorted_by_key(|info| info.name));
    }

    #[test]
    fn outputs_are_known_by_their_endings() {
        for (url, name) in [
            ("a.flv", "flv"),
            ("/tmp/x.y/b.TS", "mpegts"),
            ("c.m2ts", "mpegts"),
            ("d.264", "h264"),
            ("e.aac", "adts"),
            ("f.wav", "wav"),
            ("g.pcm", "s16le"),
            ("h.yuv", "rawvideo"),
            ("i.y4m", "yuv4mpegpipe"),
            ("http://host/j.mp3?key=a.b", "mp3"),
            ("k.opus", "opus"),
            ("l.ogg", "ogg"),
            ("m.flac", "flac"),
            ("n.mp4", "mp4"),
            ("o.M4A", "ipod"),
            ("p.mov", "mov"),
        ] {
            assert_eq!(guess_muxer(url).map(|info| info.name), Ok(name), "{url}");
        }
        let words = |url: &str| guess_muxer(url).map(|info| info.name).unwrap_err().to_string();
        assert!(words("a.mkv").starts_with("writing .mkv files is not supported"));
        assert!(words("-").contains("-f"));
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest() {
        assert!(muxer("mpeg-ts").unwrap_err().to_string().contains("'mpegts'"));
        assert!(demuxer("matroska").unwrap_err().to_string().starts_with("input format 'matroska' is not"));
    }
}
