//! Packets to MP4 and QuickTime files.

mod entry;
mod esds;
mod fragments;
mod moov;
mod output;
mod put;
mod tables;
mod tags;
mod timeline;
mod track;
mod whole;

use std::time::Duration;

use brooklet_media::{CodecId, Error, MediaKind, Metadata, Muxer, Packet, Piece, Result, StreamParams};
use bytes::{BufMut, BytesMut};

use self::fragments::Fragments;
use self::output::Output;
use self::put::put_box;
use self::track::Track;
use self::whole::Whole;
use crate::boxes::{FourCc, NAME};

/// The most streams of a file: their numbers have a byte in the index of fragments.
const MAX_STREAMS: usize = 128;

/// Which of the family a file says it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mp4Brand {
    /// `.mp4`.
    #[default]
    Mp4,
    /// `.m4a` and `.m4v`: the same, by Apple's names.
    Ipod,
    /// `.mov`: QuickTime, whose descriptions of sound are others.
    QuickTime,
}

impl Mp4Brand {
    /// ffmpeg's name of the format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Ipod => "ipod",
            Self::QuickTime => "mov",
        }
    }
}

/// How a file is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mp4Layout {
    /// The index at the end. Until it is written, nothing can be played; its output has to go back once, to patch a size.
    #[default]
    IndexLast,
    /// The index at the front, where it is moved to in the end ([`brooklet_media::Place::Insert`]): a player that fetches the file may
    /// begin before all of it is there. ffmpeg's `faststart`.
    IndexFirst,
    /// In fragments, each whole in itself: for pipes, and for what must be readable whenever it breaks off.
    Fragments(FragmentRule),
}

/// Where fragments begin. A fragment that passes 16 MiB or 10 s ends in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FragmentRule {
    /// At each key picture. Sound without pictures is cut by length.
    pub at_key_frames: bool,
    /// At each frame, of pictures where there are any.
    pub each_frame: bool,
    /// When a fragment is this long. Where nothing is said, sound without pictures is cut each second.
    pub length: Option<Duration>,
    /// Whether an index of all of them (`mfra`) ends the file. It takes 32 bytes of memory a fragment.
    pub index: bool,
}

impl Default for FragmentRule {
    /// At key pictures, with an index.
    fn default() -> Self {
        Self { at_key_frames: true, each_frame: false, length: None, index: true }
    }
}

/// What an [`Mp4Muxer`] is to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mp4MuxerOptions {
    /// Which of the family.
    pub brand: Mp4Brand,
    /// How it is laid out.
    pub layout: Mp4Layout,
    /// Name no program in it.
    pub bitexact: bool,
}

/// Writes an MP4 or QuickTime file.
///
/// Samples keep their times: sound is counted in its own samples, pictures in ticks of their stream's time base (or a multiple of it, up to
/// 1 MHz). What is trimmed from the start of a sound, or to be decoded only, is cut by an edit list, and so is what is trimmed
/// from the end, except in fragments. The presentation begins at 0: what stands before is cut too.
///
/// Parameters may change in mid-stream where the file is not fragmented: it then has several descriptions.
///
/// An index that is written at the end waits in memory: of streams that come in turns about 20 bytes a packet, and up to 40 where nothing
/// of their times is regular. Fragments take no more than 16 MiB.
///
/// ```
/// use brooklet_media::{AudioParams, ChannelLayout, CodecId, Metadata, Muxer, Packet, StreamParams, TimeBase};
/// use brooklet_mp4::{Mp4Muxer, Mp4MuxerOptions};
///
/// let sound = AudioParams::new(48_000, ChannelLayout::Stereo);
/// let mut aac = StreamParams::audio(CodecId::Aac, TimeBase::hz(48_000), sound);
/// aac.extradata = [0x11, 0x90].as_slice().into();
/// let mut muxer = Mp4Muxer::new(Mp4MuxerOptions::default());
/// muxer.add_stream(&aac)?;
/// muxer.start(&Metadata::new())?;
/// muxer.write(&Packet { duration: 1_024, ..Packet::new(0, 0, [0x21, 0x10].as_slice().into()) })?;
/// muxer.finish()?;
/// let pieces: Vec<_> = std::iter::from_fn(|| muxer.poll_piece()).collect();
/// assert_eq!(&pieces[0].bytes[4..8], b"ftyp");
/// assert_eq!(&pieces.last().unwrap().bytes[4..8], b"moov");
/// # Ok::<(), brooklet_media::Error>(())
/// ```
pub struct Mp4Muxer {
    file: File,
    body: Body,
    started: bool,
}

/// What a file is made of, however it is laid out.
struct File {
    options: Mp4MuxerOptions,
    metadata: Metadata,
    tracks: Vec<Track>,
    out: Output,
}

/// What follows the `ftyp`.
enum Body {
    Whole(Whole),
    Fragments(Fragments),
}

impl Mp4Muxer {
    /// A muxer without streams.
    pub fn new(options: Mp4MuxerOptions) -> Self {
        let body = match options.layout {
            Mp4Layout::IndexLast => Body::Whole(Whole::new(false)),
            Mp4Layout::IndexFirst => Body::Whole(Whole::new(true)),
            Mp4Layout::Fragments(rule) => Body::Fragments(Fragments::new(rule)),
        };
        let file = File { options, metadata: Metadata::new(), tracks: Vec::new(), out: Output::default() };
        Self { file, body, started: false }
    }
}

impl Muxer for Mp4Muxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        Error::check_limit(NAME, "streams", self.file.tracks.len() as u64 + 1, MAX_STREAMS as u64)?;
        if self.started {
            return Err(Error::Usage(format!("{NAME}: a stream after the start")));
        }
        let (tracks, brand) = (&mut self.file.tracks, self.file.options.brand);
        tracks.push(Track::new(tracks.len() as u32 + 1, brand, params)?);
        Ok(())
    }

    fn start(&mut self, metadata: &Metadata) -> Result<()> {
        if self.file.tracks.is_empty() {
            return Err(Error::Usage(format!("{NAME}: there is no stream to write")));
        }
        self.started = true;
        self.file.enable();
        self.file.metadata = metadata.clone();
        let ftyp = self.file.ftyp();
        match &mut self.body {
            Body::Whole(whole) => whole.start(&mut self.file, ftyp),
            Body::Fragments(fragments) => fragments.start(ftyp, self.file.tracks.len()),
        }
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let number = packet.stream;
        let unknown = || Error::Usage(format!("{NAME}: there is no stream {number}, or no start"));
        let track = self.file.tracks.get_mut(number).filter(|_| self.started).ok_or_else(unknown)?;
        let sample = track.sample(packet)?;
        let at = track.params.time_base.at(packet.dts);
        let key =
            packet.key && self.file.tracks.get(number).is_some_and(|track| self.file.starts_readers(track));
        match &mut self.body {
            Body::Whole(whole) => {
                self.file.out.set_time(at);
                whole.write(&mut self.file, number, sample, key)
            }
            Body::Fragments(fragments) => {
                fragments.write(&mut self.file, number, sample)?;
                // A fragment is due with the last packet in it.
                self.file.out.set_time(at);
                Ok(())
            }
        }
    }

    fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<()> {
        let unknown = || Error::Usage(format!("{NAME}: there is no stream {stream}"));
        self.file.tracks.get_mut(stream).ok_or_else(unknown)?.change(params)
    }

    fn finish(&mut self) -> Result<()> {
        if !self.started {
            return Err(Error::Usage(format!("{NAME}: an end before the start")));
        }
        match &mut self.body {
            Body::Whole(whole) => whole.finish(&mut self.file),
            Body::Fragments(fragments) => fragments.finish(&mut self.file),
        }
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.file.out.poll()
    }
}

impl File {
    /// Those that a player takes where nobody chooses: the streams that say so, else the first of each kind.
    fn enable(&mut self) {
        for kind in [MediaKind::Video, MediaKind::Audio] {
            let mut of_kind: Vec<_> =
                self.tracks.iter_mut().filter(|track| track.params.media() == kind).collect();
            let is_said = of_kind.iter().any(|track| track.params.default);
            for (number, track) in of_kind.iter_mut().enumerate() {
                track.enabled = if is_said { track.params.default } else { number == 0 };
            }
        }
    }

    /// `ftyp` (ISO/IEC 14496-12 §4.3): what kind of file it is.
    fn ftyp(&self) -> BytesMut {
        let has = |codec| self.tracks.iter().any(|track| track.params.codec == codec);
        let has_pictures = self.tracks.iter().any(|track| track.params.media() == MediaKind::Video);
        let major: &FourCc = match self.options.brand {
            Mp4Brand::Mp4 => b"isom",
            Mp4Brand::Ipod if has_pictures => b"M4V ",
            Mp4Brand::Ipod => b"M4A ",
            Mp4Brand::QuickTime => b"qt  ",
        };
        let mut compatible = vec![major];
        if self.options.brand != Mp4Brand::QuickTime {
            compatible.extend([b"isom", b"iso2"].into_iter().filter(|brand| *brand != major));
            if matches!(self.options.layout, Mp4Layout::Fragments(_)) {
                compatible.extend([b"iso5", b"iso6"]); // defaults relative to the fragment, 64-bit times in it
            }
            let of_codecs: [(CodecId, &FourCc); 2] = [(CodecId::H264, b"avc1"), (CodecId::Av1, b"av01")];
            compatible.extend(of_codecs.into_iter().filter(|(codec, _)| has(*codec)).map(|(_, brand)| brand));
            compatible.push(b"mp41");
        }
        let mut out = BytesMut::new();
        put_box(&mut out, b"ftyp", |out| {
            out.put_slice(major);
            out.put_u32(0x200);
            compatible.into_iter().for_each(|brand| out.put_slice(brand));
        });
        out
    }

    /// Whether a reader can start at a packet of this track, if it is a key packet.
    fn starts_readers(&self, track: &Track) -> bool {
        let is_video = |track: &Track| track.params.media() == MediaKind::Video;
        is_video(track) || !self.tracks.iter().any(is_video)
    }
}
