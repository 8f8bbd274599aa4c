use super::*;

/// 1 kHz mono s16: 100 frames of latency, 40 of them within the device. A fade takes 5.
fn feed() -> Feed {
    let (latency, ahead) = (Duration::from_millis(100), Duration::from_millis(40));
    Feed::new(SampleFormat::S16, 1_000, 1, latency, ahead)
}

fn push(feed: &mut Feed, sample: i16, frames: usize) -> usize {
    feed.push(&sample.to_ne_bytes().repeat(frames)) / 2
}

fn fill(feed: &mut Feed, frames: usize) -> Vec<i16> {
    let mut out = Vec::new();
    assert_eq!(feed.fill(frames, &mut out) * 2, out.len());
    out.chunks_exact(2).map(|sample| i16::from_ne_bytes([sample[0], sample[1]])).collect()
}

#[test]
fn nothing_is_given_before_it_is_full_and_then_all() {
    let mut feed = feed();
    assert_eq!((push(&mut feed, 7, 99), fill(&mut feed, 40).len()), (99, 0));
    assert_eq!((push(&mut feed, 7, 99), fill(&mut feed, 40)), (1, vec![7; 40]));
    // What the device holds may not wait here too.
    assert_eq!((push(&mut feed, 7, 99), fill(&mut feed, 10).len()), (0, 10));
    assert_eq!(push(&mut feed, 7, 99), 10);
}

#[test]
fn what_is_too_little_waits_until_it_is_let_go() {
    let mut feed = feed();
    push(&mut feed, 7, 3);
    assert!(feed.holds_back() && fill(&mut feed, 2).is_empty());
    feed.go();
    assert_eq!(fill(&mut feed, 2), [7, 7]);
}

#[test]
fn running_out_fades_away_and_coming_back_fades_in() {
    let mut feed = feed();
    push(&mut feed, 1_000, 100);
    fill(&mut feed, 95);
    assert_eq!(fill(&mut feed, 12), [1_000, 1_000, 1_000, 1_000, 1_000, 800, 600, 400, 200, 0, 0, 0]);
    assert_eq!((feed.underruns(), feed.waiting()), (1, 0));
    // Until there is enough, silence; it is one under-run, however long.
    push(&mut feed, 1_000, 59);
    assert_eq!((fill(&mut feed, 100), feed.underruns()), (vec![0; 100], 1));
    push(&mut feed, 1_000, 1);
    assert_eq!(fill(&mut feed, 7), [0, 200, 400, 600, 800, 1_000, 1_000]);
}

#[test]
fn the_end_is_no_under_run() {
    let mut feed = feed();
    push(&mut feed, 7, 10);
    feed.end();
    assert_eq!((fill(&mut feed, 40), fill(&mut feed, 40)), (vec![7; 10], vec![]));
    assert_eq!(feed.underruns(), 0);
    // And not for good.
    assert_eq!((push(&mut feed, 8, 100), fill(&mut feed, 2)), (100, vec![8, 8]));
}

#[test]
fn silence_is_not_heard_as_sound() {
    let mut feed = feed();
    push(&mut feed, 7, 100);
    fill(&mut feed, 150);
    push(&mut feed, 7, 60);
    fill(&mut feed, 60);
    assert_eq!(
        [0, 50, 100, 120, 150, 151, 210, 400].map(|given| feed.heard(given)),
        [0, 50, 100, 100, 100, 101, 160, 160]
    );
    assert_eq!(feed.given(), 210);
}

#[test]
fn what_is_forgotten_counts_as_heard_and_what_follows_fades_in() {
    let mut feed = feed();
    push(&mut feed, 500, 100);
    fill(&mut feed, 40);
    feed.clear();
    assert_eq!((feed.heard(40), feed.waiting()), (100, 0));
    push(&mut feed, 500, 100);
    assert_eq!(fill(&mut feed, 6), [0, 100, 200, 300, 400, 500]);
    assert_eq!(feed.heard(43), 103);
}
