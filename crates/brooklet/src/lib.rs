//! Read, convert, and write live audio and video: what a user adds to `Cargo.toml`.
//!
//! This crate is the house around the rooms: it opens URLs, owns the sockets and the threads, and wires demuxers, decoders,
//! conversions, encoders and muxers together. It is *not* where any of those live: see [`media`] for the vocabulary, and the
//! crates `brooklet-mp4`, `brooklet-codec` and so on for the rest. It is blocking from outside, as its users expect, and also
//! works inside a runtime of yours.
//!
//! | type | does |
//! |---|---|
//! | [`Reader`] | a URL to chunks of frames, converted to what you ask for |
//! | [`Writer`] | frames to a URL, encoded on threads of their own |
//! | [`Job`] | inputs to outputs, as one run of the program does it |
//! | [`probe()`] | what is in a URL |
//! | [`RtmpServer`] | any number of publishers and viewers, on the streams of a [`Hub`] |
//! | [`radio::Broadcast`] | one stream of sound to any number of listeners, on the same [`Hub`] |
//! | [`speed`] | how fast this machine codes |
//! | [`Stopper`] | stops any of these from another thread |
//! | [`protocol::register`] | adds a protocol of your own |
//!
//! | protocol | reads | writes |
//! |---|---|---|
//! | files, `pipe:` | yes | yes |
//! | `udp://`, `tcp://` | yes | yes, UDP paced by the media's clock |
//! | `rtmp://` | plays | publishes, or listens for viewers |
//! | `rtmps://` | the same within TLS: feature `tls` | |
//! | `http://`, `https://` | files and live streams, with their titles | to a server by POST or PUT; listening is `brooklet-server`'s |
//! | `icecast://` | | a source of an Icecast server |
//!
//! Read [`Reader`] and [`Writer`] first.
//!
//! ```
//! use brooklet::{Reader, Stopper, job::InputSpec};
//!
//! # fn main() -> brooklet::Result<()> {
//! let source = "testsrc2=size=64x48:rate=25:duration=1".to_string();
//! let spec = InputSpec { url: source, format: Some("lavfi".into()), ..InputSpec::default() };
//! let mut reader = Reader::open_with(&spec, &Stopper::new())?;
//! reader.add_video(0, 10, &Default::default())?; // rgb24, 10 frames at a time
//! let mut frames = 0;
//! while let Some((_, chunk)) = reader.next_chunk()? {
//!     assert_eq!(chunk.shape()[1..], [48, 64, 3]);
//!     frames += chunk.frames();
//! }
//! assert_eq!(frames, 25);
//! # Ok(())
//! # }
//! ```

// A smaller program registers fewer rooms (the features in Cargo.toml). What it lacks is compiled all the same, so that no
// room is full of conditions, and left out by the linker.
#![cfg_attr(
    not(all(
        feature = "camera",
        feature = "http",
        feature = "pictures",
        feature = "rtmp",
        feature = "rtp",
        feature = "sound"
    )),
    allow(dead_code, unused_imports)
)]

mod backoff;
pub mod chunk;
pub mod error;
pub mod hub;
mod input;
pub mod job;
mod output;
pub mod play;
#[cfg(feature = "webrtc")]
pub mod processor;
pub mod protocol;
mod queue;
pub mod radio;
pub mod reader;
pub mod rtmp;
mod rtp;
pub mod runtime;
pub mod speed;
mod stage;
mod stop;
mod url;
mod voice;
#[cfg(feature = "webrtc")]
pub mod webrtc;
pub mod writer;

/// What `-vf` and `-af` understand.
pub mod filters {
    pub use brooklet_convert::{AudioFilters, VideoFilters};
}

/// What this machine has to capture from and to play on.
pub mod devices {
    pub use brooklet_device::{
        CameraDriver, CameraFormat, CameraMode, CameraPicture, CameraSizes, Device, DeviceKind, Grabber,
        cameras, capture_time, displays, plug_camera, sound_devices,
    };
}

/// The vocabulary: formats, frames, packets, time.
pub use brooklet_media as media;
pub use brooklet_rtp::CatchUp;
pub use chunk::Chunk;
pub use error::{Error, Result};
pub use hub::Hub;
pub use input::{INPUT_DEVICES, InputDevice, Probed, probe};
pub use job::{Job, Progress, Running};
pub use output::{OUTPUT_DEVICES, OutputDevice};
pub use reader::Reader;
pub use rtmp::RtmpServer;
pub use rtp::SdpFile;
pub use stop::Stopper;
pub use url::Url;
pub use voice::Buffering;
pub use writer::{PictureShape, SoundShape, Writer};
