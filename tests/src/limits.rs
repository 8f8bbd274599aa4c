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
        reason: "rtmp2src may lose the last packet when nginx-rtmp says in the same breath that the stream is over; other cells in each run.",
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

/// Whether a cell is no fault of ours: it is whole, none of the three is ours, or what it lacks is explained by limits,
/// each of which explains something in a cell without ours, too.
pub fn is_accounted_for(cell: &Cell, all: &[Cell]) -> bool {
    let others = || all.iter().filter(|other| !other.cast.has_ours());
    let shows = |limit| others().any(|other| explain(other).is_some_and(|known| known.contains(&limit)));
    !cell.cast.has_ours() || explain(cell).is_some_and(|known| known.into_iter().all(shows))
}

fn explain_track(cell: &Cell, track: &Arrival) -> Option<usize> {
    LIMITS.iter().position(|limit| limit.applies(&cell.cast) && (limit.shows)(track))
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    #[test]
    fn ours_is_excused_only_by_what_shows_without_us() {
        let theirs = cell(Publisher::Ffmpeg9, "video", 0);
        let ours = cell(Publisher::Brooklet, "video", 0);
        assert!(is_accounted_for(&cell(Publisher::Brooklet, "video", 75), &[]), "whole");
        assert!(is_accounted_for(&ours, &[theirs.clone(), ours.clone()]));
        assert!(
            !is_accounted_for(&ours, &[ours.clone(), cell(Publisher::Ffmpeg9, "video", 75)]),
            "only ours"
        );
        assert!(
            !is_accounted_for(&cell(Publisher::Brooklet, "video", 74), slice::from_ref(&theirs)),
            "another fault"
        );
        assert!(
            !is_accounted_for(&cell(Publisher::Brooklet, "audio", 0), slice::from_ref(&theirs)),
            "another track"
        );
        let failed = Cell { arrived: Err("it did not end".into()), ..ours };
        assert!(!is_accounted_for(&failed, &[theirs]));
    }

    /// HEVC by nginx to rtmpdump, of 75 packets.
    fn cell(publisher: Publisher, kind: &'static str, received: usize) -> Cell {
        let hevc = Codecs::ALL.into_iter().find(|codecs| codecs.video == Some("hevc")).unwrap();
        let cast = Cast { server: Software::Nginx, publisher, codecs: hevc, player: Player::Rtmpdump };
        let fault = (received < 75).then_some(Fault::NoEnd);
        Cell { cast, arrived: Ok(vec![Arrival { kind, received, sent: 75, fault }]) }
    }
}
