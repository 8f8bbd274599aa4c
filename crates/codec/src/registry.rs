//! What there is, under ffmpeg's names, and what else it answers to.
//!
//! Scripts say `libx264` where they mean H.264. Such names are aliases: what they name is given in its place,
//! and [`Choice::in_place_of`] lets the caller say so once. Names of ffmpeg's that nothing here stands for are
//! refused with their codec; those that nobody knows, as unknown.

mod tables;

use brooklet_media::{
    ChannelLayout, CodecId, Decoder, Encoder, Error, PixelFormat, Result, SampleFormat, StreamParams,
};

use tables::{ALIASES, NOT_BUILT};
pub use tables::{DECODERS, ENCODERS};

use crate::{DecoderOptions, EncodeMedia, EncoderConfig};

/// One line of `-decoders`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecoderInfo {
    /// ffmpeg's name.
    pub name: &'static str,
    /// What it decodes.
    pub codec: CodecId,
    /// As ffmpeg describes it.
    pub description: &'static str,
}

/// One line of `-encoders`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EncoderInfo {
    /// ffmpeg's name of the codec.
    pub name: &'static str,
    /// What it makes.
    pub codec: CodecId,
    /// As ffmpeg describes it.
    pub description: &'static str,
    /// The frames that it takes; anything else is to be converted before.
    pub input: EncoderInput,
}

/// The frames that an encoder takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EncoderInput {
    /// Pictures.
    Video {
        /// Their formats, the preferred one first.
        formats: &'static [PixelFormat],
        /// Width and height are multiples of this.
        multiple_of: u32,
    },
    /// Sound.
    Audio {
        /// Their formats, the preferred one first.
        formats: &'static [SampleFormat],
        /// Their rates in Hz; any where empty.
        rates: &'static [u32],
        /// Their channels; any where empty.
        layouts: &'static [ChannelLayout],
        /// Samples of each channel in a packet, where that is constant. Frames may have any length.
        frame_samples: Option<u32>,
    },
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice<T: 'static> {
    /// The codec to use.
    pub info: &'static T,
    /// The library of ffmpeg's that was named and is not here: worth one line to the user.
    pub in_place_of: Option<&'static str>,
}

/// The decoder that a name or an alias stands for.
///
/// # Errors
///
/// [`Error::Unsupported`] for a name of ffmpeg's that nothing here stands for, and for one that nobody knows.
pub fn find_decoder(name: &str) -> Result<Choice<DecoderInfo>> {
    find(name, "decoder", DECODERS, |info| info.name)
}

/// Names of libraries that scripts look for among encoders, and the encoders that take their place. Those of hardware are not among
/// them: who looks for one has another way without it.
pub fn stand_ins() -> impl Iterator<Item = (&'static str, &'static EncoderInfo)> {
    let is_library = |name: &str| name.starts_with("lib") && name != "libdav1d";
    ALIASES.iter().filter(move |(name, _)| is_library(name)).filter_map(|(name, stands_for)| {
        Some((*name, ENCODERS.iter().find(|info| info.name == *stands_for)?))
    })
}

/// The encoder that a name or an alias stands for.
///
/// # Errors
///
/// As [`find_decoder`].
pub fn find_encoder(name: &str) -> Result<Choice<EncoderInfo>> {
    find(name, "encoder", ENCODERS, |info| info.name)
}

/// The encoder to use for a codec where none was named.
pub fn default_encoder(codec: CodecId) -> Option<&'static EncoderInfo> {
    ENCODERS.iter().find(|info| info.codec == codec)
}

/// A decoder for a stream.
///
/// # Errors
///
/// [`Error::Unsupported`] where nothing here decodes the stream's codec, or this kind of it; [`Error::Usage`]
/// where the decoder that `options` names is for another codec; [`Error::Invalid`] and its like for a damaged
/// configuration.
pub fn open_decoder(params: &StreamParams, options: &DecoderOptions) -> Result<Box<dyn Decoder>> {
    if let Some(name) = &options.name {
        let named = find_decoder(name)?.info;
        if named.codec != params.codec {
            let codec = params.codec;
            return Err(Error::Usage(format!("decoder '{name}' does not decode {codec}")));
        }
    }
    match params.codec {
        #[cfg(feature = "h264")]
        CodecId::H264 => Ok(Box::new(crate::h264::H264Decoder::new(params, options.pool.clone())?)),
        #[cfg(feature = "av1")]
        CodecId::Av1 => Ok(Box::new(crate::av1::Av1Decoder::new(params, options.pool.clone())?)),
        #[cfg(feature = "vp9")]
        CodecId::Vp9 => Ok(Box::new(crate::vp9::Vp9Decoder::new(params, options.pool.clone())?)),
        #[cfg(feature = "mjpeg")]
        CodecId::Mjpeg => Ok(Box::new(crate::mjpeg::MjpegDecoder::new(params, options.pool.clone())?)),
        #[cfg(feature = "aac")]
        CodecId::Aac => Ok(Box::new(crate::aac::AacDecoder::new(params, options.pool.clone())?)),
        #[cfg(feature = "mp3")]
        CodecId::Mp3 | CodecId::Mp2 => symphonia(params, options),
        #[cfg(feature = "opus")]
        CodecId::Opus => Ok(Box::new(crate::opus::OpusDecoder::new(params, options.pool.clone())?)),
        #[cfg(feature = "g722")]
        CodecId::G722 => Ok(Box::new(crate::g722::G722Decoder::new(params, options.pool.clone())?)),
        #[cfg(feature = "flac")]
        CodecId::Flac => symphonia(params, options),
        #[cfg(feature = "vorbis")]
        CodecId::Vorbis => symphonia(params, options),
        #[cfg(feature = "pcm")]
        CodecId::Pcm(_) => Ok(Box::new(crate::pcm::PcmDecoder::new(params, options.pool.clone())?)),
        #[cfg(feature = "rawvideo")]
        CodecId::RawVideo => {
            Ok(Box::new(crate::rawvideo::RawVideoDecoder::new(params, options.pool.clone())?))
        }
        other => Err(Error::unsupported(format!("decoding {other}"), names(DECODERS, |info| info.name))),
    }
}

/// An encoder.
///
/// # Errors
///
/// [`Error::Unsupported`] for a name as [`find_encoder`], and for frames that the encoder does not take;
/// [`Error::Usage`] where `config` is for pictures and the encoder for sound, or the reverse.
pub fn open_encoder(config: &EncoderConfig) -> Result<Box<dyn Encoder>> {
    let info = find_encoder(&config.name)?.info;
    check_format(info, config)?;
    match (info.codec, &config.media) {
        #[cfg(feature = "h264")]
        (CodecId::H264, EncodeMedia::Video(video)) => Ok(Box::new(crate::h264::H264Encoder::new(video)?)),
        #[cfg(feature = "av1")]
        (CodecId::Av1, EncodeMedia::Video(video)) => Ok(Box::new(crate::av1::Av1Encoder::new(video)?)),
        #[cfg(feature = "rawvideo")]
        (CodecId::RawVideo, EncodeMedia::Video(video)) => {
            Ok(Box::new(crate::rawvideo::RawVideoEncoder::new(video)?))
        }
        #[cfg(feature = "aac")]
        (CodecId::Aac, EncodeMedia::Audio(audio)) => Ok(Box::new(crate::aac::AacEncoder::new(audio)?)),
        #[cfg(feature = "mp3")]
        (CodecId::Mp3, EncodeMedia::Audio(audio)) => Ok(Box::new(crate::mp3::Mp3Encoder::new(audio)?)),
        #[cfg(feature = "flac")]
        (CodecId::Flac, EncodeMedia::Audio(audio)) => Ok(Box::new(crate::flac::FlacEncoder::new(audio)?)),
        #[cfg(feature = "opus")]
        (CodecId::Opus, EncodeMedia::Audio(audio)) => Ok(Box::new(crate::opus::OpusEncoder::new(audio)?)),
        #[cfg(feature = "g722")]
        (CodecId::G722, EncodeMedia::Audio(audio)) => Ok(Box::new(crate::g722::G722Encoder::new(audio)?)),
        #[cfg(feature = "pcm")]
        (CodecId::Pcm(format), EncodeMedia::Audio(audio)) => {
            Ok(Box::new(crate::pcm::PcmEncoder::new(format, audio)?))
        }
        (codec, EncodeMedia::Video(_)) => Err(Error::Usage(format!("{codec} does not encode video"))),
        (codec, EncodeMedia::Audio(_)) => Err(Error::Usage(format!("{codec} does not encode sound"))),
    }
}

#[cfg(any(feature = "mp3", feature = "flac", feature = "vorbis"))]
fn symphonia(params: &StreamParams, options: &DecoderOptions) -> Result<Box<dyn Decoder>> {
    Ok(Box::new(crate::symphonia::SymphoniaDecoder::new(params, options.pool.clone())?))
}

/// Refuses a pixel or sample format that the encoder does not take.
fn check_format(info: &EncoderInfo, config: &EncoderConfig) -> Result<()> {
    let (asked, taken) = match (&config.media, info.input) {
        (EncodeMedia::Video(video), EncoderInput::Video { formats, .. })
            if !formats.contains(&video.format) =>
        {
            (format!("pixel format {}", video.format), names(formats, |format| format.name()))
        }
        (EncodeMedia::Audio(audio), EncoderInput::Audio { formats, .. })
            if !formats.contains(&audio.format) =>
        {
            (format!("sample format {}", audio.format), names(formats, |format| format.name()))
        }
        _ => return Ok(()),
    };
    Err(Error::unsupported(format!("{asked} in {}", info.name), taken))
}

fn find<T>(
    name: &str,
    role: &str,
    table: &'static [T],
    name_of: fn(&T) -> &'static str,
) -> Result<Choice<T>> {
    let named = |wanted: &str| table.iter().find(|info| name_of(info) == wanted);
    if let Some(info) = named(name) {
        return Ok(Choice { info, in_place_of: None });
    }
    if let Some((alias, stands_for)) = ALIASES.iter().find(|(alias, _)| *alias == name)
        && let Some(info) = named(stands_for)
    {
        return Ok(Choice { info, in_place_of: Some(alias) });
    }
    let what = match NOT_BUILT.iter().chain(ALIASES).find(|(known, _)| *known == name) {
        Some((_, codec)) if *codec == name => format!("{role} '{name}'"),
        Some((_, codec)) => format!("{role} '{name}' ({codec})"),
        None => format!("unknown {role} '{name}'"),
    };
    Err(Error::unsupported(what, names(table, name_of)))
}

fn names<T>(table: &[T], name_of: impl Fn(&T) -> &'static str) -> String {
    table.iter().map(name_of).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "h264")]
    #[test]
    fn libraries_of_ffmpeg_stand_for_ours() {
        let choice = find_encoder("libx264").unwrap();
        assert_eq!((choice.info.name, choice.in_place_of), ("h264", Some("libx264")));
        assert_eq!(find_decoder("h264").unwrap().in_place_of, None);
    }

    #[test]
    fn what_is_not_here_is_refused_by_name() {
        let known = find_encoder("libvpx").unwrap_err().to_string();
        assert!(known.starts_with("encoder 'libvpx' (vp8) is not supported; supported: "), "{known}");
        let unknown = find_encoder("libnothing").unwrap_err().to_string();
        assert!(unknown.starts_with("unknown encoder 'libnothing'"), "{unknown}");
    }

    #[test]
    fn no_name_is_there_twice() {
        let mut names: Vec<_> = ENCODERS.iter().map(|info| info.name).collect();
        names.extend(ALIASES.iter().chain(NOT_BUILT).map(|(name, _)| *name));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn every_pcm_encoder_takes_what_its_format_holds() {
        for info in ENCODERS {
            if let (CodecId::Pcm(format), EncoderInput::Audio { formats, .. }) = (info.codec, info.input) {
                assert_eq!(formats, [format.sample_format()]);
            }
        }
    }
}
