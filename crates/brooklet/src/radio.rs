//! Broadcasting sound: one stream, encoded once, to any number of listeners who come and go.
//!
//! A [`Broadcast`] is the end that packets go into; it frames them and publishes them to a [`Hub`](crate::Hub). A
//! [`Station`] is what others see of it: its title, how many listen, and the way in. A [`Listener`] is one of those: bytes
//! as they go over the wire, from a frame on. Whoever speaks HTTP (`brooklet-server`) puts its own words around these.
//!
//! | file | holds |
//! |---|---|
//! | `broadcast` | packets to the hub |
//! | `station` | what is known of a broadcast, and its listeners |
//! | `listener` | one listener's bytes |
//! | `icy` | titles within those bytes, both ways |
//! | `ogg` | pages numbered for one listener alone |
//! | `playing` | what is being played, as it changes |

mod broadcast;
mod icy;
mod listener;
mod ogg;
mod playing;
mod station;

use std::time::Duration;

pub use broadcast::Broadcast;
pub use icy::{IcyReader, IcyWriter};
pub use listener::{ListenOptions, Listener};
pub use playing::NowPlaying;
pub use station::Station;

pub use crate::hub::Burst;

/// How a [`Broadcast`] treats its listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadioOptions {
    /// What is sent at once to who comes: players then begin at once, and have something in hand.
    pub burst: Burst,
    /// How far a listener may be behind beyond that. One who is further behind skips to where who comes now begins.
    pub delay: Duration,
    /// What the station says of itself.
    pub about: About,
}

impl Default for RadioOptions {
    /// 150 KB, with which browsers begin to play; 20 s behind.
    fn default() -> Self {
        let burst = Burst { bytes: 150_000, time: Duration::ZERO };
        Self { burst, delay: Duration::from_secs(20), about: About::default() }
    }
}

/// What a station says of itself: ffmpeg's `-ice_*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// `-ice_name`.
    pub name: Option<String>,
    /// `-ice_description`.
    pub description: Option<String>,
    /// `-ice_genre`.
    pub genre: Option<String>,
    /// `-ice_url`: its home page.
    pub url: Option<String>,
    /// `-ice_public`: whether it may be listed in directories.
    pub public: bool,
}

/// The MIME type of a format of sound by ffmpeg's name; `None` where it can't be broadcast.
pub fn content_type(format: &str) -> Option<&'static str> {
    Some(match format {
        "mp3" => "audio/mpeg",
        "adts" => "audio/aac",
        "ogg" | "opus" | "oga" => "audio/ogg",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        _ => return None,
    })
}
