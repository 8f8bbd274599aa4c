//! A peer of WebRTC with a camera, which is ours: it offers to a URL, sends what it is handed, and says what comes back.

mod film;
mod http;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use brooklet_media::{DemuxEvent, MediaKind, Packet, StreamParams};
use brooklet_webrtc::{Certificate, Event, Output, Session, SessionOptions};
use tokio::net::UdpSocket;

pub use film::{Drawn, Film, PICTURE, Screen, number};
pub use http::{Answer, ask};

/// Why there is no session, or no longer.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A session on its socket. It belongs into a runtime of tokio.
pub struct Camera {
    session: Session,
    socket: UdpSocket,
    local: SocketAddr,
    resource: String,
    /// What has come back and gone so far.
    pub tally: Tally,
}

/// What a session has seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Whether media can flow.
    pub connected: bool,
    /// Whether it is over.
    pub closed: bool,
    /// Pictures that went.
    pub sent: u64,
    /// Pictures that came back.
    pub pictures: u64,
    /// Key frames among them.
    pub keys: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets of sound that came back.
    pub sounds: u64,
    /// How often the other side asked for a key frame of ours.
    pub wishes: u64,
    /// How often pictures were lost for good.
    pub breaks: u64,
    /// What the way there was last said to carry, bit/s.
    pub estimate: Option<u64>,
}

impl Camera {
    /// Offers these streams to whoever answers there (`POST`, as WHIP's), and wants as much back. The way to it is looked for with the
    /// first [`Camera::turn`].
    ///
    /// # Errors
    ///
    /// Where nobody answers, or not with a description.
    pub async fn call(url: &str, streams: &[StreamParams]) -> Result<Self, Failure> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let local = socket.local_addr()?;
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let options = SessionOptions::new(Certificate::generate(since)?);
        let kinds: Vec<MediaKind> = streams.iter().map(StreamParams::media).collect();
        let (mut session, offer) = Session::offer(&options, Instant::now(), streams, &kinds, &[local])?;
        let answer = ask("POST", url, "application/sdp", &offer)?;
        let location = answer.header("location").unwrap_or_default().to_string();
        if !(200..300).contains(&answer.status) {
            return Err(format!("{url}: {}: {}", answer.status, answer.body).into());
        }
        session.accept_answer(&answer.body)?;
        session.set_wanted_bandwidth(5_000_000);
        let host = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        Ok(Self { session, socket, local, resource: host + &location, tally: Tally::default() })
    }

    /// The URL of the session at the other side.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Sends a packet, as far as anybody takes it yet.
    ///
    /// # Errors
    ///
    /// Where it is none that can be sent.
    pub fn send(&mut self, packet: &Packet) -> Result<(), Failure> {
        let went = self.session.write(Instant::now(), packet)?;
        self.tally.sent += u64::from(went && packet.stream == 0);
        Ok(())
    }

    /// How long what was sent last has waited for the network. Who draws pictures while that is long only makes it longer.
    pub fn backlog(&mut self) -> Duration {
        self.session.backlog(0)
    }

    /// Drives the session until something happens, or `other` is done, which gives `Err`.
    ///
    /// # Errors
    ///
    /// What ended the session.
    pub async fn turn<T>(
        &mut self,
        other: impl Future<Output = T>,
    ) -> Result<std::result::Result<Event, T>, Failure> {
        let mut other = std::pin::pin!(other);
        let mut buffer = [0; 2_048];
        loop {
            let deadline = loop {
                match self.session.poll()? {
                    Output::Transmit(transmit) => {
                        let _ = self.socket.send_to(&transmit.bytes, transmit.destination).await;
                    }
                    Output::Event(event) => {
                        self.count(&event);
                        return Ok(Ok(event));
                    }
                    Output::Timeout(at) => break at,
                }
            };
            tokio::select! {
                came = self.socket.recv_from(&mut buffer) => if let Ok((length, from)) = came {
                    self.session.handle_datagram(Instant::now(), from, self.local, &buffer[..length])?;
                },
                () = tokio::time::sleep_until(deadline.into()) => self.session.handle_timeout(Instant::now())?,
                done = &mut other => return Ok(Err(done)),
            }
        }
    }

    /// Says goodbye.
    ///
    /// # Errors
    ///
    /// Where nobody answers.
    pub fn leave(self) -> Result<(), Failure> {
        ask("DELETE", &self.resource, "application/sdp", "").map(drop)
    }

    fn count(&mut self, event: &Event) {
        let tally = &mut self.tally;
        match event {
            Event::Connected => tally.connected = true,
            Event::Closed => tally.closed = true,
            Event::KeyFrameWanted(_) => tally.wishes += 1,
            Event::Estimate(bits) => tally.estimate = Some(*bits),
            Event::Media(DemuxEvent::Discontinuity) => tally.breaks += 1,
            // Video is told by its time base: streams are numbered as they come.
            Event::Media(DemuxEvent::Packet(packet)) if packet.duration == 0 => {
                tally.pictures += 1;
                tally.keys += u64::from(packet.key);
                tally.bytes += packet.data.len() as u64;
            }
            Event::Media(DemuxEvent::Packet(_)) => tally.sounds += 1,
            _ => {}
        }
    }
}
