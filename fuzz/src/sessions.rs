//! RTMP sessions of ours against a peer that sends anything.

use brooklet_flv::{Tag, TagKind, TagReader};
use brooklet_media::Timestamp;
use brooklet_rtmp::chunk::{ChunkLimits, ChunkReader};
use brooklet_rtmp::handshake::RANDOM;
use brooklet_rtmp::{
    Client, ClientEvent, ClientOptions, Message, Output, RtmpUrl, Server, ServerEvent, ServerOptions,
};

/// Length of C1, S1, C2 and S2.
const PACKET: usize = 1_536;

/// What we say that is random.
const OURS: &[u8; RANDOM] = &[0xA5; RANDOM];

/// What both sessions are given by the first two bytes of an input.
#[derive(Clone, Copy)]
struct Course {
    /// Whether the peer's handshake is made up before the input.
    is_shaken: bool,
    /// What the owner of our session decides: to publish rather than play, to accept rather than refuse.
    says_yes: bool,
    /// Whether the peer is silent for long.
    is_late: bool,
    /// Bytes that come at a time.
    chunk: usize,
}

impl Course {
    fn split(input: &[u8]) -> Option<(Self, &[u8])> {
        let ([flags, size], rest) = input.split_first_chunk()?;
        let course = Self {
            is_shaken: flags & 1 != 0,
            says_yes: flags & 2 != 0,
            is_late: flags & 4 != 0,
            chunk: if flags & 8 != 0 { usize::from(*size) + 1 } else { 65_536 },
        };
        Some((course, rest))
    }

    /// What the peer sends, where its handshake has so many packets.
    fn stream(self, packets: usize, input: &[u8]) -> Vec<u8> {
        match self.is_shaken {
            true => [&[3], &vec![0; packets * PACKET][..], input].concat(),
            false => input.to_vec(),
        }
    }
}

/// A server whose client sends these bytes.
///
/// # Panics
///
/// Where the server does, where it sends what is no RTMP, or more than the client can have asked for.
pub fn check_server(input: &[u8]) {
    let Some((course, bytes)) = Course::split(input) else { return };
    let mut server = Server::new(ServerOptions::default(), OURS, Timestamp::ZERO);
    let mut sent = Sent::new(1 + 2 * PACKET, input.len());
    let mut tags = TagReader::new();
    let mut now = Timestamp::ZERO;
    let stream = course.stream(2, bytes);
    for piece in stream.chunks(course.chunk) {
        now = Timestamp::from_nanos(now.as_nanos() + 7_000_000);
        let outcome = server.handle_input(piece, now).is_ok();
        if !drain_server(&mut server, course, &mut sent, &mut tags) || !outcome {
            return;
        }
    }
    for _ in 0..4 {
        match server.poll_output() {
            Output::Timeout(at) if course.is_late && at < Timestamp::MAX => {
                let outcome = server.handle_timeout(at).is_ok();
                if !drain_server(&mut server, course, &mut sent, &mut tags) || !outcome {
                    return;
                }
            }
            _ => break,
        }
    }
    server.finish();
    drain_server(&mut server, course, &mut sent, &mut tags);
    server.handle_closed();
    drain_server(&mut server, course, &mut sent, &mut tags);
}

/// Takes all that the server wants done; whether it may go on.
fn drain_server(server: &mut Server, course: Course, sent: &mut Sent, tags: &mut TagReader) -> bool {
    loop {
        let decision = match server.poll_output() {
            Output::Timeout(_) => return true,
            Output::Transmit(bytes) => {
                sent.take(&bytes);
                continue;
            }
            Output::Event(ServerEvent::Tag(tag)) => {
                read_tag(tags, tag);
                continue;
            }
            Output::Event(ServerEvent::Paused(_) | ServerEvent::End) => continue,
            Output::Event(ServerEvent::PlayRequested(_)) if course.says_yes => {
                let accepted = server.accept();
                let _ = server.send(&tag());
                accepted
            }
            Output::Event(_) if course.says_yes => server.accept(),
            // A client that may not publish is to be let in before it is told so.
            Output::Event(ServerEvent::ConnectRequested(request)) if request.app != "no" => server.accept(),
            Output::Event(_) => server.refuse("NetStream.Publish.BadName", "no"),
        };
        if decision.is_err() {
            return false;
        }
    }
}

/// A client whose server sends these bytes.
///
/// # Panics
///
/// Where the client does, where it sends what is no RTMP, or more than the server can have asked for.
pub fn check_client(input: &[u8]) {
    let Some((course, bytes)) = Course::split(input) else { return };
    let Ok(url) = RtmpUrl::parse("rtmp://localhost/app/stream?key=secret") else { return };
    let begin = if course.says_yes { Client::publish } else { Client::play };
    let mut client = begin(&url, ClientOptions::default(), OURS, Timestamp::ZERO);
    let mut sent = Sent::new(1 + 2 * PACKET, input.len());
    let mut tags = TagReader::new();
    let mut now = Timestamp::ZERO;
    let stream = course.stream(2, bytes);
    for piece in stream.chunks(course.chunk) {
        now = Timestamp::from_nanos(now.as_nanos() + 7_000_000);
        let outcome = client.handle_input(piece, now).is_ok();
        drain_client(&mut client, &mut sent, &mut tags);
        if !outcome {
            return;
        }
    }
    if course.is_late
        && let Output::Timeout(at) = client.poll_output()
        && at < Timestamp::MAX
        && client.handle_timeout(at).is_err()
    {
        return;
    }
    client.finish();
    drain_client(&mut client, &mut sent, &mut tags);
    let _ = client.handle_closed(now);
    drain_client(&mut client, &mut sent, &mut tags);
}

/// Takes all that the client wants done.
fn drain_client(client: &mut Client, sent: &mut Sent, tags: &mut TagReader) {
    loop {
        match client.poll_output() {
            Output::Timeout(_) => return,
            Output::Transmit(bytes) => sent.take(&bytes),
            Output::Event(ClientEvent::Tag(tag)) => read_tag(tags, tag),
            Output::Event(ClientEvent::Ready) => {
                let _ = client.send(&tag());
            }
            Output::Event(ClientEvent::End | ClientEvent::ReconnectRequested { .. }) => {}
        }
    }
}

/// What a session sends: chunks that can be read, no more than a few for each byte that came.
struct Sent {
    /// Bytes of the handshake that are still to come.
    handshake: usize,
    chunks: ChunkReader,
    messages: usize,
    most_messages: usize,
}

impl Sent {
    fn new(handshake: usize, input: usize) -> Self {
        let chunks = ChunkReader::new(ChunkLimits::default());
        Self { handshake, chunks, messages: 0, most_messages: 100 + 2 * input }
    }

    fn take(&mut self, bytes: &[u8]) {
        let skipped = self.handshake.min(bytes.len());
        self.handshake -= skipped;
        let mut rest = &bytes[skipped..];
        while let Some(Message { .. }) = self.chunks.read(&mut rest).expect("what we send can be read") {
            self.messages += 1;
            assert!(self.messages <= self.most_messages, "{} messages sent", self.messages);
        }
    }
}

fn read_tag(tags: &mut TagReader, tag: Tag) {
    let _ = tags.push(tag);
    while tags.poll().is_some() {}
}

fn tag() -> Tag {
    Tag { kind: TagKind::Audio, timestamp: 40, body: b"\xaf\0\x11\x90".as_slice().into() }
}
