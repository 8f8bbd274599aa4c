//! Offers, answers and candidates (RFC 8829; RFC 8840 for fragments of them).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use brooklet_media::{MediaKind, StreamParams};
use str0m::bwe::Bitrate;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind as Kind, Mid};
use str0m::{Candidate, Rtc};

use super::inbound::Inbound;
use super::outbound::{Outbound, Zero};
use super::{AUDIO_REORDER, CONNECT, HiddenCandidate, PendingOffer, Session, SessionOptions, VIDEO_REORDER};
use crate::stun::Found;
use crate::{Error, Result, crypto};

/// Bytes of a description that are read at all.
const MAX_DESCRIPTION: usize = 64 << 10;
/// Candidates of a peer that are tried, in all of a session.
const MAX_CANDIDATES: usize = 32;
/// Those of a session whose names are asked for.
const MAX_HIDDEN: usize = 8;

impl Session {
    /// Answers the offer of a peer: the session, and the answer to send back.
    ///
    /// What the peer offers to send is received. `send` are streams for the sections in which it takes media, one of
    /// each kind; one for which it has no section is left out, and a section for which there is no stream is answered so: the
    /// peer need not wait for it. `addresses` are the local addresses of UDP sockets that
    /// it can reach; datagrams come from and go to these.
    ///
    /// # Errors
    ///
    /// [`Error::Description`], [`Error::NoCodec`], and [`Error::Media`] for a stream that WebRTC can't carry.
    pub fn answer(
        options: &SessionOptions,
        now: Instant,
        offer: &str,
        send: &[StreamParams],
        addresses: &[SocketAddr],
    ) -> Result<(Self, String)> {
        let mut session = Self::new(options, now, addresses)?;
        let (offer, candidates) = session.read_description(offer)?;
        let offer =
            SdpOffer::from_sdp_string(&offer).map_err(|error| Error::Description(error.to_string()))?;
        let answer = session.rtc.sdp_api().accept_offer(offer)?;
        candidates.into_iter().for_each(|candidate| session.rtc.add_remote_candidate(candidate));
        let answer = answer.to_sdp_string();
        let names = answer.lines().filter_map(|line| line.strip_prefix("a=mid:"));
        let sections: Vec<_> = names.filter_map(|name| Section::of(&session.rtc, Mid::from(name))).collect();
        let mut sending = Vec::new();
        for params in send {
            let kind = kind(params);
            let section =
                sections.iter().find(|section| section.kind == kind && section.direction.is_sending());
            let outbound = section.map(|section| Outbound::new(&mut session.rtc, section.mid, params));
            session.outbound.push(outbound.transpose()?);
            sending.extend(section.map(|section| section.mid));
        }
        session.receive(&sections);
        let flows = session.outbound.iter().any(Option::is_some)
            || sections.iter().any(|section| section.direction.is_receiving());
        if !flows {
            return Err(Error::Description("it neither sends nor takes anything that there is".into()));
        }
        Ok((session, promising(&answer, &sending)))
    }

    /// Makes an offer: to send these streams, and to receive these kinds. [`Session::accept_answer`] follows.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] where nothing is offered.
    pub fn offer(
        options: &SessionOptions,
        now: Instant,
        send: &[StreamParams],
        receive: &[MediaKind],
        addresses: &[SocketAddr],
    ) -> Result<(Self, String)> {
        let mut session = Self::new(options, now, addresses)?;
        let mut api = session.rtc.sdp_api();
        // One stream of media in the browser's words: its sound and pictures are kept together.
        let name = Some("brooklet".to_string());
        let mut offered = Vec::new();
        for params in send {
            let mid = api.add_media(kind(params), Direction::SendOnly, name.clone(), None, None);
            offered.push((mid, Some(params.clone())));
        }
        for wanted in receive {
            let kind = if *wanted == MediaKind::Video { Kind::Video } else { Kind::Audio };
            offered.push((api.add_media(kind, Direction::RecvOnly, None, None, None), None));
        }
        let (offer, inner) = api.apply().ok_or_else(|| Error::Protocol("an offer of nothing".into()))?;
        session.pending = Some(PendingOffer { inner, sections: offered });
        Ok((session, offer.to_sdp_string()))
    }

    /// Takes the peer's answer to our offer.
    ///
    /// # Errors
    ///
    /// As [`Session::answer`]; [`Error::Protocol`] without an offer.
    pub fn accept_answer(&mut self, answer: &str) -> Result<()> {
        let pending =
            self.pending.take().ok_or_else(|| Error::Protocol("an answer without an offer".into()))?;
        let (answer, candidates) = self.read_description(answer)?;
        let answer =
            SdpAnswer::from_sdp_string(&answer).map_err(|error| Error::Description(error.to_string()))?;
        self.rtc.sdp_api().accept_answer(pending.inner, answer)?;
        candidates.into_iter().for_each(|candidate| self.rtc.add_remote_candidate(candidate));
        let mut sections = Vec::new();
        for (mid, params) in pending.sections {
            let Some(section) = Section::of(&self.rtc, mid) else { continue };
            if let Some(params) = params {
                let wanted = section.direction.is_sending();
                let outbound = wanted.then(|| Outbound::new(&mut self.rtc, mid, &params));
                self.outbound.push(outbound.transpose()?);
            }
            sections.push(section);
        }
        self.receive(&sections);
        Ok(())
    }

    /// More candidates of the peer, as they stand in a fragment of a description (`application/trickle-ice-sdpfrag`).
    ///
    /// # Errors
    ///
    /// [`Error::Description`] where it is another session's, or would begin this one anew.
    pub fn add_candidates(&mut self, fragment: &str) -> Result<()> {
        let known = self.remote_name.clone();
        let (_, candidates) = self.read_description(fragment)?;
        if known.is_some() && self.remote_name != known {
            self.remote_name = known;
            return Err(Error::Description("ICE can't be begun anew within a session".into()));
        }
        candidates.into_iter().for_each(|candidate| self.rtc.add_remote_candidate(candidate));
        Ok(())
    }

    /// Candidates of the peer, since the last call, whose addresses are hidden behind names: 8 of a session at most. To be asked
    /// for by [`mdns`](crate::mdns); with its address each goes to [`Session::add_candidates`].
    pub fn take_hidden(&mut self) -> Vec<HiddenCandidate> {
        std::mem::take(&mut self.hidden)
    }

    /// The name by which ICE tells this session from others, as our description says it (`a=ice-ufrag`).
    pub fn name(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    fn new(options: &SessionOptions, now: Instant, addresses: &[SocketAddr]) -> Result<Self> {
        let mut rtc = Rtc::builder()
            .set_crypto_provider(crypto::provider())
            .set_dtls_cert(options.certificate.0.clone())
            .set_ice_lite(options.ice_lite)
            .clear_codecs()
            .enable_h264(true)
            .enable_opus(true, false)
            .enable_bwe(Some(Bitrate::from(options.bandwidth)))
            .set_stats_interval(options.statistics)
            .set_reordering_timeout_video(Some(VIDEO_REORDER))
            .set_reordering_timeout_audio(Some(AUDIO_REORDER))
            .build(now);
        let has_relay = options.found.iter().any(|found| matches!(found, Found::Relayed(_)));
        if options.relay_only && !has_relay {
            return Err(Error::NoRelay);
        }
        let direct = if options.relay_only { &[] } else { addresses };
        for address in direct {
            let candidate = Candidate::host(*address, "udp");
            let candidate = candidate.map_err(|error| Error::Protocol(format!("{address}: {error}")))?;
            rtc.add_local_candidate(candidate);
        }
        let is_wanted = |found: &&Found| !options.relay_only || matches!(found, Found::Relayed(_));
        for found in options.found.iter().filter(is_wanted) {
            // One that ICE can't use changes nothing.
            candidate(found, addresses).and_then(|candidate| rtc.add_local_candidate(candidate));
        }
        rtc.bwe().set_desired_bitrate(Bitrate::from(options.bandwidth));
        Ok(Self {
            rtc,
            pending: None,
            remote_name: None,
            hidden: Vec::new(),
            hidden_count: 0,
            candidate_count: 0,
            outbound: Vec::new(),
            zero: Zero::default(),
            inbound: Inbound::default(),
            events: VecDeque::new(),
            now,
            connect_by: Some(now + CONNECT),
            closed: false,
        })
    }

    /// A description without its candidates, and those of them that can be used: UDP, with an address. Those with a name wait
    /// in [`Session::take_hidden`].
    fn read_description(&mut self, text: &str) -> Result<(String, Vec<Candidate>)> {
        if text.len() > MAX_DESCRIPTION {
            return Err(Error::Description(format!("it is over {MAX_DESCRIPTION} bytes")));
        }
        let (mut rest, mut candidates) = (String::with_capacity(text.len()), Vec::new());
        for line in text.lines() {
            match line.strip_prefix("a=").filter(|line| line.starts_with("candidate:")) {
                Some(line) if self.candidate_count < MAX_CANDIDATES => {
                    let usable = Candidate::from_sdp_string(line)
                        .ok()
                        .filter(|candidate| candidate.proto() == str0m::net::Protocol::Udp);
                    self.candidate_count += usize::from(usable.is_some());
                    candidates.extend(usable);
                    self.hide(line);
                }
                Some(_) => {}
                None => {
                    if let Some(name) = line.strip_prefix("a=ice-ufrag:") {
                        self.remote_name = Some(name.trim().to_string());
                    }
                    rest.push_str(line);
                    rest.push_str("\r\n");
                }
            }
        }
        Ok((rest, candidates))
    }

    fn hide(&mut self, line: &str) {
        let hidden = HiddenCandidate::read(line).filter(|_| self.hidden_count < MAX_HIDDEN);
        self.hidden_count += usize::from(hidden.is_some());
        self.hidden.extend(hidden);
    }

    fn receive(&mut self, sections: &[Section]) {
        for section in sections.iter().filter(|section| section.direction.is_receiving()) {
            self.inbound.expect(section.mid, section.kind == Kind::Video);
        }
    }
}

/// An answer that promises to send in these sections alone.
fn promising(answer: &str, sending: &[Mid]) -> String {
    let (mut text, mut is_sending) = (String::with_capacity(answer.len()), false);
    for line in answer.lines() {
        // The name of a section comes before its direction.
        is_sending =
            line.strip_prefix("a=mid:").map_or(is_sending, |name| sending.contains(&Mid::from(name)));
        text.push_str(match line {
            "a=sendonly" if !is_sending => "a=inactive",
            "a=sendrecv" if !is_sending => "a=recvonly",
            _ => line,
        });
        text.push_str("\r\n");
    }
    text
}

/// What a server gave, as a candidate; `None` where that says nothing new.
fn candidate(found: &Found, addresses: &[SocketAddr]) -> Option<Candidate> {
    let (Found::Reflexive(address) | Found::Relayed(address)) = *found;
    let same = |base: &&SocketAddr| base.is_ipv4() == address.is_ipv4();
    // What servers see is what goes out to them, not what stays on this machine.
    let outward = addresses.iter().filter(same).find(|base| !base.ip().is_loopback());
    let base = *outward.or_else(|| addresses.iter().find(same))?;
    if addresses.contains(&address) {
        return None;
    }
    match found {
        Found::Reflexive(_) => Candidate::server_reflexive(address, base, "udp").ok(),
        Found::Relayed(_) => Candidate::relayed(address, base, "udp").ok(),
    }
}

/// One section of a description.
struct Section {
    mid: Mid,
    kind: Kind,
    /// Ours.
    direction: Direction,
}

impl Section {
    fn of(rtc: &Rtc, mid: Mid) -> Option<Self> {
        let media = rtc.media(mid)?;
        Some(Self { mid, kind: media.kind(), direction: media.direction() })
    }
}

fn kind(params: &StreamParams) -> Kind {
    if params.media() == MediaKind::Video { Kind::Video } else { Kind::Audio }
}
