//! One session with a peer: datagrams, packets and the time go in; datagrams, events and the next deadline come out.
//!
//! | file | holds |
//! |---|---|
//! | `negotiate` | offers, answers, candidates |
//! | `hidden` | candidates with names in place of addresses |
//! | `outbound` | packets to what is sent |
//! | `inbound` | what arrives to streams and packets |
//! | `sync` | the clocks of what arrives onto one |

mod hidden;
mod inbound;
mod negotiate;
mod outbound;
mod sync;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use brooklet_media::{DemuxEvent, Packet, StreamParams};
use str0m::bwe::{Bitrate, BweKind};
use str0m::change::SdpPendingOffer;
use str0m::media::{KeyframeRequestKind, Mid};
use str0m::net::{DatagramRecv, Protocol, Receive};
use str0m::{IceConnectionState, Input, Rtc};

use crate::stun::Found;
use crate::{Certificate, Error, Result};
pub use hidden::HiddenCandidate;
use inbound::Inbound;
use outbound::{Outbound, Zero};

/// How long the way to the peer may take to be found.
const CONNECT: Duration = Duration::from_secs(30);
/// How long a picture may wait for packets that are missing. They have been asked for again by then; once the time is over,
/// a key frame is.
const VIDEO_REORDER: Duration = Duration::from_millis(400);
/// The same of sound, which goes on without.
const AUDIO_REORDER: Duration = Duration::from_millis(200);
/// The least time between two requests for a key frame.
const KEY_FRAME_PATIENCE: Duration = Duration::from_millis(500);

/// How a session begins.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// What DTLS shows; one serves any number of sessions.
    pub certificate: Certificate,
    /// Whether only the peer looks for a way (RFC 8445 §2.5): for one who has a public address.
    pub ice_lite: bool,
    /// What the network is believed to carry before it has been measured, bit/s. Video is sent no faster than the
    /// estimate allows.
    pub bandwidth: u64,
    /// How often [`Event::Statistics`] come; `None` for never.
    pub statistics: Option<Duration>,
    /// What STUN and TURN servers gave for the socket of the session; of no use with ICE-lite.
    pub found: Vec<Found>,
    /// Whether peers are reached by relays alone, and learn no other address.
    pub relay_only: bool,
}

impl SessionOptions {
    /// Full ICE, 2 Mbit/s to begin with, no statistics, no servers.
    pub const fn new(certificate: Certificate) -> Self {
        Self {
            certificate,
            ice_lite: false,
            bandwidth: 2_000_000,
            statistics: None,
            found: Vec::new(),
            relay_only: false,
        }
    }
}

/// A session. After each call that hands something in, take [`Session::poll`] until it says [`Output::Timeout`].
///
/// It ends with [`Event::Closed`] or an error; nothing comes after that. Everything it holds is bounded: what is not
/// sent because the peer has gone is dropped by age, and what arrives waits for missing packets 0.4 s at most.
pub struct Session {
    rtc: Rtc,
    pending: Option<PendingOffer>,
    /// The peer's name for its side of ICE.
    remote_name: Option<String>,
    /// Its candidates whose addresses are to be asked for.
    hidden: Vec<HiddenCandidate>,
    /// How many there were.
    hidden_count: usize,
    candidate_count: usize,
    /// By number of the stream; none where the peer does not take it.
    outbound: Vec<Option<Outbound>>,
    zero: Zero,
    inbound: Inbound,
    events: VecDeque<Event>,
    now: Instant,
    /// When the way to the peer has to be found.
    connect_by: Option<Instant>,
    closed: bool,
}

/// An offer of ours that has no answer yet.
struct PendingOffer {
    inner: SdpPendingOffer,
    /// Its sections, with what would be sent in them.
    sections: Vec<(Mid, Option<StreamParams>)>,
}

/// What a session gives.
#[derive(Debug)]
pub enum Output {
    /// To be sent.
    Transmit(Transmit),
    /// Something happened.
    Event(Event),
    /// Nothing more until something is handed in, at the latest this moment to [`Session::handle_timeout`].
    Timeout(Instant),
}

/// A datagram to send.
#[derive(Debug)]
pub struct Transmit {
    /// The local address of the candidate that it goes by.
    pub source: SocketAddr,
    /// Where it goes.
    pub destination: SocketAddr,
    /// What it holds, at most one MTU.
    pub bytes: Vec<u8>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The way was found and the keys are agreed: media flow.
    Connected,
    /// Of what arrives: a stream, its parameters, a packet, or that some were lost. Video begins with a key frame, and
    /// goes on with one where packets were lost for good.
    Media(DemuxEvent),
    /// The peer can't decode this stream of ours until it has a key frame.
    KeyFrameWanted(usize),
    /// How much the way to the peer carries, bit/s, by its feedback (TWCC or REMB).
    Estimate(u64),
    /// How it goes.
    Statistics(Statistics),
    /// The session is over, by word of the peer or of ours.
    Closed,
}

/// How a session goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Bytes of media sent so far.
    pub sent: u64,
    /// Bytes of media received so far.
    pub received: u64,
    /// From us to the peer and back.
    pub round_trip: Option<Duration>,
    /// The part of what we sent that was lost lately, 0 to 1.
    pub sent_lost: Option<f32>,
    /// The part of what the peer sent that was lost lately, 0 to 1.
    pub received_lost: Option<f32>,
}

impl Session {
    /// A datagram has come to `destination`, which is the local address of one of our candidates. One that is not of
    /// WebRTC is left out.
    ///
    /// # Errors
    ///
    /// What ends the session.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
    ) -> Result<()> {
        let Ok(contents) = DatagramRecv::try_from(bytes) else { return Ok(()) };
        self.now = self.now.max(now);
        let receive = Receive { proto: Protocol::Udp, source, destination, contents };
        Ok(self.rtc.handle_input(Input::Receive(now, receive))?)
    }

    /// Whether a datagram that came to a socket of several sessions is for this one.
    pub fn accepts(&self, now: Instant, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) -> bool {
        let Ok(contents) = DatagramRecv::try_from(bytes) else { return false };
        let receive = Receive { proto: Protocol::Udp, source, destination, contents };
        self.rtc.accepts(&Input::Receive(now, receive))
    }

    /// Time has passed.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`], or what else ends the session.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<()> {
        self.now = self.now.max(now);
        if self.connect_by.is_some_and(|by| now >= by) {
            self.closed = true;
            return Err(Error::Unreachable);
        }
        self.rtc.handle_input(Input::Timeout(now))?;
        if let Some(mid) = self.inbound.key_frame_due(now, KEY_FRAME_PATIENCE) {
            self.request(mid);
        }
        Ok(())
    }

    /// What comes of what was handed in.
    ///
    /// # Errors
    ///
    /// What ends the session.
    pub fn poll(&mut self) -> Result<Output> {
        loop {
            if let Some(event) = self.events.pop_front() {
                self.closed |= event == Event::Closed;
                return Ok(Output::Event(event));
            }
            if self.closed {
                return Ok(Output::Timeout(self.now + CONNECT));
            }
            if !self.rtc.is_alive() {
                self.events.push_back(Event::Closed);
                continue;
            }
            match self.rtc.poll_output()? {
                str0m::Output::Timeout(at) => return Ok(Output::Timeout(self.next_deadline(at))),
                str0m::Output::Transmit(transmit) => {
                    return Ok(Output::Transmit(Transmit {
                        source: transmit.source,
                        destination: transmit.destination,
                        bytes: transmit.contents.into(),
                    }));
                }
                str0m::Output::Event(event) => self.note(event)?,
            }
        }
    }

    /// Sends a packet of one of the streams that were offered or answered with. Before [`Event::Connected`], and until
    /// the first key frame of video, packets are left out: false.
    ///
    /// # Errors
    ///
    /// [`Error::Media`] for a picture that is not shown in the order of decoding.
    pub fn write(&mut self, now: Instant, packet: &Packet) -> Result<bool> {
        self.now = self.now.max(now);
        let Some(outbound) = self.outbound.get_mut(packet.stream) else {
            let what = format!("a packet of stream {}, which was not offered", packet.stream);
            return Err(Error::Media { what, remedy: "there are fewer streams" });
        };
        let Some(outbound) = outbound else { return Ok(false) };
        outbound.write(&mut self.rtc, &mut self.zero, now, packet)
    }

    /// A stream that is sent has other parameters from its next packet on.
    ///
    /// # Errors
    ///
    /// [`Error::Media`] for what WebRTC can't carry.
    pub fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<()> {
        let outbound = self.outbound.get_mut(stream).and_then(Option::as_mut);
        outbound.map_or(Ok(()), |outbound| outbound.change_params(params))
    }

    /// How much of a stream waits for the network: the age of its oldest packet. One who sends on regardless only makes
    /// it grow; whoever is live leaves out pictures up to the next key frame.
    pub fn backlog(&mut self, stream: usize) -> Duration {
        let now = self.now;
        let outbound = self.outbound.get(stream).and_then(Option::as_ref);
        let oldest = outbound.and_then(|outbound| outbound.oldest_unsent(&mut self.rtc));
        oldest.map_or(Duration::ZERO, |oldest| now.saturating_duration_since(oldest))
    }

    /// What whoever sends would like to send, bit/s: the estimate looks that far up.
    pub fn set_wanted_bandwidth(&mut self, bits: u64) {
        self.rtc.bwe().set_desired_bitrate(Bitrate::from(bits));
    }

    /// Asks the peer for a key frame of the video that arrives.
    pub fn request_key_frame(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if let Some(mid) = self.inbound.video() {
            self.inbound.asked(now);
            self.request(mid);
        }
    }

    /// Says goodbye; [`Event::Closed`] follows.
    pub fn close(&mut self) {
        if self.closed {
            return;
        }
        // Before there are keys there is nobody to say it to.
        if !self.rtc.is_connected() || self.rtc.close().is_err() {
            self.rtc.disconnect();
        }
    }

    /// Whether it is over.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    fn next_deadline(&self, at: Instant) -> Instant {
        let key_frame = self.inbound.key_frame_at(KEY_FRAME_PATIENCE);
        [self.connect_by, key_frame].into_iter().flatten().fold(at, Instant::min).max(self.now)
    }

    fn request(&mut self, mid: Mid) {
        let Some(mut writer) = self.rtc.writer(mid) else { return };
        let kinds = [KeyframeRequestKind::Pli, KeyframeRequestKind::Fir];
        if let Some(kind) = kinds.into_iter().find(|kind| writer.is_request_keyframe_possible(*kind)) {
            // It fails where nothing of the stream has come yet: then there is nobody to ask.
            let _ = writer.request_keyframe(None, kind);
        }
    }

    fn note(&mut self, event: str0m::Event) -> Result<()> {
        match event {
            str0m::Event::Connected => {
                self.connect_by = None;
                self.events.push_back(Event::Connected);
            }
            str0m::Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                self.closed = true;
                return Err(if self.connect_by.is_some() { Error::Unreachable } else { Error::Lost });
            }
            str0m::Event::MediaData(data) => {
                let (events, now) = (&mut self.events, self.now);
                let wants_key_frame = self.inbound.push(data, |event| events.push_back(Event::Media(event)));
                if let Some(mid) = wants_key_frame.filter(|_| self.inbound.may_ask(now, KEY_FRAME_PATIENCE)) {
                    self.inbound.asked(now);
                    self.request(mid);
                }
            }
            str0m::Event::KeyframeRequest(request) => {
                let is_it =
                    |outbound: &Option<Outbound>| outbound.as_ref().is_some_and(|it| it.mid == request.mid);
                let stream = self.outbound.iter().position(is_it);
                self.events.extend(stream.map(Event::KeyFrameWanted));
            }
            str0m::Event::EgressBitrateEstimate(
                BweKind::Twcc { estimate, .. } | BweKind::Remb { estimate, .. },
            ) => {
                self.events.push_back(Event::Estimate(estimate.as_u64()));
            }
            str0m::Event::PeerStats(stats) => {
                let pair = stats.selected_candidate_pair.as_ref();
                self.events.push_back(Event::Statistics(Statistics {
                    sent: stats.bytes_tx,
                    received: stats.bytes_rx,
                    round_trip: stats.rtt.or(pair.and_then(|pair| pair.current_round_trip_time)),
                    sent_lost: stats.egress_loss_fraction,
                    received_lost: stats.ingress_loss_fraction,
                }));
            }
            str0m::Event::Closed => self.events.push_back(Event::Closed),
            _ => {}
        }
        Ok(())
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("closed", &self.closed).finish_non_exhaustive()
    }
}
