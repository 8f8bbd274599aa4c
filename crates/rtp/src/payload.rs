//! Payload formats: what a payload type means, and the way of packets into payloads and back.
//!
//! | file | holds |
//! |---|---|
//! | `sound` | sound of which a payload is a run of samples or one coded packet: L16, L24, PCMU, PCMA, G.722, Opus |
//! | `aac` | mpeg4-generic in its mode AAC-hbr (RFC 3640) |
//! | `h264` | single NAL units, STAP-A, FU-A (RFC 6184) |

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(crate) mod aac;
pub(crate) mod h264;
pub(crate) mod sound;

use alloc::collections::VecDeque;

use base64ct::{Base64, Encoding as _};
use brooklet_media::bitstream::aac::AacConfig;
use brooklet_media::bitstream::h264::AvcConfig;
use brooklet_media::bitstream::opus::{self, OpusHead};
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Packet, PcmFormat, StreamParams, TimeBase, VideoParams,
};
use bytes::Bytes;

use crate::{Error, Result};

/// What is sent over RTP, for errors.
const SUPPORTED: &str = "pcm_s16be (L16), pcm_s24be (L24), pcm_mulaw, pcm_alaw, g722, opus, aac, h264";
/// More channels than any device has.
const MAX_CHANNELS: u8 = 8;

/// What a payload type means: an `m=` line's format with its `rtpmap` and `fmtp` (RFC 8866 §6.6, §6.15).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PayloadFormat {
    /// 0 to 127; from 96 on it means what the description says.
    pub payload_type: u8,
    /// What the codec is.
    pub codec: CodecId,
    /// Ticks of the timestamp in a second; of G.722 8000 though it has 16000 samples (RFC 3551 §4.5.2).
    pub clock_rate: u32,
    /// Channels of sound; 1 for pictures.
    pub channels: u8,
    /// Parameters of the format, in order.
    pub fmtp: Vec<(String, String)>,
    /// Milliseconds of sound in a packet, where that is said.
    pub ptime: Option<u32>,
}

impl PayloadFormat {
    /// How a stream is sent: a static payload type where RFC 3551 has one for it, else ffmpeg's 96 for pictures and 97
    /// for sound.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for a codec that has no payload format here, naming those that do.
    pub fn for_stream(params: &StreamParams) -> Result<Self> {
        let audio = params.as_audio().copied();
        let rate = audio.map_or(90_000, |audio| audio.rate);
        let channels = audio.map_or(1, |audio| audio.layout.channels().min(usize::from(u8::MAX)) as u8);
        let mut format = Self {
            payload_type: if audio.is_some() { 97 } else { 96 },
            codec: params.codec,
            clock_rate: rate,
            channels,
            fmtp: Vec::new(),
            ptime: None,
        };
        let mut say = |key: &str, value: String| format.fmtp.push((key.into(), value));
        match params.codec {
            CodecId::Pcm(PcmFormat::S16Be) => match (rate, channels) {
                (44_100, 2) => format.payload_type = 10,
                (44_100, 1) => format.payload_type = 11,
                _ => {}
            },
            CodecId::Pcm(PcmFormat::S24Be) => {}
            CodecId::Pcm(PcmFormat::Mulaw) if (rate, channels) == (8_000, 1) => format.payload_type = 0,
            CodecId::Pcm(PcmFormat::Alaw) if (rate, channels) == (8_000, 1) => format.payload_type = 8,
            CodecId::Pcm(PcmFormat::Mulaw | PcmFormat::Alaw) => {}
            CodecId::G722 => (format.payload_type, format.clock_rate) = (9, 8_000),
            CodecId::Opus => {
                // The rate and the channels of the map are always these (RFC 7587 §7).
                if channels == 2 {
                    say("sprop-stereo", "1".into());
                }
                (format.clock_rate, format.channels) = (opus::RATE, 2);
            }
            CodecId::Aac => {
                let config = AacConfig::parse(&params.extradata)?;
                let hex: String = params.extradata.iter().map(|byte| format!("{byte:02X}")).collect();
                for (key, value) in [
                    ("profile-level-id", "1"),
                    ("mode", "AAC-hbr"),
                    ("sizelength", "13"),
                    ("indexlength", "3"),
                    ("indexdeltalength", "3"),
                    ("config", &hex),
                ] {
                    say(key, value.into());
                }
                format.clock_rate = config.audio_params().rate;
            }
            CodecId::H264 => {
                let config = AvcConfig::parse(&params.extradata)?;
                say("packetization-mode", "1".into());
                let sets = config.sps.iter().chain(&config.pps).map(|set| Base64::encode_string(set));
                say("sprop-parameter-sets", sets.collect::<Vec<_>>().join(","));
                if let Some([_, profile, constraints, level]) =
                    config.sps.first().and_then(|sps| sps.first_chunk())
                {
                    say("profile-level-id", format!("{profile:02X}{constraints:02X}{level:02X}"));
                }
            }
            other => return Err(unsupported(other.name())),
        }
        Ok(format)
    }

    /// What a static payload type means (RFC 3551 §6); `None` for one that needs a description, or is not supported.
    pub fn of_static(payload_type: u8) -> Option<Self> {
        let (codec, clock_rate, channels) = match payload_type {
            0 => (CodecId::Pcm(PcmFormat::Mulaw), 8_000, 1),
            8 => (CodecId::Pcm(PcmFormat::Alaw), 8_000, 1),
            9 => (CodecId::G722, 8_000, 1),
            10 => (CodecId::Pcm(PcmFormat::S16Be), 44_100, 2),
            11 => (CodecId::Pcm(PcmFormat::S16Be), 44_100, 1),
            _ => return None,
        };
        Some(Self { payload_type, codec, clock_rate, channels, fmtp: Vec::new(), ptime: None })
    }

    /// What an `rtpmap` says: `L16/44100/2`.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for an encoding that has no payload format here.
    pub fn from_map(payload_type: u8, map: &str) -> Result<Self> {
        let mut parts = map.trim().split('/');
        let name = parts.next().unwrap_or_default();
        let clock_rate = parts.next().and_then(|rate| rate.trim().parse().ok()).filter(|rate| *rate > 0);
        let channels = parts.next().map_or(Some(1), |channels| channels.trim().parse().ok());
        let codec = match name.to_ascii_uppercase().as_str() {
            "L16" => CodecId::Pcm(PcmFormat::S16Be),
            "L24" => CodecId::Pcm(PcmFormat::S24Be),
            "PCMU" => CodecId::Pcm(PcmFormat::Mulaw),
            "PCMA" => CodecId::Pcm(PcmFormat::Alaw),
            "G722" => CodecId::G722,
            "OPUS" => CodecId::Opus,
            "MPEG4-GENERIC" => CodecId::Aac,
            "H264" => CodecId::H264,
            _ => return Err(unsupported(map)),
        };
        let (Some(clock_rate), Some(channels)) = (clock_rate, channels) else { return Err(unsupported(map)) };
        if channels == 0 || channels > MAX_CHANNELS {
            return Err(unsupported(map));
        }
        Ok(Self { payload_type, codec, clock_rate, channels, fmtp: Vec::new(), ptime: None })
    }

    /// What its `rtpmap` says: `L16/44100/2`.
    pub fn map(&self) -> String {
        let name = match self.codec {
            CodecId::Pcm(PcmFormat::S16Be) => "L16",
            CodecId::Pcm(PcmFormat::S24Be) => "L24",
            CodecId::Pcm(PcmFormat::Mulaw) => "PCMU",
            CodecId::Pcm(PcmFormat::Alaw) => "PCMA",
            CodecId::G722 => "G722",
            CodecId::Opus => "opus",
            CodecId::Aac => "MPEG4-GENERIC",
            _ => "H264",
        };
        match self.channels {
            1 if self.codec != CodecId::Aac => format!("{name}/{}", self.clock_rate),
            channels => format!("{name}/{}/{channels}", self.clock_rate),
        }
    }

    /// A parameter of the format.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.fmtp.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Bytes of a packet of the format's `ptime`, or 20 ms; `None` where what is coded has a length of its own.
    pub fn run_bytes(&self) -> Option<usize> {
        matches!(self.codec, CodecId::Pcm(_) | CodecId::G722).then(|| sound::run_bytes(self))
    }

    /// The clock of its timestamps.
    pub const fn clock(&self) -> TimeBase {
        TimeBase::hz(self.clock_rate)
    }

    /// Whether it is sound.
    pub fn is_audio(&self) -> bool {
        self.codec != CodecId::H264
    }

    /// What the stream is, as far as the description says.
    ///
    /// # Errors
    ///
    /// Where the parameters contradict themselves, or lack what can't be guessed.
    pub fn stream_params(&self) -> Result<StreamParams> {
        let layout = ChannelLayout::from_channels(self.channels).unwrap_or(ChannelLayout::Mono);
        let sound = |audio| StreamParams::audio(self.codec, self.clock(), audio);
        Ok(match self.codec {
            CodecId::Pcm(pcm) => {
                let format = Some(pcm.sample_format());
                sound(AudioParams { format, ..AudioParams::new(self.clock_rate, layout) })
            }
            CodecId::G722 => sound(AudioParams::new(16_000, layout)),
            CodecId::Opus => {
                // The decoder decides how many channels it makes of what is coded; two lose nothing.
                let stereo = self.parameter("sprop-stereo").is_some_and(|value| value == "1");
                let channels = if stereo { 2 } else { 1 };
                let head = OpusHead { channels, pre_skip: 0, input_rate: opus::RATE, family: 0 };
                let layout = if stereo { ChannelLayout::Stereo } else { ChannelLayout::Mono };
                StreamParams { extradata: head.build(), ..sound(AudioParams::new(opus::RATE, layout)) }
            }
            CodecId::Aac => {
                let hbr = self.parameter("mode").is_some_and(|mode| mode.eq_ignore_ascii_case("AAC-hbr"));
                let config = self.parameter("config").and_then(hex);
                let (true, Some(extradata)) = (hbr, config) else {
                    return Err(unsupported("mpeg4-generic without mode=AAC-hbr and config="));
                };
                let audio = AacConfig::parse(&extradata)?.audio_params();
                StreamParams { extradata, ..sound(audio) }
            }
            _ => {
                let mut stream = StreamParams::video(self.codec, self.clock(), VideoParams::new(0, 0));
                if let Some(config) = self.parameter_sets() {
                    if let Some(sps) = config.first_sps() {
                        stream.kind = brooklet_media::StreamKind::Video(sps.video_params());
                    }
                    stream.extradata = config.build();
                }
                stream
            }
        })
    }

    /// The parameter sets of H.264 that the description holds.
    fn parameter_sets(&self) -> Option<AvcConfig> {
        let sets = self.parameter("sprop-parameter-sets")?.split(',');
        let sets: Vec<Vec<u8>> = sets.filter_map(|set| Base64::decode_vec(set.trim()).ok()).collect();
        AvcConfig::from_units(sets.iter().map(Vec::as_slice))
    }
}

fn unsupported(what: &str) -> Error {
    Error::Unsupported { what: what.into(), supported: SUPPORTED }
}

fn hex(text: &str) -> Option<Bytes> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let whole = digits.len().is_multiple_of(2) && digits.len() <= 128;
    whole.then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// What goes into one RTP packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payload {
    /// The bytes.
    pub data: Bytes,
    /// Ticks of the payload's clock, not wrapped.
    pub timestamp: i64,
    /// Where what it holds ends, in the same ticks; `timestamp` for pictures.
    pub end: i64,
    /// See [`crate::RtpPacket::marker`].
    pub marker: bool,
}

/// Packets of a stream into payloads.
#[derive(Debug)]
pub struct Packetizer {
    format: PayloadFormat,
    kind: Kind,
    ready: VecDeque<Payload>,
}

#[derive(Debug)]
enum Kind {
    Samples(sound::Samples),
    Whole,
    Aac,
    H264(h264::Pay),
}

impl Packetizer {
    /// For a stream as `format` says, into payloads of at most `room` bytes (1460 is what fits an Ethernet frame). Sound
    /// that is not coded comes in runs of the format's `ptime`, or 20 ms, where that much has room.
    ///
    /// # Errors
    ///
    /// Where the stream's extradata are not what its codec's are.
    pub fn new(format: &PayloadFormat, params: &StreamParams, room: usize) -> Result<Self> {
        let room = room.clamp(64, 65_000);
        let kind = match format.codec {
            CodecId::Pcm(_) | CodecId::G722 => Kind::Samples(sound::Samples::new(format, room)),
            CodecId::Aac => Kind::Aac,
            CodecId::H264 => Kind::H264(h264::Pay::new(&params.extradata, room)?),
            _ => Kind::Whole,
        };
        Ok(Self { format: format.clone(), kind, ready: VecDeque::new() })
    }

    /// Takes a packet whose times are ticks of the format's clock.
    ///
    /// # Errors
    ///
    /// Where a coded packet is larger than the format can say.
    pub fn push(&mut self, packet: &Packet) -> Result<()> {
        match &mut self.kind {
            Kind::Samples(samples) => samples.push(packet, &mut self.ready),
            Kind::Whole => self.ready.push_back(Payload {
                data: packet.data.clone(),
                timestamp: packet.pts,
                end: packet.pts.saturating_add(packet.duration),
                marker: false,
            }),
            Kind::Aac => aac::pay(packet, &mut self.ready)?,
            Kind::H264(pay) => pay.push(packet, &mut self.ready),
        }
        Ok(())
    }

    /// The stream has ended: a last run of samples that is shorter becomes ready.
    pub fn finish(&mut self) {
        if let Kind::Samples(samples) = &mut self.kind {
            samples.finish(&mut self.ready);
        }
    }

    /// The next payload.
    pub fn poll(&mut self) -> Option<Payload> {
        self.ready.pop_front()
    }

    /// What it was made for.
    pub const fn format(&self) -> &PayloadFormat {
        &self.format
    }
}

/// What payloads become: an access unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unit {
    /// Ticks of the payload's clock.
    pub timestamp: i64,
    /// In the same ticks; 0 where that is not known.
    pub duration: i64,
    /// Whether decoding can start here.
    pub key: bool,
    /// As in a [`Packet`].
    pub data: Bytes,
}

/// Payloads into access units. Payloads come in order and once; what was lost between them is said.
#[derive(Debug)]
pub struct Depacketizer {
    codec: CodecId,
    sound: sound::Whole,
    aac: aac::Depay,
    h264: h264::Depay,
    ready: VecDeque<Unit>,
}

impl Depacketizer {
    /// For payloads as `format` says.
    pub fn new(format: &PayloadFormat) -> Self {
        let config = format.parameter_sets();
        Self {
            codec: format.codec,
            sound: sound::Whole::new(format),
            aac: aac::Depay::new(format),
            h264: h264::Depay::new(config),
            ready: VecDeque::new(),
        }
    }

    /// Takes the next payload; `timestamp` without wraps, `gap` where packets before it are missing. Damaged ones are
    /// left out.
    pub fn push(&mut self, payload: &Bytes, timestamp: i64, marker: bool, gap: bool) {
        match self.codec {
            CodecId::Aac => self.aac.push(payload, timestamp, gap, &mut self.ready),
            CodecId::H264 => self.h264.push(payload, timestamp, marker, gap, &mut self.ready),
            _ => self.sound.push(payload, timestamp, &mut self.ready),
        }
    }

    /// No more payloads will come: a picture whose end was not marked becomes ready.
    pub fn finish(&mut self) {
        self.h264.finish(&mut self.ready);
    }

    /// The next access unit.
    pub fn poll(&mut self) -> Option<Unit> {
        self.ready.pop_front()
    }

    /// The parameters, where the payloads brought others than were known, once.
    pub fn take_params(&mut self) -> Option<StreamParams> {
        self.h264.take_params()
    }
}
