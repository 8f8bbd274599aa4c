//! Publishing to a server.

use std::time::Duration;

use brooklet_rtmp::{Client, ClientEvent, ClientOptions, Purpose, RtmpUrl};

use super::connect::connect;
use super::sink::{LAST_TAG, Remote, Sent, TagSink, send_tags};
use crate::protocol::socket::wait_for;
use crate::protocol::{LivePacketSink, SinkOptions};
use crate::{Error, Result, Url, runtime};

/// How long a connection may take where the caller sets no timeout.
const CONNECT: Duration = Duration::from_secs(20);

/// Connects and waits until the server has agreed, or refused.
pub(super) fn open(
    url: &Url,
    peer: &RtmpUrl,
    client: ClientOptions,
    options: &SinkOptions,
) -> Result<Box<dyn LivePacketSink>> {
    let (text, peer, limit) = (url.text.clone(), peer.clone(), options.timeout);
    let tls = options.tls.clone();
    let connecting = async move { connect(&text, &peer, Purpose::Publish, &client, &tls, limit).await };
    let patience = (options.timeout.unwrap_or(CONNECT), "the server did not answer");
    let mut connection = wait_for(url, &options.stopper, Some(patience), connecting)?;

    let remote = Remote::new(&url.text, &options.stopper);
    let (tags, outcome, sent, text) =
        (remote.tags.clone(), remote.outcome.clone(), remote.sent.clone(), url.text.clone());
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    runtime.spawn(async move {
        let send =
            |client: &mut Client, tag: &_| client.send(tag).map_err(|source| Error::rtmp(&text, source));
        let ended =
            send_tags(&mut connection, &tags, &sent, send, |_, event| Ok(event != ClientEvent::End)).await;
        let ended = match ended {
            Ok(Sent::All) => {
                tokio::time::sleep(LAST_TAG).await;
                connection.endpoint.finish();
                connection.close().await.map(drop)
            }
            Ok(Sent::PeerLeft) => Err(Error::Left { url: text.clone() }),
            Err(error) => Err(error),
        };
        let _ = outcome.send(ended).await;
        tags.close();
    });
    Ok(Box::new(TagSink::new(&url.text, false, remote)))
}
