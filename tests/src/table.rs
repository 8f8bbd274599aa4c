//! INTEROP.md, written from what was seen.

use std::fmt::Write as _;

use crate::cells::Cell;
use crate::codecs::Codecs;
use crate::limits::{LIMITS, explain};
use crate::peers;
use crate::players::Player;
use crate::publishers::Publisher;
use crate::servers::Software;

const INTRODUCTION: &str = "\
# Interoperability of RTMP

Written by `cargo xtask test --full`: each server with each publisher, each player and each pair of codecs. A clip of three
seconds (75 pictures with a key frame in each second, and sound) is published at its own pace, copied, to players that
are there already; ffmpeg 9.0 then compares each player's recording with the clip, packet by packet.

**whole**: each packet of each track came once, in order, untouched, with the codec's header (or one by which it decodes to
the same), and at its time to within 2 ms. Otherwise: packets received of packets sent, and the number of the peer's limit
below. **–**: the player can't know these codecs. A row is missing where the publisher can't send them. (B): with B-frames.

";

/// The whole page.
pub fn page(cells: &[Cell]) -> String {
    let mut page = String::from(INTRODUCTION);
    page += "| program | version |\n|---|---|\n";
    for (name, version) in peers::versions() {
        let _ = writeln!(page, "| {name} | {version} |");
    }
    for server in Software::ALL {
        let _ = writeln!(page, "\n## Server: {}\n", server.name());
        page += &section(server, cells);
    }
    page + "\n## Limits of the peers\n\n" + &limits()
}

/// The rows of one server: publisher and codecs by player.
fn section(server: Software, cells: &[Cell]) -> String {
    let names: Vec<&str> = Player::ALL.iter().map(|player| player.name()).collect();
    let mut rows = format!("| publisher | codecs | {} |\n", names.join(" | "));
    rows += &format!("|{}\n", "---|".repeat(names.len() + 2));
    for publisher in Publisher::ALL {
        for codecs in Codecs::ALL {
            let here = |cell: &&Cell| {
                let cast = &cell.cast;
                (cast.server, cast.publisher, cast.codecs) == (server, publisher, codecs)
            };
            let row: Vec<&Cell> = cells.iter().filter(here).collect();
            if row.is_empty() {
                continue;
            }
            let of = |player: &Player| row.iter().find(|cell| cell.cast.player == *player);
            let columns =
                Player::ALL.iter().map(|player| of(player).map_or("–".into(), |cell| short(cell)));
            let columns: Vec<String> = columns.collect();
            let _ = writeln!(rows, "| {} | {} | {} |", publisher.name(), codecs.name, columns.join(" | "));
        }
    }
    rows
}

fn short(cell: &Cell) -> String {
    if cell.is_whole() {
        return "whole".into();
    }
    let Ok(tracks) = &cell.arrived else { return "failed".into() };
    let faulty = tracks.iter().filter(|track| track.fault.is_some());
    let faulty: Vec<String> = faulty.map(ToString::to_string).collect();
    let known = explain(cell).unwrap_or_default();
    let known: Vec<String> = known.iter().map(|limit| format!("[{}]", limit + 1)).collect();
    format!("{} {}", faulty.join(", "), known.concat()).trim().to_owned()
}

fn limits() -> String {
    let mut lines = String::new();
    for (index, limit) in LIMITS.iter().enumerate() {
        let _ = writeln!(lines, "{}. {}", index + 1, limit.reason);
    }
    lines += "\nEach shows also where none of the three is ours; the test fails where it does not.\n\nLeft out:\n\n";
    let publishers = |codecs: &Codecs| Publisher::ALL.map(|publisher| publisher.cannot(codecs));
    let players = |codecs: &Codecs| Player::ALL.map(|player| player.cannot(codecs));
    let all = Codecs::ALL.iter().flat_map(|codecs| publishers(codecs).into_iter().chain(players(codecs)));
    let mut reasons: Vec<&str> = all.flatten().collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons {
        let _ = writeln!(lines, "- {reason}.");
    }
    lines
}
