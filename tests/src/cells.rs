//! One cell: a publisher, a server and a player, and what of the clip has come through all three.

use std::thread;
use std::time::Duration;

use crate::arrival::{Arrival, arrivals};
use crate::codecs::Codecs;
use crate::players::{Player, Playing};
use crate::program::{DEADLINE, Running};
use crate::publishers::Publisher;
use crate::servers::Software;

/// What reaches players after the publisher has gone.
const STRAGGLERS: Duration = Duration::from_millis(1_500);
/// How long a player may go on after its server has gone: generous, only against hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who takes part, and in which codecs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// The server.
    pub server: Software,
    /// Who publishes.
    pub publisher: Publisher,
    /// What is published.
    pub codecs: Codecs,
    /// Who plays.
    pub player: Player,
}

impl Cast {
    /// Whether one of the three is ours.
    pub fn has_ours(&self) -> bool {
        self.server == Software::Brooklet
            || self.publisher == Publisher::Brooklet
            || self.player == Player::Brooklet
    }
}

/// A cast, and how it went.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Who took part.
    pub cast: Cast,
    /// What of each track has arrived, or what else went wrong.
    pub arrived: Result<Vec<Arrival>, String>,
}

impl Cell {
    /// Each packet of each track has come, once, in order, as it was, and at its time.
    pub fn is_whole(&self) -> bool {
        self.arrived.as_ref().is_ok_and(|tracks| tracks.iter().all(|track| track.fault.is_none()))
    }
}

/// Plays streams by all these players, where they can, and publishes them at once, to a server of their own. `None`
/// where a peer is not installed.
///
/// The players are there first. When the publishers are done, the server goes: that ends the players, which wait for
/// more otherwise.
#[track_caller]
pub fn play(server: Software, streams: &[(Publisher, Codecs)], players: &[Player]) -> Option<Vec<Cell>> {
    let running = server.start()?;
    let mut waiting: Vec<(Cast, Playing)> = Vec::new();
    let url = |index: usize| running.url(&format!("live/stream{index}"));
    for (index, &(publisher, codecs)) in streams.iter().enumerate() {
        for &player in players.iter().filter(|player| player.cannot(&codecs).is_none()) {
            waiting.push((Cast { server, publisher, codecs, player }, player.receive(&url(index))?));
        }
    }
    running.await_players(waiting.len());
    let mut publishing: Vec<Running> = Vec::new();
    for (index, (publisher, codecs)) in streams.iter().enumerate() {
        publishing.push(publisher.publish(&codecs.clip()?, codecs, &url(index))?);
    }
    let published: Vec<Result<(), String>> = publishing.into_iter().map(finish).collect();
    thread::sleep(STRAGGLERS);
    running.kill();
    let mut cells = Vec::new();
    for (cast, playing) in waiting {
        let stream = streams.iter().position(|stream| *stream == (cast.publisher, cast.codecs));
        let sent = stream.map_or(Ok(()), |index| published[index].clone());
        let dump = playing.finish_or_end(PATIENCE);
        let arrived = arrivals(&dump.path, &cast.codecs.clip()?)?;
        cells.push(Cell { cast, arrived: sent.and(dump.ended.map(|_| arrived)) });
    }
    Some(cells)
}

/// What a publisher has to say against itself.
fn finish(publisher: Running) -> Result<(), String> {
    let run = publisher.finish_within(DEADLINE)?;
    let well = run.status.success();
    if well { Ok(()) } else { Err(format!("the publisher ended with {}: {}", run.status, run.stderr)) }
}
