//! Publishing to a server: tags to a connection that is made again where it breaks.

use std::sync::atomic::Ordering;
use std::time::Instant;

use brooklet_rtmp::{Client, ClientEvent, ClientOptions, Purpose, RtmpUrl};

use super::backoff::Backoff;
use super::connection::{Connection, Turn};
use super::dial::Dial;
use super::sink::{LAST_TAG, TagSink};
use super::uplink::{Downstream, uplink};
use crate::protocol::{LivePacketSink, SinkOptions};
use crate::{Error, Result, Url, runtime};

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
    runtime.spawn(async move {
        let shared = down.shared.clone();
        let ended = publish(dial, connection, down).await;
        let _ = shared.outcome.send(ended).await;
        shared.tags.close();
    });
    Ok(Box::new(TagSink::new(&url.text, false, up)))
}

/// Sends tags until there are no more, or the connection breaks for good.
async fn publish(dial: Dial, mut connection: Connection<Client>, mut down: Downstream) -> Result<()> {
    let mut backoff = Backoff::new(dial.reconnect);
    let mut skips = Skips::default();
    loop {
        let made = Instant::now();
        let Err(why) = send(&dial, &mut connection, &mut down, &mut skips).await else {
            tokio::time::sleep(LAST_TAG).await;
            connection.endpoint.finish();
            return connection.close().await.map(drop);
        };
        if !dial.reconnect.enabled {
            return Err(why);
        }
        let unwanted = down.shared.tags.closed();
        connection = dial.again(why, made, &mut backoff, unwanted).await?;
        down.begin_again();
    }
}

/// Sends tags until there are no more.
async fn send(
    dial: &Dial,
    connection: &mut Connection<Client>,
    down: &mut Downstream,
    skips: &mut Skips,
) -> Result<()> {
    let mut tags = Vec::new();
    loop {
        let turn = connection.turn(down.take(&mut tags)).await?;
        down.shared.sent.fetch_add(connection.take_sent(), Ordering::Relaxed);
        match turn {
            Turn::Other(more) => {
                for tag in tags.drain(..) {
                    connection.endpoint.send(&tag).map_err(|source| Error::rtmp(&dial.url, source))?;
                }
                skips.tell(dial, down);
                if !more {
                    return Ok(());
                }
            }
            Turn::Event(ClientEvent::End) | Turn::Closed => return Err(dial.left()),
            Turn::Event(_) => {}
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
