//! The way to a server: its addresses, the handshake, `connect`, until it has agreed to what is wanted of it.

use std::future::pending;
use std::time::Duration;

use brooklet_rtmp::{Client, ClientEvent, ClientOptions, Purpose, RtmpUrl};

use super::connection::{Connection, Turn};
use super::{handshake_random, now};
use crate::protocol::tcp;
use crate::{Error, Result};

/// Connects to the server of `peer` and returns when it has agreed, before its first tag. `text` is the URL as the
/// user wrote it, for messages; `write_timeout` is how long the server may later refuse to take bytes.
pub(super) async fn connect(
    text: &str,
    peer: &RtmpUrl,
    purpose: Purpose,
    options: &ClientOptions,
    write_timeout: Option<Duration>,
) -> Result<Connection<Client>> {
    let stream = tcp::connect(&peer.host, peer.port).await;
    let stream = stream.map_err(|source| Error::io(text, "cannot connect", source))?;
    let client = Client::new(purpose, peer, options.clone(), &handshake_random(), now());
    let mut connection = Connection::new(text, stream, client, write_timeout);
    match connection.turn(pending::<()>()).await? {
        Turn::Event(ClientEvent::Ready) => Ok(connection),
        _ => Err(Error::Left { url: text.into() }),
    }
}
