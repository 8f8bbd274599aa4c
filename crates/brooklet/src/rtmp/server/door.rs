//! The door: connections are accepted as long as there is room, for all together and for each address.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};

use super::report::Report;
use super::{Shared, session};
use crate::Error;
use crate::protocol::places::{self, Arrival, Place};

/// Accepts until it is dropped.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    places::accept(listener, &shared.places, |arrival| match arrival {
        Arrival::In(stream, peer, place) => welcome(stream, peer, place, &shared),
        Arrival::Full(peer, why) => shared.journal.write(Report::Refused { peer, why: why.into() }),
        Arrival::CannotAccept(why) => shared.journal.write(Report::CannotAccept { why }),
    })
    .await;
}

fn welcome(stream: TcpStream, peer: SocketAddr, place: Place, shared: &Arc<Shared>) {
    let shared = shared.clone();
    tokio::spawn(async move {
        let place = place;
        let entering = async {
            places::keep_little_unsent(&stream)
                .map_err(|source| Error::io(&shared.url, "cannot accept", source))?;
            shared.entrance.admit(&shared.url, stream).await
        };
        match tokio::time::timeout(shared.options.handshake, entering).await {
            Ok(Ok(stream)) => session::run(stream, peer, &shared).await,
            Ok(Err(error)) => shared.journal.write(Report::Refused { peer, why: error.to_string() }),
            Err(_) => {
                let why = "it did not finish TLS's handshake in time".into();
                shared.journal.write(Report::Refused { peer, why });
            }
        }
        drop(place);
    });
}
