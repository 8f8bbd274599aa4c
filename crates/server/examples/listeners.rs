//! A crowd of listeners on one thread: `listeners URL COUNT SECONDS`.
//!
//! Each asks, and reads what comes. A line is printed when all have begun to hear, and another with the least and the most that
//! anyone heard in the seconds after that. It fails where somebody heard less than nine tenths of the median.

use std::error::Error;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// How many may be on their way at once: Icecast's queue of those who come has five places, and who finds none hears nothing.
const ON_THE_WAY: usize = 4;
/// How long anybody may take to hear something.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, count, seconds] = words.as_slice() else {
        return Err("it is used so: listeners http://host:port/path COUNT SECONDS".into());
    };
    let place = url.strip_prefix("http://").and_then(|rest| rest.split_once('/'));
    let (host, path) = place.ok_or("no http:// URL with a path")?;
    let (count, seconds): (usize, u64) = (count.parse()?, seconds.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut heard =
        runtime.block_on(listen(host.to_string(), path.to_string(), count, Duration::from_secs(seconds)))?;
    heard.sort_unstable();
    let median = heard.get(heard.len() / 2).copied().unwrap_or(0);
    println!("least {:?}, median {median}, most {:?} bytes", heard.first(), heard.last());
    let is_fair = median > 0 && heard.first().is_some_and(|least| *least * 10 >= median * 9);
    if is_fair { Ok(()) } else { Err("somebody heard less".into()) }
}

async fn listen(
    host: String,
    path: String,
    count: usize,
    time: Duration,
) -> Result<Vec<usize>, Box<dyn Error>> {
    let (here, mut arrived) = mpsc::channel(count);
    let (start, started) = watch::channel(false);
    let (mut crowd, mut waited) = (Vec::new(), 0);
    for number in 0..count {
        let (host, path, mut started) = (host.clone(), path.clone(), started.clone());
        // Gone with the first sound, or with who hears none: then all that are left have been counted.
        let mut here = Some(here.clone());
        crowd.push(tokio::spawn(async move {
            let mut socket = TcpStream::connect(&host).await?;
            let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            socket.write_all(request.as_bytes()).await?;
            let (mut buffer, mut heard) = (vec![0; 16_384], 0);
            let mut end = None;
            loop {
                let until = end.unwrap_or_else(|| tokio::time::Instant::now() + Duration::from_secs(60));
                tokio::select! {
                    read = socket.read(&mut buffer) => match read? {
                        0 => return Err(std::io::Error::other("it ended")),
                        bytes => {
                            heard += bytes;
                            if let Some(here) = here.take() {
                                let _ = here.send(()).await;
                            }
                        }
                    },
                    _ = started.changed(), if end.is_none() => {
                        heard = 0;
                        end = Some(tokio::time::Instant::now() + time);
                    }
                    () = tokio::time::sleep_until(until), if end.is_some() => return Ok(heard),
                }
            }
        }));
        if number >= ON_THE_WAY {
            timeout(PATIENCE, arrived.recv()).await?.ok_or("somebody heard nothing")?;
            waited += 1;
        }
    }
    drop(here);
    for _ in waited..count {
        timeout(PATIENCE, arrived.recv()).await?.ok_or("somebody heard nothing")?;
    }
    // What each gets at once when it comes is behind it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("all are here");
    start.send(true)?;
    let mut heard = Vec::new();
    for listener in crowd {
        heard.push(listener.await??);
    }
    Ok(heard)
}
