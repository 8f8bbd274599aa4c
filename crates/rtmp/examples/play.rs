//! Plays a stream into an FLV file: `play rtmp://host/app/stream FILE.flv`.

mod support;

use std::net::TcpStream;

use brooklet_rtmp::{Client, ClientEvent, ClientOptions, Output, RtmpUrl};
use support::{Clock, FlvWriter, Received, Result};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, path] = &arguments[..] else {
        return Err("play rtmp://host/app/stream FILE.flv".into());
    };
    let url = RtmpUrl::parse(url)?;
    let mut socket = TcpStream::connect((url.host.as_str(), url.port))?;
    let clock = Clock::new();
    let mut client = Client::play(&url, ClientOptions::default(), &support::random(), clock.now());
    let mut file = FlvWriter::create(path)?;

    let (mut segments, mut buffer, mut ended) = (Vec::new(), vec![0; 64 * 1024], false);
    while !ended {
        let timeout = loop {
            match client.poll_output() {
                Output::Transmit(bytes) => segments.push(bytes),
                Output::Event(ClientEvent::Ready) => println!("playing"),
                Output::Event(ClientEvent::Tag(tag)) => file.write(&tag)?,
                Output::Event(ClientEvent::End) => {
                    ended = true;
                    client.finish();
                }
                Output::Event(ClientEvent::ReconnectRequested { description, .. }) => {
                    println!("the server would rather serve us elsewhere: {description}");
                }
                Output::Timeout(at) => break at,
            }
        };
        support::transmit(&mut socket, &mut segments)?;
        if ended {
            break;
        }
        match support::receive(&mut socket, &mut buffer, &clock, timeout)? {
            Received::Bytes(length) => client.handle_input(&buffer[..length], clock.now())?,
            Received::Nothing => client.handle_timeout(clock.now())?,
            Received::Closed => {
                file.finish()?;
                return Ok(client.handle_closed(clock.now())?);
            }
        }
    }
    file.finish()
}
