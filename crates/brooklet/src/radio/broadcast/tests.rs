//! A broadcast and its listeners, on the media's own clock.

use std::task::{Context, Poll, Waker};

use brooklet_media::{AudioParams, ChannelLayout, TimeBase};
use bytes::Bytes;

use super::*;
use crate::hub::Burst;
use crate::radio::{ListenOptions, Listener};

/// 128 kbit/s at 44.1 kHz, stereo: 417 bytes, 26 ms. The number of the frame stands in it.
fn frame(number: u32) -> Packet {
    let mut bytes = [&[0xFF, 0xFB, 0x90, 0x64][..], &[0; 413]].concat();
    bytes[36..40].copy_from_slice(&number.to_be_bytes());
    let mut packet = Packet::new(0, i64::from(number) * 1_152, bytes.into());
    packet.duration = 1_152;
    packet
}

fn broadcast(burst: Burst) -> Broadcast {
    let options = RadioOptions { burst, delay: Duration::from_secs(5), ..RadioOptions::default() };
    let mut broadcast = Broadcast::open(&Hub::default(), "/a.mp3", "mp3", options).unwrap();
    let sound = AudioParams::new(44_100, ChannelLayout::Stereo);
    let stream = StreamParams::audio(CodecId::Mp3, TimeBase::hz(44_100), sound);
    broadcast.start(&[stream], &Metadata::new()).unwrap();
    broadcast
}

/// What there is, and whether there will be more.
fn take(listener: &mut Listener) -> (Vec<Bytes>, bool) {
    let (mut all, context) = (Vec::new(), Context::from_waker(Waker::noop()));
    loop {
        match listener.poll_next(&context) {
            Poll::Ready(Some(bytes)) => all.push(bytes),
            Poll::Ready(None) => return (all, false),
            Poll::Pending => return (all, true),
        }
    }
}

/// The numbers of the frames, each whole.
fn numbers(pieces: &[Bytes]) -> Vec<u32> {
    let all = pieces.concat();
    assert!(all.len().is_multiple_of(417), "half a frame in {} bytes", all.len());
    all.chunks(417).map(|frame| u32::from_be_bytes([frame[36], frame[37], frame[38], frame[39]])).collect()
}

#[test]
fn who_comes_gets_the_burst_and_all_from_there_on() {
    let mut broadcast = broadcast(Burst { bytes: 20_000, time: Duration::ZERO });
    (0..1_000).for_each(|number| broadcast.write(&frame(number)).unwrap());
    let mut listener = broadcast.station().listen(&ListenOptions::default());
    let first = numbers(&take(&mut listener).0);
    assert!((40..48).contains(&first.len()), "{} frames of 20,000 bytes", first.len());
    assert!(first.is_sorted_by(|a, b| a + 1 == *b));
    // Nearer to now, for who wants that.
    let burst = Some(Burst { bytes: 0, time: Duration::from_millis(300) });
    let mut near = broadcast.station().listen(&ListenOptions { burst, icy: false });
    let near = numbers(&take(&mut near).0);
    assert!((8..21).contains(&near.len()), "{} frames of 300 ms", near.len());
    assert_eq!(near.last(), first.last());
    (1_000..1_100).for_each(|number| broadcast.write(&frame(number)).unwrap());
    broadcast.finish().unwrap();
    let (rest, more) = take(&mut listener);
    let rest = numbers(&rest);
    assert_eq!(
        (rest.first(), rest.last(), more),
        (first.last().map(|last| last + 1).as_ref(), Some(&1_099), false)
    );
    assert_eq!(listener.skipped(), 0);
}

#[test]
fn who_is_slow_skips_whole_frames_and_nobody_else_does() {
    let mut broadcast = broadcast(Burst { bytes: 0, time: Duration::from_secs(1) });
    let (mut slow, mut quick) = (
        broadcast.station().listen(&ListenOptions::default()),
        broadcast.station().listen(&ListenOptions::default()),
    );
    let mut heard = Vec::new();
    for number in 0..1_000 {
        broadcast.write(&frame(number)).unwrap();
        heard.extend(numbers(&take(&mut quick).0));
    }
    broadcast.finish().unwrap();
    heard.extend(numbers(&take(&mut quick).0));
    assert_eq!(heard, (0..1_000).collect::<Vec<_>>());
    let late = numbers(&take(&mut slow).0);
    // 26 s behind: it goes on a second ago.
    assert!((36..45).contains(&late.len()) && late.last() == Some(&999), "{late:?}");
    assert!(slow.skipped() > 80 && quick.skipped() == 0);
    assert_eq!(broadcast.skipped(), slow.skipped());
}

#[test]
fn titles_come_with_their_sound() {
    let mut broadcast = broadcast(Burst { bytes: 1 << 20, time: Duration::ZERO });
    let playing = broadcast.station().now_playing().clone();
    playing.set("One");
    (0..100).for_each(|number| broadcast.write(&frame(number)).unwrap());
    playing.set("Two");
    (100..200).for_each(|number| broadcast.write(&frame(number)).unwrap());
    broadcast.finish().unwrap();
    // Who is behind hears One under that title, though Two is played by now.
    let mut listener = broadcast.station().listen(&ListenOptions { burst: None, icy: true });
    let all = take(&mut listener).0.concat();
    let place = |title: &str| all.windows(title.len()).position(|window| window == title.as_bytes()).unwrap();
    assert_eq!(place("StreamTitle='One';"), 16_001);
    assert_eq!(
        place("StreamTitle='Two';"),
        16_001 + 32 + 16_000 + 1 + 16_000 + 1,
        "at the first place after it began"
    );
}

#[test]
fn a_name_and_a_format_that_can_be_broadcast() {
    let hub = Hub::default();
    let first = Broadcast::open(&hub, "/a.mp3", "mp3", RadioOptions::default());
    let again = Broadcast::open(&hub, "/a.mp3", "mp3", RadioOptions::default());
    assert!(again.is_err_and(|error| error.to_string().contains("already")));
    assert_eq!(hub.streams().iter().map(|stream| stream.name.as_str()).collect::<Vec<_>>(), ["/a.mp3"]);
    drop(first);
    assert!(Broadcast::open(&hub, "/a.mp3", "mp3", RadioOptions::default()).is_ok());
    let pictures = Broadcast::open(&hub, "/b.flv", "flv", RadioOptions::default());
    assert!(pictures.is_err_and(|error| error.to_string().contains("mp3, adts")));
}
