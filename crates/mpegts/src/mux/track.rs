//! One stream: what the program map says of it, and its access units as PES packets.

use alloc::format;
use alloc::vec::Vec;

use brooklet_media::bitstream::aac::{AacConfig, Adts};
use brooklet_media::bitstream::opus::{self, OpusHead};
use brooklet_media::{CodecId, Error, MediaKind, Packet, Result, StreamParams, TimeBase, Trim};

use super::annexb::AnnexB;
use crate::clock::HZ;
use crate::demux::NAME;
use crate::descriptor;
use crate::elementary::{opus_channel_config, write_opus_control_header};
use crate::pes::{self, PesHeader, Times};
use crate::psi::PmtStream;

/// How long a packet is taken to last when nothing says: a 25th of a second.
const DEFAULT_DURATION: i64 = HZ / 25;
/// MPEG-1 audio has no lower rates than this: below it is MPEG-2's.
const LOWEST_MPEG1_RATE: u32 = 32_000;

/// A stream that is written.
pub(super) struct Track {
    params: StreamParams,
    mapped: PmtStream,
    stream_id: u8,
    form: Form,
    /// The last packet's dts, ticks of 90 kHz.
    pub(super) last_dts: Option<i64>,
    last_step: Option<i64>,
}

/// What is done to access units.
enum Form {
    /// Nothing.
    AsIs,
    AnnexB(AnnexB),
    /// A header before each.
    Adts(AacConfig),
    /// A control header before each; so many samples are still to be trimmed from the start.
    Opus {
        to_trim: u32,
    },
}

impl Track {
    /// A stream on this PID.
    pub(super) fn new(pid: u16, params: &StreamParams) -> Result<Self> {
        let (stream_type, stream_id, mut descriptors) = mapping(params)?;
        if let Some(code) = params.language {
            descriptors.extend(descriptor::language(code));
        }
        Ok(Self {
            mapped: PmtStream { stream_type, pid, descriptors },
            stream_id,
            form: Form::new(params)?,
            last_dts: None,
            last_step: None,
            params: params.clone(),
        })
    }

    /// The stream has other parameters from the next packet on. Says whether the program map has to say so too.
    pub(super) fn change(&mut self, params: &StreamParams) -> Result<bool> {
        if params.codec != self.params.codec || params.time_base != self.params.time_base {
            let what = format!("a change from {} to {} in mid-stream", self.params.codec, params.codec);
            return Err(Error::unsupported(what, "other parameters of the same codec and time base"));
        }
        let mut changed = Self::new(self.mapped.pid, params)?;
        if let (Form::Opus { to_trim }, Form::Opus { to_trim: anew }) = (&self.form, &mut changed.form) {
            *anew = *to_trim; // the stream began long ago
        }
        let map_changes = changed.mapped != self.mapped;
        let (last_dts, last_step) = (self.last_dts, self.last_step);
        *self = Self { last_dts, last_step, ..changed };
        Ok(map_changes)
    }

    pub(super) fn pid(&self) -> u16 {
        self.mapped.pid
    }

    pub(super) fn is_video(&self) -> bool {
        self.params.media() == MediaKind::Video
    }

    pub(super) fn time_base(&self) -> TimeBase {
        self.params.time_base
    }

    /// Its entry in the program map.
    pub(super) fn mapped(&self) -> PmtStream {
        self.mapped.clone()
    }

    /// How long `packet`, with this dts, may be taken to last, in ticks of 90 kHz: by its own words, else like the
    /// one before it, else by the frame rate. Remembers the dts.
    pub(super) fn duration(&mut self, packet: &Packet, dts: i64) -> i64 {
        if let Some(last) = self.last_dts.replace(dts) {
            self.last_step = Some(dts.saturating_sub(last));
        }
        let own = self.params.time_base.rescale(packet.duration, TimeBase::MPEG);
        let by_rate = || {
            let picture = self.params.as_video()?.frame_rate?.time_base()?;
            Some(picture.rescale(1, TimeBase::MPEG))
        };
        Some(own).filter(|own| *own > 0).or(self.last_step).or_else(by_rate).unwrap_or(DEFAULT_DURATION)
    }

    /// Writes `packet` as a PES packet over what was in `out`.
    pub(super) fn write_pes(&mut self, packet: &Packet, times: Times, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        PesHeader::write(self.stream_id, times, out);
        self.form.write(packet, out)?;
        PesHeader::set_length(out);
        Ok(())
    }
}

impl Form {
    fn new(params: &StreamParams) -> Result<Self> {
        Ok(match params.codec {
            CodecId::H264 | CodecId::Hevc => Self::AnnexB(AnnexB::new(params)?),
            CodecId::Aac => {
                let config = AacConfig::parse(&params.extradata)?;
                Adts::header(&config, 0)?; // refuses what ADTS can't say
                if config.channel_config == 0 {
                    let supported = "those of channel configuration 1 to 7";
                    return Err(Error::unsupported("AAC with a program config element in ADTS", supported));
                }
                Self::Adts(config)
            }
            CodecId::Opus => {
                let head = OpusHead::parse(&params.extradata);
                Self::Opus { to_trim: head.map_or(0, |head| head.pre_skip.into()) }
            }
            _ => Self::AsIs,
        })
    }

    fn write(&mut self, packet: &Packet, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::AsIs => out.extend_from_slice(&packet.data),
            Self::AnnexB(codec) => codec.write(&packet.data, packet.key, out)?,
            Self::Adts(config) => {
                out.extend(Adts::header(config, packet.data.len())?);
                out.extend_from_slice(&packet.data);
            }
            Self::Opus { to_trim } => {
                // The stream's pre-skip and the first packets' trim say the same thing.
                let samples = opus::packet_samples(&packet.data).unwrap_or(0);
                let start = packet.trim.start.max((*to_trim).min(samples));
                *to_trim = to_trim.saturating_sub(samples);
                write_opus_control_header(packet.data.len(), Trim { start, ..packet.trim }, out);
                out.extend_from_slice(&packet.data);
            }
        }
        Ok(())
    }
}

/// stream_type, stream_id and descriptors of a codec: those that ffmpeg writes.
fn mapping(params: &StreamParams) -> Result<(u8, u8, Vec<u8>)> {
    let registered = |letters| descriptor::registration(letters);
    Ok(match params.codec {
        CodecId::H264 => (0x1B, pes::VIDEO, Vec::new()),
        CodecId::Hevc => (0x24, pes::VIDEO, registered(*b"HEVC")),
        CodecId::Aac => (0x0F, pes::AUDIO, Vec::new()),
        CodecId::Mp3 | CodecId::Mp2 => {
            let mpeg1 = params.as_audio().is_none_or(|audio| audio.rate >= LOWEST_MPEG1_RATE);
            (if mpeg1 { 0x03 } else { 0x04 }, pes::AUDIO, Vec::new())
        }
        CodecId::Ac3 => (0x81, pes::PRIVATE_1, registered(*b"AC-3")),
        CodecId::Eac3 => (0x87, pes::PRIVATE_1, registered(*b"EAC3")),
        CodecId::Opus => {
            let channels = opus_channel_config(&params.extradata).ok_or_else(|| {
                Error::unsupported("this OpusHead in MPEG-TS", "1 to 8 channels mapped as RFC 7845 has it")
            })?;
            (0x06, pes::PRIVATE_1, [registered(*b"Opus"), descriptor::opus(channels)].concat())
        }
        other => {
            let supported = "h264, hevc, aac, mp3, mp2, opus, ac3, eac3";
            return Err(Error::unsupported(format!("{other} in {NAME}"), supported));
        }
    })
}
