//! Servers, publishers, players and codecs, each with each: `cargo xtask test --full`, whose table is INTEROP.md.

use std::path::Path;
use std::thread;

use brooklet_tests::cells::{self, Cell};
use brooklet_tests::codecs::Codecs;
use brooklet_tests::limits::{LIMITS, explain, is_accounted_for};
use brooklet_tests::players::Player;
use brooklet_tests::publishers::Publisher;
use brooklet_tests::servers::Software;
use brooklet_tests::table;

#[test]
fn what_each_publisher_sends_reaches_us_whole() {
    let streams = Publisher::ALL.map(|publisher| (publisher, Codecs::ALL[0]));
    for server in [Software::Brooklet, Software::Nginx] {
        expect_whole(cells::play(server, &streams, &[Player::Brooklet]));
    }
}

#[test]
fn each_player_receives_everything_from_our_server() {
    expect_whole(cells::play(Software::Brooklet, &[(Publisher::Brooklet, Codecs::ALL[1])], &Player::ALL));
}

#[test]
fn what_enhanced_rtmp_added_goes_both_ways() {
    let enhanced = Codecs::ALL.into_iter().filter(Codecs::is_enhanced);
    let both = |codecs| [(Publisher::Brooklet, codecs), (Publisher::Ffmpeg9, codecs)];
    let streams: Vec<_> = enhanced.flat_map(both).collect();
    for server in [Software::Brooklet, Software::NodeMediaServer] {
        expect_whole(cells::play(server, &streams, &[Player::Brooklet, Player::Ffmpeg9]));
    }
}

/// Minutes long: by `cargo xtask test --full`. `BROOKLET_INTEROP` is the file for the table.
#[test]
#[ignore = "minutes long: cargo xtask test --full"]
fn each_with_each() {
    let rows = |server| {
        let all =
            Publisher::ALL.into_iter().flat_map(|publisher| Codecs::ALL.map(|codecs| (publisher, codecs)));
        let able = all.filter(|(publisher, codecs)| publisher.cannot(codecs).is_none());
        able.flat_map(|stream| cells::play(server, &[stream], &Player::ALL).unwrap_or_default()).collect()
    };
    let cells: Vec<Cell> = thread::scope(|scope| {
        let servers = Software::ALL.map(|server| scope.spawn(move || -> Vec<Cell> { rows(server) }));
        servers.into_iter().flat_map(|server| server.join().expect("the rows of a server")).collect()
    });
    if let Some(path) = std::env::var_os("BROOKLET_INTEROP") {
        std::fs::write(Path::new(&path), table::page(&cells)).expect("the table");
    }
    let bad: Vec<String> =
        cells.iter().filter(|cell| !is_accounted_for(cell, &cells)).map(describe).collect();
    assert!(bad.is_empty(), "{} of {} cells:\n{}", bad.len(), cells.len(), bad.join("\n"));
}

#[track_caller]
fn expect_whole(cells: Option<Vec<Cell>>) {
    // A peer that is missing has been told.
    let Some(cells) = cells else { return };
    assert!(!cells.is_empty());
    let bad: Vec<String> = cells.iter().filter(|cell| !cell.is_whole()).map(describe).collect();
    assert!(bad.is_empty(), "{} of {} cells:\n{}", bad.len(), cells.len(), bad.join("\n"));
}

fn describe(cell: &Cell) -> String {
    let cast = &cell.cast;
    let names = [cast.publisher.name(), cast.server.name(), cast.player.name()].join(" → ");
    let arrived = match &cell.arrived {
        Ok(tracks) => tracks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Err(said) => said.clone(),
    };
    let limits =
        explain(cell).map(|known| known.iter().map(|index| LIMITS[*index].reason).collect::<Vec<_>>());
    format!("{names}, {}: {arrived}; limits: {limits:?}", cast.codecs.name)
}
