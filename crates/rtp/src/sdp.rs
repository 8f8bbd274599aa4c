//! Session descriptions (RFC 8866): what is sent where, and what its payload types mean.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::string::ToString;
use alloc::vec::Vec;

use core::fmt::Write;

use crate::payload::PayloadFormat;
use crate::{Error, Result};

/// A description longer than this is none.
const MAX_BYTES: usize = 64 << 10;
/// Media and formats in one description.
const MAX_MEDIA: usize = 64;

/// What is sent, and where to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Description {
    /// `s=`.
    pub name: String,
    /// In order of their `m=` lines.
    pub media: Vec<Media>,
}

/// One `m=` line with what belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// Whether it is sound rather than pictures.
    pub audio: bool,
    /// Where it is sent: an address or a name; a group where it is multicast.
    pub address: String,
    /// Of multicast, where that is said.
    pub ttl: Option<u8>,
    /// The port of RTP.
    pub port: u16,
    /// The port of RTCP, where it is not the next one (RFC 3605).
    pub rtcp_port: Option<u16>,
    /// What its payload types mean, the preferred one first. What is not supported is left out.
    pub formats: Vec<PayloadFormat>,
    /// `rtpmap`s, or numbers, of what was left out.
    pub left_out: Vec<String>,
}

impl Description {
    /// Writes it, with CR LF as the RFC asks.
    pub fn write(&self) -> String {
        let mut out = String::new();
        let first = self.media.first().map_or("127.0.0.1", |media| &media.address);
        let name = if self.name.is_empty() { "No Name" } else { &self.name };
        // One line each: a name must not bring lines of its own.
        let name: String = name.chars().filter(|c| !c.is_control()).collect();
        let mut line = |text: String| out += &(text + "\r\n");
        line("v=0".into());
        line(format!("o=- 0 0 IN {} {first}", network(first)));
        line(format!("s={name}"));
        line("t=0 0".into());
        line("a=tool:brooklet".into());
        for media in &self.media {
            let kind = if media.audio { "audio" } else { "video" };
            let mut types = String::new();
            for format in &media.formats {
                let _ = write!(types, " {}", format.payload_type);
            }
            line(format!("m={kind} {} RTP/AVP{types}", media.port));
            let ttl = media.ttl.map_or(String::new(), |ttl| format!("/{ttl}"));
            line(format!("c=IN {} {}{ttl}", network(&media.address), media.address));
            if let Some(port) = media.rtcp_port {
                line(format!("a=rtcp:{port}"));
            }
            for format in &media.formats {
                line(format!("a=rtpmap:{} {}", format.payload_type, format.map()));
                if !format.fmtp.is_empty() {
                    let pairs: Vec<String> =
                        format.fmtp.iter().map(|(key, value)| format!("{key}={value}")).collect();
                    line(format!("a=fmtp:{} {}", format.payload_type, pairs.join("; ")));
                }
            }
            if let Some(ptime) = media.formats.first().and_then(|format| format.ptime) {
                line(format!("a=ptime:{ptime}"));
            }
        }
        out
    }

    /// Reads one; lines may end as they like.
    ///
    /// # Errors
    ///
    /// [`Error::Description`] where a line is not `x=…`, a port or an address can't be read, or there is more than
    /// anyone describes.
    pub fn parse(text: &str) -> Result<Self> {
        let failed = |line: usize, what: &str| Error::Description { what: what.into(), line };
        if text.len() > MAX_BYTES {
            return Err(failed(0, "over 64 KiB"));
        }
        let mut parser = Parser::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() {
                continue;
            }
            let (kind, value) = line
                .split_once('=')
                .filter(|(kind, _)| kind.len() == 1)
                .ok_or_else(|| failed(number + 1, "no 'x='"))?;
            parser.line(kind, value.trim()).map_err(|what| failed(number + 1, what))?;
        }
        let description = parser.finish();
        if description.media.is_empty() {
            return Err(failed(0, "no 'm=' line of sound or pictures over RTP"));
        }
        Ok(description)
    }
}

fn network(address: &str) -> &'static str {
    if address.contains(':') { "IP6" } else { "IP4" }
}

#[derive(Default)]
struct Parser {
    name: String,
    /// Of the session, for media that have none of their own.
    address: Option<(String, Option<u8>)>,
    media: Vec<Open>,
    /// Within an `m=` of another kind, whose lines are passed over.
    skipping: bool,
}

/// A medium whose lines are still coming.
struct Open {
    audio: bool,
    port: u16,
    rtcp_port: Option<u16>,
    address: Option<(String, Option<u8>)>,
    types: Vec<u8>,
    maps: Vec<(u8, String)>,
    fmtp: Vec<(u8, String)>,
    ptime: Option<u32>,
}

impl Parser {
    fn line(&mut self, kind: &str, value: &str) -> Result<(), &'static str> {
        match kind {
            "s" => self.name = value.into(),
            "c" => {
                let address = Some(connection(value).ok_or("no address in 'c='")?);
                match self.media.last_mut() {
                    _ if self.skipping => {}
                    Some(media) => media.address = address,
                    None => self.address = address,
                }
            }
            "m" => self.medium(value)?,
            "a" if !self.skipping => {
                if let Some(media) = self.media.last_mut() {
                    media.attribute(value)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn medium(&mut self, value: &str) -> Result<(), &'static str> {
        let mut words = value.split_whitespace();
        let (kind, port, protocol) = (words.next(), words.next(), words.next());
        let audio = kind == Some("audio");
        let is_rtp = protocol.is_some_and(|protocol| protocol.starts_with("RTP/AVP"));
        self.skipping = !is_rtp || !audio && kind != Some("video");
        if self.skipping {
            return Ok(());
        }
        if self.media.len() >= MAX_MEDIA {
            return Err("more than 64 media");
        }
        let port = port.and_then(|port| port.split('/').next()).and_then(|port| port.parse().ok());
        let types = words.filter_map(|word| word.parse().ok()).filter(|kind| *kind < 128).take(MAX_MEDIA);
        self.media.push(Open {
            audio,
            port: port.ok_or("no port in 'm='")?,
            rtcp_port: None,
            address: None,
            types: types.collect(),
            maps: Vec::new(),
            fmtp: Vec::new(),
            ptime: None,
        });
        Ok(())
    }

    fn finish(self) -> Description {
        let session = self.address;
        let media = self.media.into_iter().map(|media| media.close(session.as_ref())).collect();
        Description { name: self.name, media }
    }
}

impl Open {
    fn attribute(&mut self, value: &str) -> Result<(), &'static str> {
        let (name, value) = value.split_once(':').unwrap_or((value, ""));
        let numbered = || {
            let (number, rest) = value.split_once(char::is_whitespace)?;
            Some((number.parse().ok()?, rest.trim().to_owned()))
        };
        if self.maps.len() + self.fmtp.len() > 4 * MAX_MEDIA {
            return Err("more than 256 attributes");
        }
        match name {
            "rtpmap" => self.maps.push(numbered().ok_or("no payload type in 'a=rtpmap:'")?),
            "fmtp" => self.fmtp.push(numbered().ok_or("no payload type in 'a=fmtp:'")?),
            "ptime" => self.ptime = value.trim().parse::<f32>().ok().map(|millis| millis as u32),
            "rtcp" => {
                let port = value.split_whitespace().next().and_then(|port| port.parse().ok());
                self.rtcp_port = Some(port.ok_or("no port in 'a=rtcp:'")?);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(self, session: Option<&(String, Option<u8>)>) -> Media {
        let (address, ttl) =
            self.address.or_else(|| session.cloned()).unwrap_or_else(|| ("0.0.0.0".into(), None));
        let (mut formats, mut left_out) = (Vec::new(), Vec::new());
        for payload_type in self.types {
            let map = self.maps.iter().find(|(number, _)| *number == payload_type).map(|(_, map)| map);
            let format = match map {
                Some(map) => PayloadFormat::from_map(payload_type, map).ok(),
                None => PayloadFormat::of_static(payload_type),
            };
            let Some(mut format) = format.filter(|format| format.is_audio() == self.audio) else {
                left_out.push(map.cloned().unwrap_or_else(|| payload_type.to_string()));
                continue;
            };
            format.ptime = self.ptime.filter(|ptime| *ptime > 0);
            let lines = self.fmtp.iter().filter(|(number, _)| *number == payload_type);
            format.fmtp = lines.flat_map(|(_, line)| parameters(line)).take(MAX_MEDIA).collect();
            formats.push(format);
        }
        let Self { audio, port, rtcp_port, .. } = self;
        Media { audio, address, ttl, port, rtcp_port, formats, left_out }
    }
}

/// `IN IP4 239.0.0.1/16`: the address and, of multicast, its TTL.
fn connection(value: &str) -> Option<(String, Option<u8>)> {
    let address = value.split_whitespace().nth(2)?;
    let mut parts = address.split('/');
    let host = parts.next().filter(|host| !host.is_empty())?;
    Some((host.into(), parts.next().and_then(|ttl| ttl.parse().ok())))
}

/// `a=1; b=2`.
fn parameters(line: &str) -> Vec<(String, String)> {
    let pairs = line.split(';').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key.trim().into(), value.trim().into())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{CodecId, PcmFormat};
    use proptest::prelude::*;

    /// As ffmpeg writes it.
    const FFMPEG: &str = "SDP:\r\n";

    #[test]
    fn descriptions_of_others_are_understood() {
        let text = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=No Name\nc=IN IP4 239.1.2.3/8\nt=0 0\n\
            m=audio 5004 RTP/AVP 97\nb=AS:1411\na=rtpmap:97 L16/48000/2\na=ptime:5\n\
            m=video 5006 RTP/AVP 96\nc=IN IP4 10.0.0.1\na=rtpmap:96 H264/90000\n\
            a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAHtkA2D3n,aMuMsg==; profile-level-id=42C01E\na=rtcp:6000\n\
            m=application 9 UDP/BFCP *\na=floorctrl:c-s\nm=audio 7000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n";
        let read = Description::parse(text).unwrap();
        let [sound, video, telephone] = &read.media[..] else { panic!("{read:?}") };
        assert_eq!((sound.address.as_str(), sound.ttl, sound.port), ("239.1.2.3", Some(8), 5_004));
        let format = &sound.formats[0];
        assert_eq!(format.codec, CodecId::Pcm(PcmFormat::S16Be));
        assert_eq!((format.clock_rate, format.channels, format.ptime), (48_000, 2, Some(5)));
        assert_eq!((video.address.as_str(), video.rtcp_port), ("10.0.0.1", Some(6_000)));
        assert!(!video.formats[0].stream_params().unwrap().extradata.is_empty());
        assert_eq!(
            telephone.formats[0],
            PayloadFormat { ptime: None, ..PayloadFormat::of_static(0).unwrap() }
        );
        assert_eq!(telephone.left_out, ["telephone-event/8000"]);
    }

    #[test]
    fn what_is_no_description_is_refused_with_its_line() {
        let words = |text: &str| Description::parse(text).unwrap_err().to_string();
        assert_eq!(words(FFMPEG), "sdp: no 'x=' in line 1");
        assert_eq!(words("v=0\nm=audio x RTP/AVP 0"), "sdp: no port in 'm=' in line 2");
        assert!(words("v=0\n").contains("no 'm=' line"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let formats = ["L16/44100/2", "L24/48000/1", "PCMU/16000", "opus/48000/2", "G722/8000", "H264/90000"];
        for map in formats {
            let mut format = PayloadFormat::from_map(98, map).unwrap();
            format.fmtp = vec![("a".into(), "1".into()), ("b".into(), "2".into())];
            let media = Media {
                audio: format.is_audio(),
                address: "::1".into(),
                ttl: None,
                port: 5_004,
                rtcp_port: Some(5_010),
                formats: vec![format],
                left_out: Vec::new(),
            };
            let description = Description { name: "a name".into(), media: vec![media] };
            assert_eq!(Description::parse(&description.write()).unwrap(), description, "{map}");
        }
    }

    proptest! {
        #[test]
        fn damage_never_panics(text in "([vocmsa]=[ -~]{0,40}\n){0,12}") {
            let _ = Description::parse(&text);
        }
    }
}
