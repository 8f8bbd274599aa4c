//! Publishers and viewers that come and go.

use std::sync::atomic::AtomicUsize;
use std::task::Wake;
use std::time::Duration;

use brooklet_flv::TagKind;
use bytes::Bytes;

use super::*;
use crate::Hub;
use crate::hub::HubOptions;

fn key(timestamp: i64) -> Tag {
    Tag { kind: TagKind::Video, timestamp, body: Bytes::from_static(&[0x17, 1, 0, 0, 0, 9]) }
}

fn hub(grace: Duration) -> Hub {
    Hub::new(HubOptions { grace, ..HubOptions::default() })
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn times(viewer: &mut Subscription) -> Vec<i64> {
    let mut tags = Vec::new();
    let context = Context::from_waker(Waker::noop());
    while viewer.poll_take(&context, 4, &mut tags) == Poll::Ready(Taken::Units) {}
    tags.iter().map(|tag| tag.timestamp).collect()
}

fn has_ended(viewer: &mut Subscription) -> bool {
    let context = Context::from_waker(Waker::noop());
    viewer.poll_take(&context, 4, &mut Vec::new()) == Poll::Ready(Taken::End)
}

#[test]
fn viewers_that_wait_are_woken_once_for_what_comes_at_once() {
    let hub = hub(Duration::ZERO);
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let context = Context::from_waker(&waker);
    let mut viewer = hub.subscribe("live/app");
    assert_eq!(viewer.poll_live(&context), Poll::Pending);
    assert_eq!(hub.streams()[0].viewers, 1);
    let mut publication = hub.publish("live/app").unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert_eq!(viewer.poll_live(&context), Poll::Ready(true));
    let mut tags = Vec::new();
    assert_eq!(viewer.poll_take(&context, 9, &mut tags), Poll::Pending);
    assert_eq!(viewer.poll_take(&context, 9, &mut tags), Poll::Pending);
    publication.push(key(0));
    publication.push(key(40));
    assert_eq!(count.0.load(Ordering::SeqCst), 2, "it does not wait any more");
    assert_eq!(viewer.poll_take(&context, 9, &mut tags), Poll::Ready(Taken::Units));
    assert_eq!(tags, [key(0), key(40)]);
    assert_eq!(viewer.codecs(), ["h264"]);
}

#[test]
fn who_waited_gets_all_however_late_it_wakes() {
    let hub = hub(Duration::ZERO);
    let mut viewer = hub.subscribe("live/app");
    let context = Context::from_waker(Waker::noop());
    assert_eq!(viewer.poll_live(&context), Poll::Pending);
    let mut publication = hub.publish("live/app").unwrap();
    let sound = Tag { kind: TagKind::Audio, timestamp: 0, body: Bytes::from_static(&[0xAF, 1, 7]) };
    publication.push(sound);
    (1..4).for_each(|n| publication.push(key(n * 40)));
    assert_eq!(viewer.poll_live(&context), Poll::Ready(true));
    assert_eq!(times(&mut viewer), [0, 40, 80, 120]);
}

#[test]
fn a_name_has_one_publisher_at_a_time() {
    let hub = hub(Duration::ZERO);
    let first = hub.publish("live/app").unwrap();
    assert!(hub.publish("live/app").is_err());
    let other = hub.publish("live/other").unwrap();
    assert_eq!(hub.streams().len(), 2);
    first.end();
    assert!(hub.publish("live/app").is_ok());
    drop(other);
    assert_eq!(hub.streams(), [], "nothing is left of those who have gone");
}

#[test]
fn the_end_comes_after_all_that_was_published() {
    let hub = hub(Duration::from_secs(60));
    let mut publication = hub.publish("live/app").unwrap();
    let mut viewer = hub.subscribe("live/app");
    (0..20).for_each(|n| publication.push(key(n)));
    publication.end();
    assert_eq!(times(&mut viewer).len(), 20);
    assert!(has_ended(&mut viewer));
    // The next one is another stream.
    let mut again = hub.publish("live/app").unwrap();
    again.push(key(0));
    assert!(has_ended(&mut viewer));
    drop(viewer);
    assert_eq!(hub.streams().len(), 1);
}

#[test]
fn viewers_go_on_when_a_publisher_comes_back_in_time() {
    let hub = hub(Duration::from_secs(60));
    let mut publication = hub.publish("live/app").unwrap();
    let mut viewer = hub.subscribe("live/app");
    publication.push(key(1_000));
    let generation = publication.generation;
    drop(publication);
    assert_eq!(times(&mut viewer), [1_000]);
    assert!(!has_ended(&mut viewer));
    let mut late = hub.subscribe("live/app");
    assert_eq!(late.poll_live(&Context::from_waker(Waker::noop())), Poll::Pending);
    let mut again = hub.publish("live/app").unwrap();
    again.push(key(0));
    // The time that the first had to come back is over, and concerns nobody.
    viewer.channel.expire(generation);
    assert_eq!(times(&mut viewer), [1_040]);
    assert!(!has_ended(&mut viewer));
    assert_eq!(late.poll_live(&Context::from_waker(Waker::noop())), Poll::Ready(true));
    assert_eq!(times(&mut late), [1_040]);
}

#[test]
fn viewers_get_the_end_when_it_does_not_come_back() {
    let hub = hub(Duration::from_secs(60));
    let mut publication = hub.publish("live/app").unwrap();
    let mut viewer = hub.subscribe("live/app");
    publication.push(key(0));
    let generation = publication.generation;
    drop(publication);
    viewer.channel.expire(generation);
    assert_eq!(times(&mut viewer), [0]);
    assert!(has_ended(&mut viewer));
    drop(viewer);
    assert_eq!(hub.streams(), []);
}

#[test]
fn places_of_those_who_left_are_used_again() {
    let hub = hub(Duration::ZERO);
    let stays = hub.subscribe("live/app");
    for _ in 0..100 {
        let viewers: Vec<_> = (0..3).map(|_| hub.subscribe("live/app")).collect();
        assert_eq!(hub.streams()[0].viewers, 4);
        drop(viewers);
    }
    assert_eq!(stays.channel.lock().waiting.len(), 4);
    drop(stays);
    assert_eq!(hub.streams(), []);
}
