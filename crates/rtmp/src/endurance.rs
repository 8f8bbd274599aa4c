//! Sessions that run for weeks, in virtual time: what broke others at 4 h 40 m, 24.8 days and 49.7 days.

use brooklet_flv::{Tag, TagKind};
use brooklet_media::Timestamp;

use crate::chunk::ChunkReader;
use crate::message::MessageType;
use crate::session::Output;
use crate::{
    ChunkLimits, Client, ClientEvent, ClientOptions, Purpose, RtmpUrl, Server, ServerEvent, ServerOptions,
};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// Pictures take several chunks, so that all of RTMP's headers are in use.
const CHUNK: u32 = 128;
/// Bytes that each side lets the other send between two acknowledgements.
const WINDOW: u64 = 2_500_000;

#[test]
fn fifty_days_pass_both_ways_without_a_stall() {
    for purpose in [Purpose::Publish, Purpose::Play] {
        let mut pair = Pair::new(purpose);
        let mut at = 0;
        while at < 50 * DAY {
            pair.pass(&[picture(at), sound(at + 7)], at + 7);
            // Steps of a live stream around what is 24, 31 and 32 bits long, else of a minute and a bit.
            let dense = [1 << 24, 1 << 31, 1 << 32].iter().any(|turn: &i64| (turn - at).abs() < MINUTE);
            at += if dense { 40 } else { MINUTE + 11 };
        }
        pair.check_acknowledgements();
        assert!(pair.acknowledged.len() >= 10, "{}", pair.acknowledged.len());
    }
}

#[test]
fn a_day_leaves_no_trace_in_memory() {
    for purpose in [Purpose::Publish, Purpose::Play] {
        let mut pair = Pair::new(purpose);
        let mut footprint = None;
        for at in (0..DAY).step_by(200) {
            pair.pass(&[picture(at), sound(at + 7)], at + 7);
            if at % (60 * MINUTE) == 0 && at > 0 {
                let now = (pair.client.footprint(), pair.server.footprint());
                assert_eq!(
                    *footprint.get_or_insert_with(|| now.clone()),
                    now,
                    "{purpose:?} after {} hours",
                    at / 60 / MINUTE
                );
            }
        }
        pair.check_acknowledgements();
    }
}

/// A client and a server, tied together.
struct Pair {
    client: Client,
    server: Server,
    publishes: bool,
    received: Vec<Tag>,
    /// What whoever sends tags was told by the other to have received; and, at that time, bytes given to that one.
    acknowledged: Vec<(u32, u64)>,
    given: u64,
    largest: u64,
    /// Reads along what the receiver of tags says.
    tap: ChunkReader,
    handshake: usize,
}

impl Pair {
    fn new(purpose: Purpose) -> Self {
        let url = RtmpUrl::parse("rtmp://localhost/live/key").unwrap();
        let now = Timestamp::ZERO;
        let options = ClientOptions { chunk_size: CHUNK, ..ClientOptions::default() };
        let client = Client::new(purpose, &url, options, &[1; 1528], now);
        let options = ServerOptions { chunk_size: CHUNK, ..ServerOptions::default() };
        let mut pair = Self {
            client,
            server: Server::new(options, &[2; 1528], now),
            publishes: purpose == Purpose::Publish,
            received: Vec::new(),
            acknowledged: Vec::new(),
            given: 0,
            largest: 0,
            tap: ChunkReader::new(ChunkLimits::default()),
            handshake: 1 + 2 * 1536,
        };
        pair.talk(now);
        pair
    }

    /// Sends tags the one way and expects them at the other end, now, in milliseconds.
    fn pass(&mut self, tags: &[Tag], now: i64) {
        for tag in tags {
            if self.publishes { self.client.send(tag) } else { self.server.send(tag) }.unwrap();
        }
        self.talk(Timestamp::from_millis(now));
        assert_eq!(self.received, tags, "at {now} ms");
        self.received.clear();
    }

    /// Carries bytes to and fro until nobody has anything to say or to do by `now`.
    fn talk(&mut self, now: Timestamp) {
        loop {
            let (client_said, client_wakes) = self.drain_client(now);
            let (server_said, server_wakes) = self.drain_server(now);
            if !client_said && !server_said {
                if client_wakes > now && server_wakes > now {
                    return;
                }
                self.client.handle_timeout(now).unwrap();
                self.server.handle_timeout(now).unwrap();
            }
        }
    }

    fn drain_client(&mut self, now: Timestamp) -> (bool, Timestamp) {
        let mut said = false;
        loop {
            match self.client.poll_output() {
                Output::Transmit(bytes) => {
                    said = true;
                    self.listen_to(&bytes, self.publishes);
                    self.server.handle_input(&bytes, now).unwrap();
                }
                Output::Event(ClientEvent::Ready) => {}
                Output::Event(ClientEvent::Tag(tag)) => self.received.push(tag),
                Output::Event(event) => panic!("{event:?}"),
                Output::Timeout(at) => return (said, at),
            }
        }
    }

    fn drain_server(&mut self, now: Timestamp) -> (bool, Timestamp) {
        let mut said = false;
        loop {
            match self.server.poll_output() {
                Output::Transmit(bytes) => {
                    said = true;
                    self.listen_to(&bytes, !self.publishes);
                    self.client.handle_input(&bytes, now).unwrap();
                }
                Output::Event(ServerEvent::Tag(tag)) => self.received.push(tag),
                Output::Event(ServerEvent::End | ServerEvent::Paused(_)) => panic!("it ended"),
                Output::Event(_) => self.server.accept().unwrap(),
                Output::Timeout(at) => return (said, at),
            }
        }
    }

    fn listen_to(&mut self, mut bytes: &[u8], sender_of_tags: bool) {
        if sender_of_tags {
            self.given += bytes.len() as u64;
            self.largest = self.largest.max(bytes.len() as u64);
            return;
        }
        let skipped = self.handshake.min(bytes.len());
        self.handshake -= skipped;
        bytes = &bytes[skipped..];
        while let Some(message) = self.tap.read(&mut bytes).unwrap() {
            if message.kind == MessageType::ACKNOWLEDGEMENT {
                let count = message.body.first_chunk().copied().map(u32::from_be_bytes).unwrap();
                self.acknowledged.push((count, self.given));
            }
        }
    }

    /// Each tells all that had come, and each comes as soon as the window is full.
    fn check_acknowledgements(&self) {
        let mut last = 0;
        for (count, given) in &self.acknowledged {
            let count = u64::from(*count);
            assert!((WINDOW..WINDOW + self.largest).contains(&(count - last)), "{count} after {last}");
            assert!(count <= *given, "{count} of {given}");
            last = count;
        }
        assert!(self.given - last < WINDOW, "{last} of {}", self.given);
    }
}

/// Three chunks.
fn picture(timestamp: i64) -> Tag {
    let mut body = vec![0x27, 1, 0, 0, 0];
    body.extend((0..300).map(|at| (at * 31 + timestamp) as u8));
    Tag { kind: TagKind::Video, timestamp, body: body.into() }
}

fn sound(timestamp: i64) -> Tag {
    Tag { kind: TagKind::Audio, timestamp, body: vec![0xAF, 1, timestamp as u8, 4, 5].into() }
}
