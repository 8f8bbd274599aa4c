//! The network between two sessions, and what goes over it.
#![allow(clippy::unwrap_used, clippy::panic)] // A test that can't go on has failed.
#![allow(dead_code)] // Each test program uses a part of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use brooklet_media::bitstream::h264::AvcConfig;
use brooklet_media::bitstream::nal::to_length_prefixed;
use brooklet_media::bitstream::opus::OpusHead;
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, MediaKind, Packet, StreamParams, TimeBase, VideoParams,
};
use brooklet_webrtc::{Certificate, Error, Event, Output, Result, Session, SessionOptions};
use bytes::Bytes;

/// How the network treats datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Network {
    /// Of a thousand datagrams, how many are lost.
    pub(crate) loss: u32,
    /// How much longer than the usual 10 ms some take; so they overtake each other.
    pub(crate) jitter: Duration,
    /// Bit/s that it carries; more waits.
    pub(crate) rate: Option<u64>,
    /// How much later than their sound pictures are written.
    pub(crate) video_later: Duration,
}

/// A sender, a receiver and what is between them.
pub(crate) struct Pair {
    start: Instant,
    now: Instant,
    network: Network,
    ends: [End; 2],
    wire: BinaryHeap<Reverse<Datagram>>,
    /// Until when each direction's link is busy.
    busy: [Instant; 2],
    random: u32,
    number: u64,
    lost: u64,
    cut: bool,
    streams: Vec<StreamParams>,
    pictures: usize,
    sounds: usize,
    echo: bool,
    size: usize,
}

struct End {
    session: Session,
    address: SocketAddr,
    deadline: Instant,
    events: Vec<(Duration, Event)>,
    error: Option<Error>,
    gone: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Datagram {
    at: Instant,
    number: u64,
    to: usize,
    bytes: Vec<u8>,
}

impl Pair {
    /// One offers to send these streams, the other takes them.
    pub(crate) fn publishing(streams: &[StreamParams], network: Network) -> Self {
        Self::new(streams, network, false)
    }

    /// The same, and the other sends such streams too.
    pub(crate) fn echoing(streams: &[StreamParams], network: Network) -> Self {
        Self::new(streams, network, true)
    }

    fn new(streams: &[StreamParams], network: Network, echo: bool) -> Self {
        let start = Instant::now();
        let addresses: [SocketAddr; 2] = ["10.0.0.1:4000", "10.0.0.2:5000"].map(|text| text.parse().unwrap());
        let options = SessionOptions::new(certificate());
        let back: Vec<MediaKind> =
            if echo { streams.iter().map(StreamParams::media).collect() } else { Vec::new() };
        let (mut sender, offer) = Session::offer(&options, start, streams, &back, &addresses[..1]).unwrap();
        let lite = SessionOptions { ice_lite: true, ..options };
        let send = if echo { streams } else { &[] };
        let (receiver, answer) = Session::answer(&lite, start, &offer, send, &addresses[1..]).unwrap();
        sender.accept_answer(&answer).unwrap();
        let end = |session, address| End {
            session,
            address,
            deadline: start,
            events: Vec::new(),
            error: None,
            gone: false,
        };
        let mut pair = Self {
            start,
            now: start,
            network,
            ends: [end(sender, addresses[0]), end(receiver, addresses[1])],
            wire: BinaryHeap::new(),
            busy: [start; 2],
            random: 1,
            number: 0,
            lost: 0,
            cut: false,
            streams: streams.to_vec(),
            pictures: 0,
            sounds: 0,
            echo,
            size: 0,
        };
        pair.drain(0);
        pair.drain(1);
        pair
    }

    pub(crate) fn run_until_connected(&mut self) {
        for _ in 0..1_000 {
            let connected = |end: &End| end.events.iter().any(|(_, event)| *event == Event::Connected);
            if self.ends.iter().all(connected) {
                return;
            }
            self.rest(Duration::from_millis(10));
        }
        panic!("not connected within 10 s: {:?}", self.ends[0].error);
    }

    /// Sends media as time passes.
    pub(crate) fn send_seconds(&mut self, seconds: u32) {
        let end = self.now + Duration::from_secs(1) * seconds;
        // What each stream has sent so far is where it goes on.
        let base = self.now;
        let (pictures, sounds) = (self.pictures, self.sounds);
        while self.now < end {
            let at = |from: usize, done: usize, step: Duration| base + step * (done - from) as u32;
            let video_at = at(pictures, self.pictures, Duration::from_millis(40)) + self.network.video_later;
            let sound_at = at(sounds, self.sounds, Duration::from_millis(20));
            let next = video_at.min(sound_at).min(end);
            self.rest(next - self.now);
            if self.now >= end {
                break;
            }
            let sides = if self.echo { 0..2 } else { 0..1 };
            if self.now >= video_at {
                for side in sides.clone() {
                    let packet = sized_picture(self.pictures, self.size);
                    self.send(side, MediaKind::Video, packet);
                }
                self.pictures += 1;
            }
            if self.now >= sound_at {
                for side in sides {
                    let packet = opus_packet(self.sounds);
                    self.send(side, MediaKind::Audio, packet);
                }
                self.sounds += 1;
            }
        }
    }

    pub(crate) fn send_large_seconds(&mut self, seconds: u32, size: usize) {
        self.size = size;
        self.send_seconds(seconds);
    }

    /// All that is sent in this time is lost; media go on.
    pub(crate) fn outage(&mut self, length: Duration) {
        self.cut = true;
        let from = self.now;
        while self.now < from + length {
            let packet = picture(self.pictures);
            self.send(0, MediaKind::Video, packet);
            self.pictures += 1;
            self.sounds += 2;
            self.rest(Duration::from_millis(40));
        }
        self.cut = false;
    }

    pub(crate) fn write(&mut self, packet: &Packet) -> Result<bool> {
        let taken = self.ends[0].session.write(self.now, packet);
        self.drain(0);
        taken
    }

    /// Time passes, and what is on its way arrives.
    pub(crate) fn rest(&mut self, length: Duration) {
        let end = self.now + length;
        for turn in 0.. {
            assert!(turn < 1_000_000, "a session asks for the same moment again and again");
            let datagram = self.wire.peek().map(|Reverse(next)| next.at);
            let timers = self.ends.iter().filter(|end| !end.gone).map(|end| end.deadline);
            let Some(next) = timers.chain(datagram).min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            if datagram.is_some_and(|at| at <= self.now) {
                let Some(Reverse(datagram)) = self.wire.pop() else { break };
                let (to, from) = (datagram.to, self.ends[1 - datagram.to].address);
                let end = &mut self.ends[to];
                if !end.gone && end.error.is_none() {
                    let outcome = end.session.handle_datagram(self.now, from, end.address, &datagram.bytes);
                    match outcome {
                        Ok(()) => self.drain(to),
                        Err(error) => (end.error, end.gone) = (Some(error), true),
                    }
                }
                continue;
            }
            for side in 0..2 {
                let end = &mut self.ends[side];
                if end.gone || end.deadline > self.now {
                    continue;
                }
                match end.session.handle_timeout(self.now) {
                    Ok(()) => self.drain(side),
                    Err(error) => {
                        end.error = end.error.take().or(Some(error));
                        end.gone = true;
                    }
                }
            }
        }
        self.now = end;
    }

    pub(crate) fn rest_until_error(&mut self, most: Duration) -> Option<Error> {
        let end = self.now + most;
        while self.now < end && self.ends[1].error.is_none() {
            self.rest(Duration::from_millis(100));
        }
        self.ends[1].error.clone()
    }

    pub(crate) fn close_sender(&mut self) {
        self.ends[0].session.close();
        self.drain(0);
    }

    pub(crate) fn vanish_sender(&mut self) {
        self.ends[0].gone = true;
    }

    pub(crate) fn received(&self) -> Vec<(Duration, Event)> {
        self.ends[1].events.clone()
    }

    pub(crate) fn returned(&self) -> Vec<(Duration, Event)> {
        self.ends[0].events.clone()
    }

    pub(crate) fn sent_events(&self) -> Vec<(Duration, Event)> {
        self.ends[0].events.clone()
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) fn backlog(&mut self) -> Duration {
        self.ends[0].session.backlog(0)
    }

    fn send(&mut self, side: usize, kind: MediaKind, mut packet: Packet) {
        let Some(stream) = self.streams.iter().position(|params| params.media() == kind) else { return };
        packet.stream = stream;
        self.ends[side].session.write(self.now, &packet).unwrap();
        self.drain(side);
    }

    fn drain(&mut self, side: usize) {
        loop {
            let end = &mut self.ends[side];
            match end.session.poll() {
                Ok(Output::Timeout(at)) => {
                    // One nanosecond at least: a deadline of now would come for ever.
                    end.deadline = at.max(self.now + Duration::from_nanos(1));
                    return;
                }
                Ok(Output::Event(event)) => end.events.push((self.now - self.start, event)),
                Ok(Output::Transmit(transmit)) => {
                    assert!(transmit.bytes.len() <= 1_500);
                    self.carry(1 - side, transmit.bytes);
                }
                Err(error) => {
                    end.error = end.error.take().or(Some(error));
                    end.gone = true;
                    return;
                }
            }
        }
    }

    fn carry(&mut self, to: usize, bytes: Vec<u8>) {
        if self.cut || self.random(1_000) < self.network.loss {
            self.lost += 1;
            return;
        }
        let mut sent = self.now;
        if let Some(rate) = self.network.rate {
            let length = Duration::from_secs_f64(bytes.len() as f64 * 8.0 / rate as f64);
            let queue = self.busy[to].saturating_duration_since(self.now);
            // As much as a home router holds.
            if queue > Duration::from_millis(300) {
                self.lost += 1;
                return;
            }
            self.busy[to] = self.busy[to].max(self.now) + length;
            sent = self.busy[to];
        }
        let jitter = self.network.jitter.as_micros() as u32;
        let late = if jitter == 0 { 0 } else { self.random(jitter) };
        let at = sent + Duration::from_millis(10) + Duration::from_micros(late.into());
        self.number += 1;
        self.wire.push(Reverse(Datagram { at, number: self.number, to, bytes }));
    }

    /// The next of a fixed run of numbers below `below`.
    fn random(&mut self, below: u32) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random % below
    }
}

pub(crate) fn certificate() -> Certificate {
    static ONE: OnceLock<Certificate> = OnceLock::new();
    ONE.get_or_init(|| Certificate::generate(Duration::from_secs(1_800_000_000)).unwrap()).clone()
}

/// H.264 Constrained Baseline, 64x48.
pub(crate) fn video() -> StreamParams {
    // profile 66, constraints 0xC0, level 10, ids 0, frame_num of 4 bits, order of decoding, 1 reference, 4x3 macroblocks.
    let sps = Bytes::from_static(&[0x67, 0x42, 0xc0, 0x0a, 0xda, 0x11, 0xc4]);
    let pps = Bytes::from_static(&[0x68, 0xce, 0x3c, 0x80]);
    let config = AvcConfig::new(vec![sps], vec![pps]).unwrap();
    let mut params = StreamParams::video(CodecId::H264, TimeBase::MPEG, VideoParams::new(64, 48));
    params.extradata = config.build();
    params
}

pub(crate) fn opus() -> StreamParams {
    let mut params = StreamParams::audio(
        CodecId::Opus,
        TimeBase::hz(48_000),
        AudioParams::new(48_000, ChannelLayout::Stereo),
    );
    params.extradata = OpusHead { channels: 2, pre_skip: 312, input_rate: 48_000, family: 0 }.build();
    params
}

/// Picture `n` at 25 in a second, a key frame every second, larger than one datagram now and then.
pub(crate) fn picture(n: usize) -> Packet {
    sized_picture(n, 0)
}

fn sized_picture(n: usize, least: usize) -> Packet {
    let key = n.is_multiple_of(25);
    let mut unit = vec![if key { 0x65 } else { 0x41 }];
    unit.extend(b"at");
    unit.extend((n as u32 * 40 + 0x0101_0101).to_be_bytes());
    let length = least.max(if key { 5_000 } else { 200 + n % 7 * 300 });
    unit.extend((0..length).map(|at| (at * 7 + n) as u8 | 1));
    let mut packet = Packet::new(0, n as i64 * 3_600, to_length_prefixed([&unit[..]]));
    packet.key = key;
    packet
}

/// Packet `n` of sound, 20 ms each.
pub(crate) fn opus_packet(n: usize) -> Packet {
    let mut data = vec![0xFC];
    data.extend(b"at");
    data.extend((n as u32 * 20 + 0x0101_0101).to_be_bytes());
    data.extend((0..80).map(|at| (at * 3 + n) as u8));
    let mut packet = Packet::new(0, n as i64 * 960, data.into());
    packet.duration = 960;
    packet
}

/// The moment of the source that a packet is from, microseconds.
pub(crate) fn moment(packet: &Packet) -> i64 {
    let at = packet.data.windows(2).position(|two| two == b"at").unwrap() + 2;
    let millis = u32::from_be_bytes(packet.data[at..at + 4].try_into().unwrap()) - 0x0101_0101;
    i64::from(millis) * 1_000
}
