//! What containers and codecs both must know of coded streams: headers, never the coded media itself.
//!
//! | module | holds | source |
//! |---|---|---|
//! | [`bits`] | a bit reader with Exp-Golomb codes | ISO/IEC 14496-10 §9.1 |
//! | [`nal`] | NAL units: Annex B and length-prefixed, one into the other | ISO/IEC 14496-10 Annex B, 14496-15 |
//! | [`h264`] | parameter sets and the AVCDecoderConfigurationRecord | ISO/IEC 14496-10, 14496-15 |
//! | [`hevc`] | parameter sets and the HEVCDecoderConfigurationRecord | ISO/IEC 23008-2, 14496-15 |
//! | [`av1`] | open bitstream units, the sequence header and the AV1CodecConfigurationRecord | AV1 specification, AV1 in ISOBMFF |
//! | [`aac`] | AudioSpecificConfig and ADTS headers | ISO/IEC 14496-3 |
//! | [`mpeg_audio`] | headers of MP3 and MP2 frames | ISO/IEC 11172-3, 13818-3 |
//! | [`flac`] | STREAMINFO and frame headers | RFC 9639 |
//! | [`opus`] | OpusHead and packet durations | RFC 7845, RFC 6716 |
//! | [`vpx`] | the VPCodecConfigurationRecord | VP Codec ISO Media File Format Binding |

pub mod aac;
pub mod av1;
pub mod bits;
pub mod flac;
pub mod h264;
pub mod hevc;
pub mod mpeg_audio;
pub mod nal;
pub mod opus;
pub mod vpx;
