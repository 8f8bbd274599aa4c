//! A crowd of cameras on one thread: `cameras URL COUNT SECONDS [CLIP]`.
//!
//! Each sends the same pictures, coded once for all, and gets them back. A line is printed when all have seen something, and one in JSON
//! with what was seen in the seconds after that. Delays are of the first camera alone, from drawn to decoded.

use std::error::Error;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use brooklet_media::Packet;
use brooklet_tests::camera::{Camera, Drawn, Failure, Film, Screen, number};
use brooklet_webrtc::Event;
use serde_json::json;
use tokio::sync::{mpsc, watch};

/// Pictures in a second, and bit/s.
const RATE: u32 = 25;
const BITS: u64 = 1_200_000;
/// Pictures that wait for a session. One that is slower gets a key frame.
const WAITING: usize = 30;
/// How long anybody may take to see something.
const PATIENCE: Duration = Duration::from_secs(60);
/// What encoders and estimates need to settle.
const SETTLED: Duration = Duration::from_secs(4);

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, count, seconds, clip @ ..] = words.as_slice() else {
        return Err("it is used so: cameras URL COUNT SECONDS [CLIP]".into());
    };
    let (count, seconds): (usize, u64) = (count.parse()?, seconds.parse()?);
    let clip = clip.first().map(PathBuf::from);
    let film = Film::new(clip.as_deref(), RATE, BITS).map_err(|why| why.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = runtime.block_on(crowd(url, count, Duration::from_secs(seconds), film));
    println!("{}", told.map_err(|why| why.to_string())?);
    Ok(())
}

async fn crowd(url: &str, count: usize, time: Duration, film: Film) -> Result<serde_json::Value, Failure> {
    let (params, drawn) = (film.params(), film.drawn());
    let (here, mut arrived) = mpsc::channel(count);
    let (start, started) = watch::channel(false);
    let (mut senders, mut crowd) = (Vec::new(), Vec::new());
    // One key frame serves all who want one.
    let (wish, wished) = std::sync::mpsc::channel();
    for number in 0..count {
        let (sender, packets) = mpsc::channel(WAITING);
        senders.push(sender);
        let camera = Camera::call(url, std::slice::from_ref(&params)).await?;
        let watched = (number == 0).then(|| drawn.clone());
        let (here, started, wish) = (here.clone(), started.clone(), wish.clone());
        crowd.push(tokio::spawn(one(camera, packets, watched, here, started, time, wish)));
    }
    thread::spawn(move || shoot(film, &senders, &wished));
    for _ in 0..count {
        tokio::time::timeout(PATIENCE, arrived.recv()).await?.ok_or("somebody saw nothing")?;
    }
    tokio::time::sleep(SETTLED).await;
    println!("all are here");
    start.send(true)?;
    let mut seen = Vec::new();
    for camera in crowd {
        seen.push(camera.await??);
    }
    let mut delays = std::mem::take(&mut seen[0].delays);
    delays.sort_by(f64::total_cmp);
    let at = |part: usize| delays.get(delays.len() * part / 100).copied();
    let per_second = |number: u64| number as f64 / time.as_secs_f64();
    Ok(json!({
        "pictures": seen.iter().map(|seen| per_second(seen.pictures)).collect::<Vec<_>>(),
        "bits": seen.iter().map(|seen| per_second(seen.bytes * 8)).collect::<Vec<_>>(),
        "sent": seen.iter().map(|seen| per_second(seen.sent)).collect::<Vec<_>>(),
        "median": at(50),
        "p95": at(95),
    }))
}

/// Draws pictures and hands them to all, until all have gone.
fn shoot(mut film: Film, senders: &[mpsc::Sender<Packet>], wished: &std::sync::mpsc::Receiver<()>) {
    let (began, mut number) = (Instant::now(), 0);
    let mut key = true;
    while senders.iter().any(|sender| !sender.is_closed()) {
        thread::sleep((Duration::from_secs(1) * number / RATE).saturating_sub(began.elapsed()));
        number += 1;
        key |= wished.try_iter().count() > 0;
        let Ok(packet) = film.next(key) else { return };
        key = senders.iter().any(|sender| sender.try_send(packet.clone()).is_err() && !sender.is_closed());
    }
}

/// What one camera saw.
#[derive(Default)]
struct Seen {
    sent: u64,
    pictures: u64,
    bytes: u64,
    /// Milliseconds.
    delays: Vec<f64>,
}

async fn one(
    mut camera: Camera,
    mut packets: mpsc::Receiver<Packet>,
    watched: Option<Drawn>,
    here: mpsc::Sender<()>,
    started: watch::Receiver<bool>,
    time: Duration,
    wish: std::sync::mpsc::Sender<()>,
) -> Result<Seen, Failure> {
    let (mut screen, mut seen) = (Screen::default(), Seen::default());
    let (mut here, mut end) = (Some(here), None);
    let mut before = camera.tally;
    loop {
        if end.is_none() && *started.borrow() {
            end = Some(Instant::now() + time);
            (before, seen.delays) = (camera.tally, Vec::new());
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
        match camera.turn(packets.recv()).await? {
            Err(Some(packet)) => camera.send(&packet)?,
            Err(None) => return Err("there are no more pictures".into()),
            Ok(Event::KeyFrameWanted(_) | Event::Connected) => wish.send(())?,
            Ok(Event::Closed) => return Err("it ended".into()),
            Ok(Event::Media(event)) => {
                if let Some(drawn) = &watched {
                    let shown = screen.show(&event);
                    let late = shown.iter().filter_map(|picture| drawn.ago(number(picture)));
                    seen.delays.extend(late.map(|late| late.as_secs_f64() * 1e3));
                }
                if camera.tally.pictures > 0
                    && let Some(here) = here.take()
                {
                    here.send(()).await?;
                }
            }
            Ok(_) => {}
        }
    }
    seen.sent = camera.tally.sent - before.sent;
    seen.pictures = camera.tally.pictures - before.pictures;
    seen.bytes = camera.tally.bytes - before.bytes;
    // A server that was told of no session needs no goodbye.
    let _ = camera.leave();
    Ok(seen)
}
