//! Which codecs tags can hold, and how they are named on the wire (annex E.4.2.1, E.4.3.1; Enhanced RTMP v2).

use alloc::format;
use alloc::string::String;

use brooklet_media::{AudioParams, CodecId, Error, PcmFormat, Result};

use crate::TagKind;

/// The FourCCs of video codecs in tags that can be read and, by another name or this, written.
pub const VIDEO_FOUR_CCS: [&str; 5] = ["avc1", "hvc1", "av01", "vp09", "vp08"];
/// The same of audio codecs.
pub const AUDIO_FOUR_CCS: [&str; 6] = ["mp4a", ".mp3", "Opus", "fLaC", "ac-3", "ec-3"];

/// Legacy CodecID of H.264.
pub(crate) const AVC: u8 = 7;
/// Legacy SoundFormat of AAC.
pub(crate) const AAC: u8 = 10;

const MP3: u8 = 2;
const MP3_8_KHZ: u8 = 14;
const PCM: u8 = 0;
const PCM_LE: u8 = 3;
const ALAW: u8 = 7;
const MULAW: u8 = 8;

/// How a codec is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Coding {
    /// Four bits.
    Legacy(u8),
    /// Four letters.
    FourCc([u8; 4]),
}

impl Coding {
    /// The codec; `sound` are the low four bits of a legacy audio tag. What has no name here is an
    /// [`CodecId::Unknown`] of the four letters by which other containers or people call it.
    pub(crate) const fn codec(self, kind: TagKind, sound: u8) -> CodecId {
        match (self, kind) {
            (Self::FourCc(letters), TagKind::Audio) => match &letters {
                b"mp4a" => CodecId::Aac,
                b".mp3" => CodecId::Mp3,
                b"Opus" => CodecId::Opus,
                b"fLaC" => CodecId::Flac,
                b"ac-3" => CodecId::Ac3,
                b"ec-3" => CodecId::Eac3,
                _ => unknown(letters),
            },
            // Letters of sound in a tag of pictures name nothing.
            (Self::FourCc(letters), _) => match &letters {
                b"avc1" => CodecId::H264,
                b"hvc1" => CodecId::Hevc,
                b"av01" => CodecId::Av1,
                b"vp09" => CodecId::Vp9,
                b"vp08" => CodecId::Vp8,
                _ => unknown(letters),
            },
            (Self::Legacy(number), TagKind::Audio) => match number {
                PCM | PCM_LE if sound & 2 == 0 => CodecId::Pcm(PcmFormat::U8),
                PCM | PCM_LE => CodecId::Pcm(PcmFormat::S16Le),
                ALAW => CodecId::Pcm(PcmFormat::Alaw),
                MULAW => CodecId::Pcm(PcmFormat::Mulaw),
                MP3 | MP3_8_KHZ => CodecId::Mp3,
                AAC => CodecId::Aac,
                1 => unknown(*b"SWFA"), // ADPCM
                4..=6 => unknown(*b"NELL"),
                11 => unknown(*b"SPEX"),
                other => CodecId::Unknown(other as u32),
            },
            (Self::Legacy(number), _) => match number {
                AVC => CodecId::H264,
                9 => CodecId::Mpeg4,
                2 => unknown(*b"FLV1"), // Sorenson H.263
                3 => unknown(*b"FSV1"), // screen video
                4 => unknown(*b"VP6F"),
                5 => unknown(*b"VP6A"),
                6 => unknown(*b"FSV2"),
                8 => unknown(*b"H263"),
                other => CodecId::Unknown(other as u32),
            },
        }
    }

    /// How `codec` is written.
    pub(crate) fn of_video(codec: CodecId) -> Result<Self> {
        Ok(match codec {
            CodecId::H264 => Self::Legacy(AVC),
            CodecId::Hevc => Self::FourCc(*b"hvc1"),
            CodecId::Av1 => Self::FourCc(*b"av01"),
            CodecId::Vp9 => Self::FourCc(*b"vp09"),
            CodecId::Vp8 => Self::FourCc(*b"vp08"),
            other => {
                return Err(Error::unsupported(
                    format!("video codec {other} in flv"),
                    "h264, hevc, av1, vp9, vp8",
                ));
            }
        })
    }

    /// How `codec` is written, and the low four bits of its tags: rate, sample size and channels (annex E.4.2.1).
    pub(crate) fn of_audio(codec: CodecId, audio: &AudioParams) -> Result<(Self, u8)> {
        let channels = audio.layout.channels();
        let stereo = u8::from(channels == 2);
        let refuse = |what: String, instead: &str| Err(Error::unsupported(format!("{what} in flv"), instead));
        Ok(match codec {
            // Always said to be 44.1 kHz stereo: the configuration is what counts.
            CodecId::Aac => (Self::Legacy(AAC), 0x0F),
            // A decoder reads the rate from the frames; where this has no number for it, the nearest is given. The
            // number of its own that 8 kHz has is one that ffmpeg can't read.
            CodecId::Mp3 => {
                let rate = match audio.rate {
                    0..=16_000 => 1,
                    16_001..=24_000 => 2,
                    _ => 3,
                };
                (Self::Legacy(MP3), rate << 2 | 2 | stereo)
            }
            CodecId::Opus => (Self::FourCc(*b"Opus"), 0),
            CodecId::Flac => (Self::FourCc(*b"fLaC"), 0),
            CodecId::Ac3 => (Self::FourCc(*b"ac-3"), 0),
            CodecId::Eac3 => (Self::FourCc(*b"ec-3"), 0),
            CodecId::Pcm(_) if channels > 2 => {
                return refuse(format!("{codec} of {channels} channels"), "mono and stereo");
            }
            CodecId::Pcm(format @ (PcmFormat::Alaw | PcmFormat::Mulaw)) => {
                if audio.rate != 8_000 {
                    return refuse(format!("{codec} at {} Hz", audio.rate), "8000 Hz");
                }
                (Self::Legacy(if format == PcmFormat::Alaw { ALAW } else { MULAW }), 2 | stereo)
            }
            CodecId::Pcm(format @ (PcmFormat::U8 | PcmFormat::S16Le)) => {
                let Some(rate) = LEGACY_RATES.iter().position(|rate| *rate == audio.rate) else {
                    let what = format!("{codec} at {} Hz", audio.rate);
                    return refuse(what, "5512, 11025, 22050 and 44100 Hz");
                };
                let (number, wide) = if format == PcmFormat::U8 { (PCM, 0) } else { (PCM_LE, 2) };
                (Self::Legacy(number), (rate as u8) << 2 | wide | stereo)
            }
            other => {
                return refuse(
                    format!("audio codec {other}"),
                    "aac, mp3, opus, flac, ac3, eac3, pcm_s16le, pcm_u8, pcm_alaw, pcm_mulaw",
                );
            }
        })
    }

    /// What onMetaData says: the four bits, or the four letters as a number.
    pub(crate) fn number(self) -> f64 {
        match self {
            Self::Legacy(number) => f64::from(number),
            Self::FourCc(letters) => f64::from(u32::from_be_bytes(letters)),
        }
    }

    /// Whether enhanced coded frames begin with a composition time.
    pub(crate) const fn has_composition_time(self) -> bool {
        match &self {
            Self::Legacy(codec) => *codec == AVC,
            Self::FourCc(letters) => matches!(letters, b"avc1" | b"hvc1" | b"vvc1"),
        }
    }

    /// The rate and number of channels that a legacy tag of sound claims.
    pub(crate) const fn claimed(self, sound: u8) -> (u32, u8) {
        let channels = 1 + (sound & 1);
        match self {
            Self::Legacy(ALAW | MULAW | MP3_8_KHZ) => (8_000, channels),
            Self::Legacy(4 | 11) => (16_000, 1),
            Self::Legacy(5) => (8_000, 1),
            _ => (LEGACY_RATES[(sound >> 2 & 3) as usize], channels),
        }
    }
}

/// SoundRate.
const LEGACY_RATES: [u32; 4] = [5_512, 11_025, 22_050, 44_100];

const fn unknown(letters: [u8; 4]) -> CodecId {
    CodecId::Unknown(u32::from_be_bytes(letters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_the_other_kind_name_nothing() {
        let unknown = |name: &str, kind| {
            let codec = Coding::FourCc(name.as_bytes().try_into().unwrap()).codec(kind, 0);
            matches!(codec, CodecId::Unknown(_))
        };
        assert!(AUDIO_FOUR_CCS.iter().all(|name| unknown(name, TagKind::Video)));
        assert!(VIDEO_FOUR_CCS.iter().all(|name| unknown(name, TagKind::Audio)));
    }

    #[test]
    fn the_lists_hold_what_is_known() {
        for (names, kind) in [(&VIDEO_FOUR_CCS[..], TagKind::Video), (&AUDIO_FOUR_CCS[..], TagKind::Audio)] {
            for name in names {
                let letters = name.as_bytes().try_into().unwrap();
                let codec = Coding::FourCc(letters).codec(kind, 0);
                assert!(!matches!(codec, CodecId::Unknown(_)), "{name}");
                let written = match kind {
                    TagKind::Video => Coding::of_video(codec),
                    _ => {
                        let params = AudioParams::new(48_000, brooklet_media::ChannelLayout::Stereo);
                        Coding::of_audio(codec, &params).map(|(coding, _)| coding)
                    }
                };
                assert!(written.is_ok(), "{name}");
            }
        }
    }
}
