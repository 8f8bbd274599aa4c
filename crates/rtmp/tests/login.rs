//! Clients at the gate of a server that asks who they are, in memory.
#![allow(clippy::unwrap_used, clippy::panic)] // A test that can't go on has failed.

#[allow(unreachable_pub)] // It is public in another crate.
#[path = "support/gate.rs"]
mod gate;

use brooklet_media::Timestamp;
use brooklet_rtmp::{
    Client, ClientEvent, ClientOptions, Error, Login, LoginFailure, Output, Purpose, Result, RtmpUrl, Server,
    ServerEvent, ServerOptions,
};
use gate::Gate;

const NOW: Timestamp = Timestamp::ZERO;

/// One connection: until the server agrees, or the client has had enough.
fn attempt(url: &RtmpUrl, gate: &Gate) -> Result<()> {
    let mut client = Client::new(Purpose::Publish, url, ClientOptions::default(), &[1; 1528], NOW);
    let mut server = Server::new(ServerOptions::default(), &[2; 1528], NOW);
    loop {
        match client.poll_output() {
            Output::Transmit(bytes) => server.handle_input(&bytes, NOW)?,
            Output::Event(ClientEvent::Ready) => return Ok(()),
            other => assert!(matches!(other, Output::Timeout(_)), "{other:?}"),
        }
        match server.poll_output() {
            Output::Transmit(bytes) => client.handle_input(&bytes, NOW)?,
            Output::Event(ServerEvent::ConnectRequested(request)) => match gate.refusal(&request) {
                None => server.accept()?,
                Some(words) => server.refuse("NetConnection.Connect.Rejected", &words)?,
            },
            Output::Event(ServerEvent::PublishRequested(request)) => {
                assert_eq!((request.app.as_str(), request.stream.as_str()), (url_app(url), "key"));
                server.accept()?;
            }
            _ => {}
        }
    }
}

fn url_app(url: &RtmpUrl) -> &str {
    url.app.split('?').next().unwrap()
}

/// As many connections as it takes; how many it took.
fn log_in(url: &str, gate: &Gate) -> Result<usize> {
    let url = RtmpUrl::parse(url).unwrap();
    let (mut login, mut target) = (Login::new(&url), url);
    for connections in 1.. {
        match attempt(&target, gate) {
            Ok(()) => return Ok(connections),
            Err(Error::Authentication { description, .. }) => {
                target = login.answer(&description, connections as u32 * 0x0102_0304)?;
            }
            Err(error) => return Err(error),
        }
    }
    unreachable!()
}

fn gates() -> [Gate; 2] {
    ["adobe", "llnw"].map(|scheme| Gate { scheme, user: "me", password: "p@ss" })
}

#[test]
fn the_right_password_opens_at_the_third_knock() {
    for gate in gates() {
        for app in ["live", "live/instance"] {
            assert_eq!(log_in(&format!("rtmp://me:p%40ss@localhost/{app}/key"), &gate), Ok(3), "{gate:?}");
        }
    }
}

#[test]
fn what_is_wrong_is_told_apart() {
    let user = |user: &str| user.to_owned();
    for gate in gates() {
        for (login, failure) in [
            ("", LoginFailure::NoCredentials),
            ("me@", LoginFailure::WrongPassword { user: user("me") }),
            ("me:pass@", LoginFailure::WrongPassword { user: user("me") }),
            ("you:p%40ss@", LoginFailure::NoSuchUser { user: user("you") }),
        ] {
            let url = format!("rtmp://{login}localhost/live/key");
            assert_eq!(log_in(&url, &gate), Err(Error::Login(failure)), "{url} {gate:?}");
        }
    }
    let strange = Gate { scheme: "kerberos", user: "me", password: "p@ss" };
    let failure = LoginFailure::UnknownScheme { scheme: "kerberos".into() };
    assert_eq!(log_in("rtmp://me:p%40ss@localhost/live/key", &strange), Err(Error::Login(failure)));
}
