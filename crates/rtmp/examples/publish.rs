//! Publishes an FLV file, at the pace of its own clock: `publish FILE.flv rtmp://host/app/stream [fast]`.

mod support;

use std::net::TcpStream;

use brooklet_rtmp::{Client, ClientEvent, ClientOptions, Output, RtmpUrl};
use support::{Clock, FlvFile, Pace, Received, Result};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, path, url, fast @ ..] = &arguments[..] else {
        return Err("publish FILE.flv rtmp://host/app/stream [fast]".into());
    };
    let url = RtmpUrl::parse(url)?;
    let mut file = FlvFile::open(path)?;
    let mut socket = TcpStream::connect((url.host.as_str(), url.port))?;
    let clock = Clock::new();
    let mut client = Client::publish(&url, ClientOptions::default(), &support::random(), clock.now());

    let mut next = file.next_tag()?;
    let (mut pace, mut finished, mut sent) = (None::<Pace>, false, 0);
    let (mut segments, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        // Mutate, ...
        if let Some(pace) = &mut pace {
            match &next {
                Some(tag) if !fast.is_empty() || pace.due(tag) <= clock.now() => {
                    client.send(tag)?;
                    sent += 1;
                    next = file.next_tag()?;
                }
                Some(_) => {}
                None => {
                    client.finish();
                    finished = true;
                }
            }
        }
        // ... then drain until the timeout.
        let timeout = loop {
            match client.poll_output() {
                Output::Transmit(bytes) => segments.push(bytes),
                Output::Event(ClientEvent::Ready) => pace = Some(Pace::from(clock.now())),
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
        let wake = match (&mut pace, &next) {
            (Some(_), _) if !fast.is_empty() => clock.now(),
            (Some(pace), Some(tag)) => timeout.min(pace.due(tag)),
            _ => timeout,
        };
        match support::receive(&mut socket, &mut buffer, &clock, wake)? {
            Received::Bytes(length) => client.handle_input(&buffer[..length], clock.now())?,
            Received::Nothing => client.handle_timeout(clock.now())?,
            Received::Closed => return Ok(client.handle_closed(clock.now())?),
        }
    }
}
