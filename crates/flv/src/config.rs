//! What a sequence header holds, from a stream's extradata.

use alloc::format;

use brooklet_media::bitstream::aac::AacConfig;
use brooklet_media::bitstream::h264::AvcConfig;
use brooklet_media::bitstream::hevc::HvcConfig;
use brooklet_media::bitstream::opus::{OpusHead, RATE};
use brooklet_media::bitstream::vpx::VpConfig;
use brooklet_media::{CodecId, Error, Result, StreamParams};
use bytes::Bytes;

/// Version and flags of the `vpcC` box, which ffmpeg writes and expects before the record.
const VPCC_BOX: [u8; 4] = [1, 0, 0, 0];

/// What stands before STREAMINFO in a FLAC file: the signature, and the header of a last block of 34 bytes
/// (RFC 9639 §6, §8.1).
const FLAC_HEADER: [u8; 8] = *b"fLaC\x80\0\0\x22";

/// The configuration; `None` for codecs that have none.
///
/// # Errors
///
/// [`Error::Usage`] where it is needed and missing, and what is wrong with one that can't be read.
pub(crate) fn of(params: &StreamParams) -> Result<Option<Bytes>> {
    let extradata = params.extradata.clone();
    Ok(Some(match params.codec {
        CodecId::H264 => {
            AvcConfig::parse(required(params)?)?;
            extradata
        }
        CodecId::Hevc => {
            HvcConfig::parse(required(params)?)?;
            extradata
        }
        CodecId::Aac => {
            AacConfig::parse(required(params)?)?;
            extradata
        }
        CodecId::Av1 => {
            required(params)?;
            extradata
        }
        CodecId::Vp8 | CodecId::Vp9 if extradata.is_empty() => {
            let format = params.as_video().and_then(|video| video.format);
            [VPCC_BOX.as_slice(), &VpConfig::of(format).build()].concat().into()
        }
        CodecId::Vp8 | CodecId::Vp9 => [VPCC_BOX.as_slice(), &extradata].concat().into(),
        CodecId::Opus if OpusHead::parse(&extradata).is_some() => extradata,
        CodecId::Opus => {
            let channels = params.as_audio().map_or(2, |audio| audio.layout.channels() as u8);
            OpusHead { channels, pre_skip: 0, input_rate: RATE, family: 0 }.build()
        }
        CodecId::Flac => [FLAC_HEADER.as_slice(), required(params)?].concat().into(),
        _ => return Ok(None),
    }))
}

fn required(params: &StreamParams) -> Result<&[u8]> {
    if params.extradata.is_empty() {
        let codec = params.codec;
        return Err(Error::Usage(format!("flv: {codec} without its extradata can't be decoded by anybody")));
    }
    Ok(&params.extradata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{audio, video};

    #[test]
    fn vp9_without_a_record_gets_one_of_its_pixel_format() {
        let mut vp9 = video(CodecId::Vp9);
        vp9.extradata = Bytes::new();
        assert_eq!(of(&vp9).unwrap().unwrap()[..], [1, 0, 0, 0, 0, 10, 0x82, 2, 2, 2, 0, 0]);
    }

    #[test]
    fn flac_gets_its_signature() {
        let flac = audio(CodecId::Flac);
        let config = of(&flac).unwrap().unwrap();
        assert_eq!((&config[..8], &config[8..]), (&FLAC_HEADER[..], &flac.extradata[..]));
    }

    #[test]
    fn records_that_nobody_can_read_are_not_written() {
        for codec in [CodecId::H264, CodecId::Hevc] {
            let mut params = video(codec);
            params.extradata = Bytes::from_static(b"\0\0\0\x01\x67annex b");
            assert!(of(&params).is_err());
        }
    }
}
