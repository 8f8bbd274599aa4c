//! Publishes an FLV file, at the pace of its own clock: `publish FILE.flv rtmp://host/app/stream [fast]`.

mod support;

use std::net::TcpStream;

use brooklet_media::Timestamp;
use brooklet_rtmp::{Client, ClientEvent, ClientOptions, Output, RtmpUrl};
use support::{Clock, FlvFile, Received, Result};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, path, url, pace @ ..] = &arguments[..] else {
        return Err("publish FILE.flv rtmp://host/app/stream [fast]".into());
    };
    let url = RtmpUrl::parse(url)?;
    let mut file = FlvFile::open(path)?;
    let mut socket = TcpStream::connect((url.host.as_str(), url.port))?;
    let clock = Clock::new();
    let mut client = Client::publish(&url, ClientOptions::default(), &support::random(), clock.now());

    let mut next = file.next_tag()?;
    let (mut start, mut finished, mut sent) = (None, false, 0);
    let (mut segments, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        // Mutate, ...
        match (start, &next) {
            (Some(start), Some(tag)) if !pace.is_empty() || due_at(start, tag.timestamp) <= clock.now() => {
                client.send(tag)?;
                sent += 1;
                next = file.next_tag()?;
            }
            (Some(_), None) => {
                client.finish();
                finished = true;
            }
            _ => {}
        }
        // ... then drain until the timeout.
        let timeout = loop {
            match client.poll_output() {
                Output::Transmit(bytes) => segments.push(bytes),
                Output::Event(ClientEvent::Ready) => start = Some(clock.now()),
                Output::Event(event) => println!("{event:?}"),
                Output::Timeout(at) => break at,
            }
        };
        support::transmit(&mut socket, &mut segments)?;
        if finished {
            support::close(socket)?;
            println!("{sent} tags sent");
            return Ok(());
        }
        let wake = match (start, &next) {
            (Some(_), _) if !pace.is_empty() => clock.now(),
            (Some(start), Some(tag)) => timeout.min(due_at(start, tag.timestamp)),
            _ => timeout,
        };
        match support::receive(&mut socket, &mut buffer, &clock, wake)? {
            Received::Bytes(length) => client.handle_input(&buffer[..length], clock.now())?,
            Received::Nothing => client.handle_timeout(clock.now())?,
            Received::Closed => return Ok(client.handle_closed(clock.now())?),
        }
    }
}

/// When the tag with this time is to be sent.
fn due_at(start: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_nanos(start.as_nanos() + Timestamp::from_millis(millis).as_nanos())
}
