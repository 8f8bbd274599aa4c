//! AAC headers: AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) and ADTS (§1.A.2.2).

use alloc::format;

use bytes::Bytes;

use super::bits::BitReader;
use crate::{AudioParams, ChannelLayout, Error, Result};

const NAME: &str = "aac";

/// Samples of each channel in one AAC-LC access unit.
pub const FRAME_SAMPLES: u32 = 1_024;

/// Bytes of an ADTS header without CRC.
pub const ADTS_HEADER: usize = 7;

/// Table 1.18.
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// What an AudioSpecificConfig says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AacConfig {
    /// audioObjectType of the core: 2 is LC.
    pub object_type: u8,
    /// Samples in a second of the core.
    pub rate: u32,
    /// channelConfiguration, 0 (a program_config_element says) to 15.
    pub channel_config: u8,
    /// Whether spectral band replication is signalled: HE-AAC.
    pub sbr: bool,
    /// Whether parametric stereo is signalled: HE-AAC v2.
    pub ps: bool,
    /// Whether access units are of 960 samples rather than 1024.
    pub short_frames: bool,
}

impl AacConfig {
    /// AAC-LC of `rate` Hz; `None` for a count of channels that has no channelConfiguration.
    pub fn lc(rate: u32, channels: usize) -> Option<Self> {
        let channel_config = match channels {
            1..=6 => channels as u8,
            8 => 7,
            _ => return None,
        };
        Some(Self { object_type: 2, rate, channel_config, sbr: false, ps: false, short_frames: false })
    }

    /// Reads an AudioSpecificConfig.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] or [`Error::Truncated`] for a damaged one.
    pub fn parse(config: &[u8]) -> Result<Self> {
        let mut bits = BitReader::new(NAME, config);
        let mut object_type = read_object_type(&mut bits)?;
        let rate = read_rate(&mut bits)?;
        let channel_config = bits.bits(4)? as u8;
        let (mut sbr, mut ps) = (object_type == 5 || object_type == 29, object_type == 29);
        if sbr {
            read_rate(&mut bits)?; // extensionSamplingFrequency
            object_type = read_object_type(&mut bits)?;
        }
        let short_frames = matches!(object_type, 1..=4) && bits.flag().unwrap_or(false);
        if !sbr && config.len() <= 64 {
            (sbr, ps) = find_sync_extension(config);
        }
        Ok(Self { object_type, rate, channel_config, sbr, ps, short_frames })
    }

    /// Writes an AudioSpecificConfig of the core (SBR is left to be found implicitly).
    pub fn build(&self) -> Bytes {
        let mut bits: u64 = u64::from(self.object_type.min(31));
        let mut count: usize = 5;
        match RATES.iter().position(|rate| *rate == self.rate) {
            Some(index) => (bits, count) = (bits << 4 | index as u64, count + 4),
            None => (bits, count) = (bits << 28 | 15 << 24 | u64::from(self.rate & 0xFF_FFFF), count + 28),
        }
        bits = bits << 4 | u64::from(self.channel_config & 15);
        bits = bits << 3 | u64::from(self.short_frames) << 2; // dependsOnCoreCoder, extensionFlag
        count += 7;
        let bytes = count.div_ceil(8);
        let bits = bits << (bytes * 8 - count);
        Bytes::copy_from_slice(&bits.to_be_bytes()[8 - bytes..])
    }

    /// The channels; `None` where a program_config_element has to say.
    pub const fn layout(&self) -> Option<ChannelLayout> {
        match self.channel_config {
            0 => None,
            7 => Some(ChannelLayout::SevenOne),
            count => ChannelLayout::from_channels(count),
        }
    }

    /// Parameters of the sound that the core decodes to. Unknown channels count as stereo.
    pub fn audio_params(&self) -> AudioParams {
        AudioParams {
            frame_samples: Some(if self.short_frames { 960 } else { FRAME_SAMPLES }),
            ..AudioParams::new(self.rate, self.layout().unwrap_or(ChannelLayout::Stereo))
        }
    }
}

/// One ADTS header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Adts {
    /// What it says of the stream.
    pub config: AacConfig,
    /// Bytes of the header: 7, or 9 with a CRC.
    pub header_bytes: usize,
    /// Bytes of header and access units together.
    pub frame_bytes: usize,
    /// Access units in the frame, 1 to 4; more than 1 is rare.
    pub blocks: u8,
}

impl Adts {
    /// Reads a header from its syncword on; `None` where there is none, or fewer than 7 bytes.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; ADTS_HEADER] = bytes.first_chunk()?;
        let syncword_and_layer = head[0] == 0xFF && head[1] & 0xF6 == 0xF0;
        let rate = *RATES.get(usize::from(head[2] >> 2 & 15))?;
        let header_bytes = if head[1] & 1 == 1 { 7 } else { 9 };
        let frame_bytes =
            usize::from(head[3] & 3) << 11 | usize::from(head[4]) << 3 | usize::from(head[5] >> 5);
        let config = AacConfig {
            object_type: (head[2] >> 6) + 1,
            rate,
            channel_config: (head[2] & 1) << 2 | head[3] >> 6,
            sbr: false,
            ps: false,
            short_frames: false,
        };
        (syncword_and_layer && frame_bytes >= header_bytes).then_some(Self {
            config,
            header_bytes,
            frame_bytes,
            blocks: (head[6] & 3) + 1,
        })
    }

    /// The header, without CRC, of one access unit of `payload` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for a rate or object type that ADTS has no number for, [`Error::Limit`] past its 13
    /// bits of length.
    pub fn header(config: &AacConfig, payload: usize) -> Result<[u8; ADTS_HEADER]> {
        let rate = RATES.iter().position(|rate| *rate == config.rate).ok_or_else(|| {
            Error::unsupported(
                format!("AAC at {} Hz in ADTS", config.rate),
                "the rates from 7350 to 96000 Hz",
            )
        })? as u8;
        if !(1..=4).contains(&config.object_type) {
            let what = format!("AAC object type {} in ADTS", config.object_type);
            return Err(Error::unsupported(what, "Main, LC, SSR and LTP"));
        }
        let length = payload + ADTS_HEADER;
        Error::check_limit(NAME, "ADTS frame length", length as u64, 0x1FFF)?;
        Ok([
            0xFF,
            0xF1,
            (config.object_type - 1) << 6 | rate << 2 | config.channel_config >> 2 & 1,
            config.channel_config << 6 | (length >> 11) as u8,
            (length >> 3) as u8,
            (length << 5) as u8 | 0x1F, // adts_buffer_fullness: variable
            0xFC,
        ])
    }
}

fn read_object_type(bits: &mut BitReader<'_>) -> Result<u8> {
    Ok(match bits.bits(5)? as u8 {
        31 => bits.bits(6)? as u8 + 32,
        short => short,
    })
}

fn read_rate(bits: &mut BitReader<'_>) -> Result<u32> {
    let rate = match bits.bits(4)? {
        15 => bits.bits(24)?,
        index => RATES.get(index as usize).copied().unwrap_or(0),
    };
    if rate == 0 { Err(Error::invalid(NAME, 0, "a sampling rate that has no meaning")) } else { Ok(rate) }
}

/// Looks for syncExtensionType 0x2b7 (SBR), then 0x548 (PS), at any bit after the core's configuration: what
/// backward-compatible signalling appends (§1.6.6).
fn find_sync_extension(config: &[u8]) -> (bool, bool) {
    for skip in 16..(config.len() * 8).saturating_sub(16) + 1 {
        let mut bits = BitReader::new(NAME, config);
        let found = bits.skip(skip).is_ok() && bits.bits(11) == Ok(0x2B7) && bits.bits(5) == Ok(5);
        if found {
            let sbr = bits.flag().unwrap_or(false);
            let rate_follows = sbr && read_rate(&mut bits).is_ok();
            let ps = rate_follows && bits.bits(11) == Ok(0x548) && bits.flag().unwrap_or(false);
            return (sbr, ps);
        }
    }
    (false, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lc_stereo_at_48_khz_is_two_bytes() {
        let config = AacConfig::lc(48_000, 2).unwrap();
        assert_eq!(config.build()[..], [0x11, 0x90]);
        assert_eq!(AacConfig::parse(&[0x11, 0x90]), Ok(config));
    }

    #[test]
    fn both_ways_of_signalling_sbr_are_seen() {
        let explicit = AacConfig::parse(&[0x2B, 0x92, 0x08, 0x00]).unwrap();
        assert_eq!((explicit.object_type, explicit.sbr, explicit.rate), (2, true, 22_050));
        let appended = AacConfig::parse(&[0x13, 0x90, 0x56, 0xE5, 0xA0]).unwrap();
        assert_eq!((appended.object_type, appended.sbr, appended.ps), (2, true, false));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(rate in 0usize..13, channels in 1usize..=6, payload in 0usize..8_000) {
            let config = AacConfig::lc(RATES[rate], channels).unwrap();
            prop_assert_eq!(AacConfig::parse(&config.build()), Ok(config));
            let adts = Adts::parse(&Adts::header(&config, payload).unwrap()).unwrap();
            prop_assert_eq!((adts.config, adts.frame_bytes, adts.blocks), (config, payload + 7, 1));
        }

        #[test]
        fn odd_rates_read_back_too(rate in 1u32..(1 << 24)) {
            let config = AacConfig::lc(rate, 1).unwrap();
            prop_assert_eq!(AacConfig::parse(&config.build()), Ok(config));
        }
    }
}
