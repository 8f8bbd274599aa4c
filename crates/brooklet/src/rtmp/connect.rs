//! The way to a server: its addresses, TLS, the handshake, `connect`, the login where it wants one, until it has agreed to
//! what is wanted of it.

use std::future::pending;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use brooklet_rtmp::{Client, ClientEvent, ClientOptions, Login, Purpose, RtmpUrl};

use super::connection::{Connection, Turn};
use super::{handshake_random, now};
use crate::protocol::stream::Stream;
use crate::protocol::tcp;
use crate::protocol::tls::TlsOptions;
use crate::{Error, Result};

/// Connects to the server of `peer` and returns when it has agreed, before its first tag. A challenge is answered with
/// the user and password of the URL, which takes three connections. `text` is the URL as the user wrote it, for
/// messages; `tls` is for `rtmps://`; `write_timeout` is how long the server may later refuse to take bytes.
pub(super) async fn connect(
    text: &str,
    peer: &RtmpUrl,
    purpose: Purpose,
    options: &ClientOptions,
    tls: &TlsOptions,
    write_timeout: Option<Duration>,
) -> Result<Connection> {
    let (mut login, mut target) = (Login::new(peer), peer.clone());
    loop {
        let description = match attempt(text, peer, &target, purpose, options, tls, write_timeout).await {
            Err(Error::Rtmp { source: brooklet_rtmp::Error::Authentication { description, .. }, .. }) => {
                description
            }
            outcome => return outcome,
        };
        let nonce = RandomState::new().hash_one(&description) as u32;
        target = login.answer(&description, nonce).map_err(|source| Error::rtmp(text, source))?;
    }
}

/// One connection: to `target`, which is `peer` with what the login has added.
async fn attempt(
    text: &str,
    peer: &RtmpUrl,
    target: &RtmpUrl,
    purpose: Purpose,
    options: &ClientOptions,
    tls: &TlsOptions,
    write_timeout: Option<Duration>,
) -> Result<Connection> {
    let socket = tcp::connect(&target.host, target.port).await;
    let socket = socket.map_err(|source| Error::io(text, "cannot connect", source))?;
    if purpose == Purpose::Publish {
        tcp::keep_little_unsent(&socket);
    }
    let stream = Stream::to_server(text, &target.host, socket, target.tls.then_some(tls)).await?;
    let client = Client::new(purpose, target, options.clone(), &handshake_random(), now());
    let mut connection = Connection::new(text, peer, stream, client, write_timeout);
    match connection.turn(pending::<()>()).await? {
        Turn::Event(ClientEvent::Ready) => Ok(connection),
        _ => Err(Error::Left { url: text.into() }),
    }
}
