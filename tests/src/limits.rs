//! What peers are known not to do.

use crate::arrival::{Arrival, Fault};
use crate::cells::{Cast, Cell};
use crate::codecs::Codecs;
use crate::players::Player;
use crate::publishers::Publisher;
use crate::servers::Software;

/// A limit of a peer: which casts show it, and how.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// With this server only.
    pub server: Option<Software>,
    /// With this publisher only.
    pub publisher: Option<Publisher>,
    /// With this player only.
    pub player: Option<Player>,
    /// With these codecs only.
    pub codecs: fn(&Codecs) -> bool,
    /// What is wrong with a track.
    pub shows: fn(&Arrival) -> bool,
    /// For people.
    pub reason: &'static str,
}

/// The limits that were found: each shows also where none of the three is ours, and the test sees to that.
pub const LIMITS: [Limit; 4] = [
    Limit {
        server: Some(Software::Nginx),
        publisher: None,
        player: None,
        codecs: Codecs::has_enhanced_video,
        shows: |track| track.kind == "video" && track.received == 0,
        reason: "nginx-rtmp drops video that is not H.264, without a word to the publisher.",
    },
    Limit {
        server: Some(Software::NodeMediaServer),
        publisher: None,
        player: Some(Player::Gstreamer),
        codecs: |_| true,
        shows: |track| track.received == 0,
        reason: "rtmp2src receives nothing from node-media-server.",
    },
    Limit {
        server: Some(Software::Nginx),
        publisher: None,
        player: Some(Player::Gstreamer),
        codecs: |_| true,
        shows: |track| track.fault == Some(Fault::NoEnd) && track.received + 1 == track.sent,
        reason: "rtmp2src may lose the last packet when nginx-rtmp says in the same breath that the stream is over.",
    },
    Limit {
        server: None,
        publisher: Some(Publisher::Gstreamer),
        player: None,
        codecs: |codecs| codecs.audio == Some("mp3"),
        shows: |track| track.kind == "audio" && track.fault == Some(Fault::Moved),
        reason: "GStreamer's flvmux counts from the first picture that is shown; sound from before it comes at time 0.",
    },
];

impl Limit {
    /// Whether it may show with this cast.
    pub fn applies(&self, cast: &Cast) -> bool {
        self.server.is_none_or(|server| server == cast.server)
            && self.publisher.is_none_or(|publisher| publisher == cast.publisher)
            && self.player.is_none_or(|player| player == cast.player)
            && (self.codecs)(&cast.codecs)
    }
}

/// The limits that explain all that is wrong with a cell, by their places in [`LIMITS`]; `None` where one thing is
/// left that none explains.
pub fn explain(cell: &Cell) -> Option<Vec<usize>> {
    let tracks = cell.arrived.as_ref().ok()?;
    let faulty = tracks.iter().filter(|track| track.fault.is_some());
    let mut all: Vec<usize> = faulty.map(|track| explain_track(cell, track)).collect::<Option<_>>()?;
    all.sort_unstable();
    all.dedup();
    Some(all)
}

fn explain_track(cell: &Cell, track: &Arrival) -> Option<usize> {
    LIMITS.iter().position(|limit| limit.applies(&cell.cast) && (limit.shows)(track))
}
