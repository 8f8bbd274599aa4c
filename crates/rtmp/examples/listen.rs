//! Waits for one client. One that plays is sent an FLV file at the pace of its own clock; what one publishes is
//! written to a file: `listen 127.0.0.1:1935 FILE.flv play|record`.

mod support;

use std::net::TcpListener;

use brooklet_rtmp::{Output, Server, ServerEvent, ServerOptions};
use support::{Clock, FlvFile, FlvWriter, Pace, Received, Result};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, path, mode] = &arguments[..] else {
        return Err("listen 127.0.0.1:1935 FILE.flv play|record".into());
    };
    let record = mode == "record";
    let mut file = if record { None } else { Some(FlvFile::open(path)?) };
    let mut recording = if record { Some(FlvWriter::create(path)?) } else { None };

    let (mut socket, peer) = TcpListener::bind(address)?.accept()?;
    println!("{peer} has come");
    let clock = Clock::new();
    let mut server = Server::new(ServerOptions::default(), &support::random(), clock.now());

    let (mut pace, mut over, mut sent) = (None::<Pace>, false, 0);
    let (mut segments, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    let mut next = file.as_mut().map_or(Ok(None), FlvFile::next_tag)?;
    loop {
        if let (Some(pace), Some(tag)) = (&mut pace, &next)
            && pace.due(tag) <= clock.now()
        {
            server.send(tag)?;
            sent += 1;
            next = file.as_mut().map_or(Ok(None), FlvFile::next_tag)?;
            if next.is_none() {
                server.finish();
                over = true;
            }
        }
        let timeout = loop {
            let event = match server.poll_output() {
                Output::Transmit(bytes) => {
                    segments.push(bytes);
                    continue;
                }
                Output::Timeout(at) => break at,
                Output::Event(event) => event,
            };
            if !matches!(event, ServerEvent::Tag(_)) {
                println!("{event:?}");
            }
            match event {
                ServerEvent::ConnectRequested(_) => server.accept()?,
                ServerEvent::PublishRequested(_) if record => server.accept()?,
                ServerEvent::PublishRequested(_) => {
                    server.refuse("NetStream.Publish.BadName", "this server only plays")?;
                }
                ServerEvent::PlayRequested(_) if record => {
                    server.refuse("NetStream.Play.StreamNotFound", "this server only records")?;
                }
                ServerEvent::PlayRequested(_) => {
                    server.accept()?;
                    pace = Some(Pace::from(clock.now()));
                }
                ServerEvent::Tag(tag) => {
                    if let Some(recording) = &mut recording {
                        recording.write(&tag)?;
                    }
                }
                // It will close, too.
                ServerEvent::End => next = None,
                ServerEvent::Paused(_) => {}
            }
        };
        support::transmit(&mut socket, &mut segments)?;
        if over {
            support::close(socket)?;
            break;
        }
        let wake = match (&mut pace, &next) {
            (Some(pace), Some(tag)) => timeout.min(pace.due(tag)),
            _ => timeout,
        };
        match support::receive(&mut socket, &mut buffer, &clock, wake)? {
            Received::Bytes(length) => server.handle_input(&buffer[..length], clock.now())?,
            Received::Nothing => server.handle_timeout(clock.now())?,
            Received::Closed => {
                server.handle_closed();
                println!("the client has gone");
                break;
            }
        }
    }
    println!("{sent} tags sent");
    recording.map_or(Ok(()), FlvWriter::finish)
}
