use super::*;
use brooklet_media::{CodecId, StreamKind};
use std::sync::Arc;
use std::thread;

const NONE: fn(usize) -> bool = |_| false;

fn params() -> StreamParams {
    StreamParams::new(CodecId::Unknown(0), TimeBase::MILLIS, StreamKind::Other)
}

fn packet(dts: i64) -> Packet {
    Packet::new(0, dts, bytes::Bytes::new())
}

fn drain(mixer: &Mixer) -> Vec<(usize, i64)> {
    let mut order = Vec::new();
    loop {
        match mixer.next() {
            Next::Packet(packet) => order.push((packet.stream, packet.dts)),
            Next::Params(..) => {}
            Next::End => return order,
        }
    }
}

#[test]
fn two_inputs_of_very_different_speed_keep_together() {
    let mixer = Arc::new(Mixer::new(&[0, 1], NONE, Interleaver::file(), false));
    let pushers: Vec<_> = [(0usize, 1u64), (1, 0)]
        .into_iter()
        .map(|(lane, nap)| {
            let mixer = mixer.clone();
            thread::spawn(move || {
                mixer.params(lane, params());
                for n in 0..300 {
                    thread::sleep(Duration::from_millis(nap));
                    assert!(mixer.push(lane, packet(n * 100)));
                }
                mixer.end(lane);
            })
        })
        .collect();
    assert!(mixer.wait_for_streams(Duration::from_secs(10)).is_some());
    let order = drain(&mixer);
    pushers.into_iter().for_each(|pusher| assert!(pusher.join().is_ok()));
    assert_eq!(order.len(), 600);
    assert!(order.is_sorted_by_key(|(_, dts)| *dts), "{order:?}");
}

#[test]
fn a_stream_that_never_comes_is_left_out() {
    let mixer = Mixer::new(&[0, 0], NONE, Interleaver::file(), false);
    mixer.params(0, params());
    (0..12).for_each(|n| assert!(mixer.push(0, packet(n * 1_000))));
    let streams = mixer.wait_for_streams(Duration::from_secs(10)).unwrap();
    assert_eq!(streams.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    mixer.end(0);
    assert_eq!(drain(&mixer).len(), 12);
}

#[test]
fn large_packets_are_bounded_by_their_bytes() {
    let mixer = Arc::new(Mixer::new(&[0], NONE, Interleaver::file(), false));
    mixer.params(0, params());
    assert!(mixer.wait_for_streams(Duration::from_secs(10)).is_some());
    let pusher = mixer.clone();
    let large = bytes::Bytes::from(vec![0; READY_BYTES / 3]);
    let pushed = thread::spawn(move || {
        (0..20).filter(|dts| pusher.push(0, Packet::new(0, *dts, large.clone()))).count()
    });
    thread::sleep(Duration::from_millis(100));
    assert!(mixer.lock().interleaver.len() <= 4);
    (0..20).for_each(|dts| assert!(matches!(mixer.next(), Next::Packet(packet) if packet.dts == dts)));
    assert_eq!(pushed.join().ok(), Some(20));
}

#[test]
fn the_shortest_is_the_end_of_all_exactly() {
    let mixer = Mixer::new(&[0, 0], NONE, Interleaver::file(), true);
    (0..2).for_each(|lane| mixer.params(lane, params()));
    assert!((0..5).all(|n| mixer.push(1, packet(n * 40))));
    assert!((0..2).all(|n| mixer.push(0, Packet { duration: 50, ..packet(n * 50) })));
    assert!(mixer.wait_for_streams(Duration::from_secs(10)).is_some());
    mixer.end(0);
    assert!(!mixer.push(1, packet(200)));
    assert_eq!(drain(&mixer), [(0, 0), (1, 0), (1, 40), (0, 50), (1, 80)]);
}

/// Pictures that come each 40 ms, and sound that comes as fast as it is taken.
#[test]
fn sound_that_could_come_at_once_comes_with_its_pictures() {
    let mixer = Mixer::new(&[0, 1], |input| input == 1, Interleaver::live(), false);
    (0..2).for_each(|lane| mixer.params(lane, params()));
    assert!(mixer.wait_for_streams(Duration::from_secs(10)).is_some());
    let mut sound = 0;
    for now in (0..4_000).step_by(40) {
        assert!(mixer.push(0, packet(now)));
        while matches!(mixer.lock().hold(1), Hold::No) {
            assert!(mixer.push(1, packet(sound)));
            sound += 20;
        }
        let mut heard = 0;
        while let Some(packet) = mixer.lock().take() {
            heard += usize::from(packet.stream == 1);
            assert!(packet.dts <= now, "{} of stream {} at {now}", packet.dts, packet.stream);
        }
        assert!(heard <= 3, "{heard} packets of sound at {now}");
    }
    assert!(sound > 3_900, "{sound}");
}

/// A stop is seen by those who read before the mixer hears of it.
#[test]
fn a_stop_that_comes_after_an_end_is_the_end_of_all() {
    let mixer = Mixer::new(&[0, 1], |input| input == 1, Interleaver::live(), false);
    (0..2).for_each(|lane| mixer.params(lane, params()));
    assert!(mixer.wait_for_streams(Duration::from_secs(10)).is_some());
    assert!(mixer.push(0, Packet { duration: 40, ..packet(0) }));
    assert!(mixer.push(1, Packet { duration: 20, ..packet(0) }));
    mixer.end(0);
    assert!(mixer.push(1, Packet { duration: 20, ..packet(40) }));
    mixer.end_with_first();
    assert!(!mixer.push(1, packet(60)));
    assert_eq!(drain(&mixer), [(0, 0), (1, 0), (1, 40)]);
}

/// What comes live is held back by nothing but the bound for all.
#[test]
fn sound_that_comes_live_runs_on_without_its_pictures() {
    let mixer = Mixer::new(&[0, 1], NONE, Interleaver::live(), false);
    (0..2).for_each(|lane| mixer.params(lane, params()));
    assert!(mixer.wait_for_streams(Duration::from_secs(10)).is_some());
    assert!(mixer.push(0, packet(0)));
    for now in (0..1_900).step_by(20) {
        assert!(matches!(mixer.lock().hold(1), Hold::No), "{now}");
        assert!(mixer.push(1, packet(now)));
        while mixer.lock().take().is_some() {}
    }
}
