//! Packets to what is sent. str0m cuts them into RTP payloads; here they get their payload type and their times.

use std::time::{Duration, Instant};

use brooklet_media::bitstream::h264::AvcConfig;
use brooklet_media::bitstream::nal::{length_prefixed_units, write_annexb};
use brooklet_media::{CodecId, MediaKind, Packet, StreamParams, TimeBase};
use str0m::Rtc;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{Frequency, MediaTime, Mid, Pt};

use crate::{Error, Result};

/// Seconds added to all times, because RTP's are not negative here and a stream's may be.
const LEAD: i64 = 10;
/// What has been sent is kept for peers that miss some of it: this many packets, for this long. Browsers give a packet up within a
/// second; aiortc waits for a hundred and twenty-eight more, and asks again only when it next misses one.
const REPAIR_PACKETS: usize = 1_000;
const REPAIR_AGE: Duration = Duration::from_secs(6);
/// The part of what is sent that may be repairs. Beyond that they would only crowd out what is new.
const REPAIR_SHARE: f32 = 0.4;
const ENCODE: &str = "encode it: leave out -c copy";

/// One stream that is sent.
pub(super) struct Outbound {
    pub(super) mid: Mid,
    pt: Pt,
    kind: MediaKind,
    time_base: TimeBase,
    /// Of H.264: the parameter sets, which go before each key frame.
    config: Option<AvcConfig>,
    /// The pts of the last packet that was sent.
    last: Option<i64>,
}

/// The moment of the media's own zero on the clock of the network: one for all streams, which keep their places to
/// each other by it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Zero(Option<(Instant, i64)>);

impl Outbound {
    /// A stream in the section `mid`, whose peer must have named its codec.
    pub(super) fn new(rtc: &mut Rtc, mid: Mid, params: &StreamParams) -> Result<Self> {
        let config = config(params)?;
        let pt = payload_type(rtc, mid, config.as_ref())?;
        if let Some(stream) = rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.set_rtx_cache(REPAIR_PACKETS, REPAIR_AGE, Some(REPAIR_SHARE));
        }
        let (kind, time_base) = (params.media(), params.time_base);
        Ok(Self { mid, pt, kind, time_base, config, last: None })
    }

    pub(super) fn write(
        &mut self,
        rtc: &mut Rtc,
        zero: &mut Zero,
        now: Instant,
        packet: &Packet,
    ) -> Result<bool> {
        if !rtc.is_connected() {
            return Ok(false);
        }
        let data = match (&self.config, self.last) {
            (Some(config), last) => {
                if last.is_none() && !packet.key {
                    return Ok(false);
                }
                if last.is_some_and(|last| packet.pts < last) && !packet.key {
                    let what = "pictures that are not shown in the order of decoding (B-frames), which WebRTC can't \
                                carry";
                    return Err(Error::Media {
                        what: what.into(),
                        remedy: "encode them anew (leave out -c:v copy), or have the source make none (-bf 0)",
                    });
                }
                annexb(config, packet)
            }
            (None, _) => packet.data.to_vec(),
        };
        if data.is_empty() {
            return Ok(false);
        }
        self.last = Some(packet.pts);
        let at = self.time_base.at(packet.pts).as_nanos();
        let wallclock = zero.wallclock(now, at);
        let (rtp_base, frequency) = match self.kind {
            MediaKind::Video => (TimeBase::MPEG, Frequency::NINETY_KHZ),
            _ => (TimeBase::hz(48_000), Frequency::FORTY_EIGHT_KHZ),
        };
        let ticks = self.time_base.rescale(packet.pts, rtp_base) + LEAD * i64::from(rtp_base.den());
        let time = MediaTime::new(u64::try_from(ticks).unwrap_or(0), frequency);
        let Some(writer) = rtc.writer(self.mid) else { return Ok(false) };
        writer.write(self.pt, wallclock, time, data)?;
        Ok(true)
    }

    pub(super) fn change_params(&mut self, params: &StreamParams) -> Result<()> {
        self.config = config(params)?;
        self.time_base = params.time_base;
        Ok(())
    }

    /// When the oldest packet that waits for the network was written.
    pub(super) fn oldest_unsent(&self, rtc: &mut Rtc) -> Option<Instant> {
        let mut api = rtc.direct_api();
        api.stream_tx_by_mid(self.mid, None)?.queue_info()?.first_unsent()
    }
}

impl Zero {
    /// When the media's moment `at`, nanoseconds, was or will be; never later than now, because reports to the peer are
    /// told from the past.
    fn wallclock(&mut self, now: Instant, at: i64) -> Instant {
        let (anchor, since) = *self.0.get_or_insert((now, at));
        let ahead = at.saturating_sub(since);
        let moment = match u64::try_from(ahead) {
            Ok(later) => anchor + Duration::from_nanos(later),
            Err(_) => anchor.checked_sub(Duration::from_nanos(ahead.unsigned_abs())).unwrap_or(anchor),
        };
        if moment <= now {
            return moment;
        }
        self.0 = Some((now, at));
        now
    }
}

/// The parameter sets of H.264; `None` for sound. An error for what WebRTC can't carry.
fn config(params: &StreamParams) -> Result<Option<AvcConfig>> {
    let refuse = |what: String| Err(Error::Media { what, remedy: ENCODE });
    match params.codec {
        CodecId::Opus => {
            let channels = params.as_audio().map_or(0, |audio| audio.layout.channels());
            if channels > 2 {
                return refuse(format!("Opus of {channels} channels, of which browsers take two"));
            }
            Ok(None)
        }
        CodecId::H264 => {
            let config = AvcConfig::parse(&params.extradata);
            let config = config.map_err(|error| Error::Media { what: error.to_string(), remedy: ENCODE })?;
            // str0m keeps one of each kind before a key frame.
            if config.sps.len() != 1 || config.pps.len() != 1 {
                let (sps, pps) = (config.sps.len(), config.pps.len());
                return refuse(format!(
                    "H.264 with {sps} sequence and {pps} picture parameter sets, not one each"
                ));
            }
            Ok(Some(config))
        }
        other => refuse(format!("{other}, of which WebRTC here carries h264 and opus only")),
    }
}

/// The payload type that the peer gave to the codec, of several the one whose profile is most like.
fn payload_type(rtc: &mut Rtc, mid: Mid, config: Option<&AvcConfig>) -> Result<Pt> {
    let Some(writer) = rtc.writer(mid) else {
        return Err(Error::Protocol(format!("no section {mid}")));
    };
    let offered: Vec<PayloadParams> = writer.payload_params().copied().collect();
    let likeness = |offer: &&PayloadParams| {
        let spec = offer.spec();
        // 1 may cut a picture into pieces (RFC 6184 §6.3); 0 may not, and pictures don't fit then.
        if config.is_some() && spec.format.packetization_mode != Some(1) {
            return 0;
        }
        let theirs = spec.format.profile_level_id.unwrap_or(0x42_00_0a).to_be_bytes();
        match config.map(|config| config.profile) {
            Some([profile, constraints, _]) if profile == theirs[1] => {
                2 + u8::from(constraints & 0x40 == theirs[2] & 0x40)
            }
            _ => 1,
        }
    };
    let wanted = if config.is_some() { Codec::H264 } else { Codec::Opus };
    let same = offered.iter().filter(|offer| offer.spec().codec == wanted);
    same.filter(|offer| likeness(offer) > 0).max_by_key(likeness).map(PayloadParams::pt).ok_or_else(|| {
        let (kind, ours) = if config.is_some() { ("video", "h264") } else { ("audio", "opus") };
        let mut theirs: Vec<_> = offered.iter().map(|offer| offer.spec().codec.to_string()).collect();
        theirs.dedup();
        let theirs = if theirs.is_empty() { "nothing that is known here".into() } else { theirs.join(", ") };
        Error::NoCodec { kind, ours, theirs }
    })
}

/// A picture as RTP wants it: key frames with their parameter sets before them, wherever they were.
fn annexb(config: &AvcConfig, packet: &Packet) -> Vec<u8> {
    let mut out = Vec::with_capacity(packet.data.len() + 128);
    if packet.key {
        config.write_annexb(&mut out);
    }
    for unit in length_prefixed_units(&packet.data, config.length_size).filter(|unit| !unit.is_empty()) {
        write_annexb(unit, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_never_runs_ahead_of_the_clock() {
        let (mut zero, start) = (Zero::default(), Instant::now());
        let second = Duration::from_secs(1);
        assert_eq!(zero.wallclock(start, 5_000_000_000), start);
        assert_eq!(zero.wallclock(start + second, 5_500_000_000), start + second / 2);
        // Half a second too early: what was the future is now, for all that follows too.
        assert_eq!(zero.wallclock(start + second, 6_500_000_000), start + second);
        assert_eq!(zero.wallclock(start + second, 5_500_000_000), start);
    }
}
