//! A server that sends us to another, which is the same program at another port.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_rtmp::{Purpose, Server, ServerEvent, ServerOptions};
use bytes::Bytes;
use tokio::net::TcpListener;

use super::*;
use crate::job::{Journal, Reconnect};
use crate::protocol::stream::Stream;
use crate::queue::Queue;
use crate::rtmp::play::{Arrival, play};
use crate::rtmp::publish::publish;
use crate::rtmp::server::peer::{Happening, Peer};
use crate::rtmp::sink::TagTarget;
use crate::rtmp::uplink::uplink;
use crate::rtmp::{RtmpOptions, handshake_random, now};
use crate::{Stopper, Url, runtime};

const PATIENCE: Duration = Duration::from_secs(20);

fn header() -> Tag {
    Tag { kind: TagKind::Video, timestamp: 0, body: Bytes::from_static(&[0x17, 0, 0, 0, 0, 1]) }
}

/// Pictures every 40 ms, a key frame every 4.
fn picture(number: i64) -> Tag {
    let first = if number % 4 == 0 { 0x17 } else { 0x27 };
    let body = Bytes::copy_from_slice(&[first, 1, 0, 0, 0, number as u8]);
    Tag { kind: TagKind::Video, timestamp: number * 40, body }
}

/// By number; headers are -1.
fn number(tag: &Tag) -> i64 {
    if tag.is_sequence_header() { -1 } else { tag.timestamp / 40 }
}

/// What a server is to do with its one client: send it tags, and send it away after so many, sent or received.
#[derive(Default)]
struct Plan {
    tags: Vec<Tag>,
    away: Option<(usize, String)>,
}

/// Serves one client, and says which tags came from it.
async fn serve(listener: TcpListener, plan: Plan, came: Queue<Vec<i64>>) {
    let (socket, _) = listener.accept().await.unwrap();
    let server = Server::new(ServerOptions::default(), &handshake_random(), now());
    let mut peer = Peer::new(Stream::Plain(socket), server);
    let mut received = Vec::new();
    let away = |peer: &mut Peer<Stream>, count| {
        if let Some((_, to)) = plan.away.as_ref().filter(|(after, _)| *after == count) {
            assert!(peer.server.request_reconnect(Some(to), "maintenance"), "it does not follow");
        }
    };
    loop {
        match peer.next().await {
            Ok(Happening::Event(ServerEvent::Tag(tag))) => {
                received.push(number(&tag));
                away(&mut peer, received.len());
            }
            Ok(Happening::Event(ServerEvent::ConnectRequested(_) | ServerEvent::PublishRequested(_))) => {
                peer.server.accept().unwrap();
            }
            Ok(Happening::Event(ServerEvent::PlayRequested(_))) => {
                peer.server.accept().unwrap();
                for (count, tag) in plan.tags.iter().enumerate() {
                    away(&mut peer, count);
                    peer.server.send(tag).unwrap();
                }
                if plan.away.is_none() {
                    peer.server.finish();
                }
            }
            Ok(Happening::Event(ServerEvent::End) | Happening::Closed) | Err(_) => break,
            Ok(Happening::Event(ServerEvent::Paused(_))) => {}
        }
    }
    let _ = came.send(received).await;
}

/// A server where the first is to send its client, and one that does; what comes to each; and the way to the first.
fn servers(tags: [Vec<Tag>; 2], after: usize, purpose: Purpose) -> (Dial, [Queue<Vec<i64>>; 2]) {
    let listen = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        (listener.local_addr().unwrap(), listener)
    };
    let runtime = runtime::handle().unwrap();
    let [(here, first), (there, second)] = [listen(), listen()];
    let away = Some((after, format!("rtmp://{there}/other")));
    let came = [Queue::new(1), Queue::new(1)];
    let [sent, sent_there] = tags;
    let plans = [(first, Plan { tags: sent, away }), (second, Plan { tags: sent_there, away: None })];
    for ((listener, plan), came) in plans.into_iter().zip(came.clone()) {
        let _entered = runtime.enter();
        runtime.spawn(serve(TcpListener::from_std(listener).unwrap(), plan, came));
    }
    let url = format!("rtmp://{here}/live/app");
    let (peer, client) = RtmpOptions::default().apply(&Url::parse(&url)).unwrap();
    let journal = Arc::new(Journal::default());
    let (tls, timeout) = (Default::default(), Some(PATIENCE));
    (Dial { url, peer, purpose, client, tls, timeout, reconnect: Reconnect::default(), journal }, came)
}

#[test]
fn a_publisher_goes_elsewhere_with_a_key_frame_and_loses_nothing() {
    for delay in [None, Some(Duration::from_secs(5))] {
        let (dial, came) = servers(Default::default(), 4, Purpose::Publish);
        let (url, journal, stopper) = (Url::parse(&dial.url), dial.journal.clone(), Stopper::new());
        let connection = dial.first(&url, &stopper).unwrap();
        let (mut up, down) = uplink(&url.text, &stopper, delay);
        runtime::handle().unwrap().spawn(down.shared.clone().run(publish(
            dial,
            connection,
            down,
            Stopper::new(),
        )));
        up.start(vec![header()]).unwrap();
        (0..3).for_each(|number| up.send(picture(number)).unwrap());
        let until = Instant::now() + PATIENCE;
        let mut lines = journal.take();
        while lines.is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
            lines = journal.take();
        }
        assert!(
            lines.iter().any(|line| line.contains("asks us") && line.contains("maintenance")),
            "{lines:?}"
        );
        (3..10).for_each(|number| up.send(picture(number)).unwrap());
        up.finish().unwrap();
        let until = Some(Instant::now() + PATIENCE);
        use crate::queue::Popped::Item;
        assert_eq!(came[0].pop_until(until), Item(vec![-1, 0, 1, 2, 3]), "{delay:?}");
        assert_eq!(came[1].pop_until(until), Item(vec![-1, 4, 5, 6, 7, 8, 9]), "{delay:?}");
    }
}

#[test]
fn a_player_goes_elsewhere_at_a_key_frame() {
    let from = |first: i64| std::iter::once(header()).chain((first..10).map(picture)).collect::<Vec<_>>();
    let (dial, _) = servers([from(0), from(4)], 3, Purpose::Play);
    let connection = dial.first(&Url::parse(&dial.url), &Stopper::new()).unwrap();
    let arrivals = Queue::new(64);
    runtime::handle().unwrap().spawn(play(dial, connection, arrivals.clone()));
    let numbers = std::iter::from_fn(|| arrivals.pop()).map(|arrival| match arrival {
        Arrival::Tag(tag) => number(&tag),
        Arrival::Again => -2,
        Arrival::Failed(error) => panic!("{error}"),
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [-1, 0, 1, 2, 3, -2, -1, 4, 5, 6, 7, 8, 9]);
}
