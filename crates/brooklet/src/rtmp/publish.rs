//! Publishing to a server: tags to a connection that is made again where it breaks, or where the server asks for that.

use std::sync::atomic::Ordering;
use std::time::Instant;

use brooklet_rtmp::{ClientEvent, ClientOptions, Purpose, RtmpUrl};

use super::connection::{Connection, Turn};
use super::dial::Dial;
use super::redirect::Redirect;
use super::sink::{LAST_TAG, TagSink};
use super::uplink::{Downstream, uplink};
use crate::backoff::Backoff;
use crate::protocol::{LivePacketSink, SinkOptions};
use crate::{Error, Result, Stopper, Url, runtime};

/// Connects and waits until the server has agreed, or refused.
pub(super) fn open(
    url: &Url,
    peer: RtmpUrl,
    client: ClientOptions,
    options: &SinkOptions,
) -> Result<Box<dyn LivePacketSink>> {
    let dial = Dial {
        url: url.text.clone(),
        peer,
        purpose: Purpose::Publish,
        client,
        tls: options.tls.clone(),
        timeout: options.timeout,
        reconnect: options.reconnect,
        journal: options.journal.clone(),
    };
    let connection = dial.first(url, &options.stopper)?;
    let (up, down) = uplink(&url.text, &options.stopper, options.max_delay);
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    runtime.spawn(down.shared.clone().run(publish(dial, connection, down, options.ending.clone())));
    Ok(Box::new(TagSink::new(&url.text, false, up)))
}

/// Sends tags until there are no more, or the connection breaks for good. Once it is `ending`, no connection is waited for any
/// more.
pub(super) async fn publish(
    dial: Dial,
    mut connection: Connection,
    mut down: Downstream,
    ending: Stopper,
) -> Result<()> {
    let mut backoff = Backoff::new(dial.reconnect);
    let (mut skips, mut redirect) = (Skips::default(), Redirect::default());
    loop {
        let made = Instant::now();
        let sent = send(&dial, &mut connection, &mut down, &mut skips, &mut redirect).await;
        let shared = down.shared.clone();
        let unwanted = async {
            tokio::select! {
                () = shared.tags.closed() => {}
                () = ending.stopped() => {}
            }
        };
        connection = match (sent, redirect.take()) {
            (Ok(Sent::All), _) => {
                tokio::time::sleep(LAST_TAG).await;
                connection.client.finish();
                return connection.close().await;
            }
            (Ok(Sent::UpToKeyFrame), to) => {
                // Without the word that it is over: viewers there wait for whoever comes back.
                let _ = connection.close().await;
                let to = to.unwrap_or_else(|| dial.peer.clone());
                dial.elsewhere(&to, made, &mut backoff, unwanted).await?
            }
            (Err(_), Some(to)) => {
                down.begin_again();
                dial.elsewhere(&to, made, &mut backoff, unwanted).await?
            }
            (Err(why), None) if dial.reconnect.enabled => {
                let again = dial.again(why, made, &mut backoff, unwanted).await?;
                down.begin_again();
                again
            }
            (Err(why), None) => return Err(why),
        };
    }
}

/// What was sent when sending ended well.
enum Sent {
    /// All that there is.
    All,
    /// What comes before a key frame, with which another connection is to begin.
    UpToKeyFrame,
}

/// Sends tags until there are no more, or until they should go elsewhere.
async fn send(
    dial: &Dial,
    connection: &mut Connection,
    down: &mut Downstream,
    skips: &mut Skips,
    redirect: &mut Redirect,
) -> Result<Sent> {
    let mut tags = Vec::new();
    loop {
        let turn = connection.turn(down.take(&mut tags)).await?;
        down.shared.sent.fetch_add(connection.take_sent(), Ordering::Relaxed);
        match turn {
            Turn::Other(more) => {
                skips.tell(dial, down);
                let mut waiting = std::mem::take(&mut tags).into_iter();
                while let Some(tag) = waiting.next() {
                    if redirect.is_due_before(&tag) {
                        down.go_on_with(std::iter::once(tag).chain(waiting));
                        return Ok(Sent::UpToKeyFrame);
                    }
                    down.note(&tag);
                    connection.client.send(&tag).map_err(|source| Error::rtmp(&dial.url, source))?;
                }
                if !more {
                    return Ok(Sent::All);
                }
            }
            Turn::Event(ClientEvent::End) | Turn::Closed => return Err(dial.left()),
            Turn::Event(event) => redirect.note(&event, connection, dial),
        }
    }
}

/// What has been told of what was skipped.
#[derive(Default)]
struct Skips {
    told: u64,
    times: u64,
}

impl Skips {
    fn tell(&mut self, dial: &Dial, down: &Downstream) {
        let skipped = down.skipped();
        if skipped == self.told {
            return;
        }
        down.shared.skipped.store(skipped, Ordering::Relaxed);
        self.times += 1;
        let count = skipped - std::mem::replace(&mut self.told, skipped);
        dial.journal.warn_some(self.times, || {
            format!("{}: the server takes less than is sent; {count} packets were skipped", dial.url)
        });
    }
}
