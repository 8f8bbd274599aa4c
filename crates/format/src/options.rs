//! What a user may say of an input or an output beside its name.

use std::time::Duration;

use brooklet_media::{ChannelLayout, CodecId, PixelFormat, Rational, Source};

/// What is known or wished of an input before its first byte. Formats that say these things themselves ignore
/// them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DemuxOptions {
    /// Length, and whether any place can be read.
    pub source: Source,
    /// The input's name; for `lavfi` the text of the graph.
    pub url: String,
    /// `-s`, `-video_size`: width and height in pixels. `rawvideo` can't do without.
    pub video_size: Option<(u32, u32)>,
    /// `-pix_fmt` of `rawvideo`; yuv420p where not said.
    pub pixel_format: Option<PixelFormat>,
    /// `-r`, `-framerate`: pictures in a second, where the format has no clock. It goes before what the stream
    /// says; 25 where nothing does.
    pub frame_rate: Option<Rational>,
    /// `-ar`, `-sample_rate` of raw PCM in Hz; 44100 where not said.
    pub sample_rate: Option<u32>,
    /// `-ac`, `-channel_layout` of raw PCM; mono where not said.
    pub layout: Option<ChannelLayout>,
    /// `-c` before `-i`: what the bytes of a raw format are, where its name does not settle it.
    pub codec: Option<CodecId>,
}

impl DemuxOptions {
    /// Nothing but where it comes from.
    pub fn new(source: Source, url: impl Into<String>) -> Self {
        Self { source, url: url.into(), ..Self::default() }
    }
}

/// What is wished of an output. Formats that have no such thing ignore it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MuxOptions {
    /// Whether the output is watched while it is written: nothing waits to be patched at the end.
    pub live: bool,
    /// Whether what was written can be patched at the end.
    pub seekable: bool,
    /// `-muxrate` of MPEG-TS in bit/s; variable where not said.
    pub muxrate: Option<u64>,
    /// `-metadata service_name=` of MPEG-TS.
    pub service_name: Option<String>,
    /// `-metadata service_provider=` of MPEG-TS.
    pub service_provider: Option<String>,
    /// `-flvflags no_duration_filesize`: FLV's `onMetaData` promises no length.
    pub no_duration_filesize: bool,
    /// `-movflags` and `-frag_duration` of MP4 and QuickTime.
    pub mov: MovOptions,
    /// `-bitexact`, `-fflags +bitexact`: nothing that names this program is written.
    pub bitexact: bool,
}

/// How MP4 and QuickTime are laid out, under ffmpeg's names. Where none of the four that ask for fragments is set, there is one index, at the
/// end; an output that can't go back has fragments in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MovOptions {
    /// The index is moved to the front in the end.
    pub faststart: bool,
    /// In fragments that begin with key pictures.
    pub frag_keyframe: bool,
    /// In fragments of one frame.
    pub frag_every_frame: bool,
    /// The header first, without an index: in fragments, then.
    pub empty_moov: bool,
    /// In fragments of this length.
    pub frag_duration: Option<Duration>,
    /// No index of fragments at the end.
    pub skip_trailer: bool,
}

impl MovOptions {
    /// Whether fragments are asked for.
    pub const fn is_fragmented(&self) -> bool {
        self.frag_keyframe || self.frag_every_frame || self.empty_moov || self.frag_duration.is_some()
    }
}
