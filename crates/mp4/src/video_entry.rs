//! Descriptions of pictures: `VisualSampleEntry` (ISO/IEC 14496-12 §12.1.3) and the codecs' boxes in it.

use brooklet_media::bitstream::av1::Av1Config;
use brooklet_media::bitstream::h264::{AvcConfig, matrix_from_code};
use brooklet_media::bitstream::hevc::HvcConfig;
use brooklet_media::bitstream::vpx::VpConfig;
use brooklet_media::{CodecId, Matrix, Range, Rational, Result, StreamKind, VideoFrame, VideoParams};
use bytes::{Bytes, BytesMut};

use crate::boxes::Body;
use crate::esds::Esds;
use crate::sample_entry::{Description, parse_btrt, unknown};

/// Where lengthSizeMinusOne stands in a configuration record (ISO/IEC 14496-15 §5.3.3.1, §8.3.3.1).
const AVC_LENGTH_SIZE_AT: usize = 4;
const HEVC_LENGTH_SIZE_AT: usize = 21;

/// Reads a row of the `stsd` of a video track.
pub(crate) fn parse(mut entry: Body) -> Result<Description> {
    let codec = match &entry.kind {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"dva1" | b"dvav" => CodecId::H264,
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => CodecId::Hevc,
        b"av01" => CodecId::Av1,
        b"vp08" => CodecId::Vp8,
        b"vp09" => CodecId::Vp9,
        b"mp4v" | b"m4v " | b"xvid" | b"XVID" => CodecId::Mpeg4,
        b"mp2v" | b"m2v1" => CodecId::Mpeg2Video,
        b"jpeg" | b"mjpa" | b"mjpg" | b"MJPG" | b"AVDJ" => CodecId::Mjpeg,
        kind => unknown(*kind),
    };
    entry.skip(8 + 16)?; // reserved, data reference; version, vendor, qualities
    let (width, height) = (u32::from(entry.u16()?), u32::from(entry.u16()?));
    entry.skip(14 + 32 + 4)?; // resolution, data size, frame count; compressor's name; depth, colour table
    let mut row = Row {
        video: VideoParams::new(width, height),
        description: Description::new(codec, StreamKind::Other),
    };
    // The codec's own configuration first: what the container says of shape and colour stands above it.
    let (configuration, container): (Vec<_>, Vec<_>) = entry
        .children()
        .partition(|child| matches!(&child.kind, b"avcC" | b"hvcC" | b"av1C" | b"vpcC" | b"esds"));
    configuration.into_iter().chain(container).for_each(|child| row.read_child(child));
    if VideoFrame::check_size(row.video.width, row.video.height).is_err() {
        (row.video.width, row.video.height) = (0, 0);
    }
    row.description.params.kind = StreamKind::Video(row.video);
    Ok(row.description)
}

/// A description in the making.
struct Row {
    video: VideoParams,
    description: Description,
}

impl Row {
    /// Takes what one box inside the entry says; a damaged box says nothing.
    fn read_child(&mut self, mut child: Body) {
        match &child.kind {
            b"avcC" => {
                let coded = AvcConfig::parse(&child.bytes).ok().and_then(|record| record.first_sps());
                self.video = coded.map_or(self.video, |sps| sps.video_params());
                self.set_record(child.bytes, AVC_LENGTH_SIZE_AT);
            }
            b"hvcC" => {
                let coded = HvcConfig::parse(&child.bytes).ok().and_then(|record| record.first_sps());
                self.video = coded.map_or(self.video, |sps| sps.video_params());
                self.set_record(child.bytes, HEVC_LENGTH_SIZE_AT);
            }
            b"av1C" => {
                let coded = Av1Config::parse(&child.bytes).ok();
                self.video = coded.map_or(self.video, |record| record.video_params(self.video));
                self.description.params.extradata = child.bytes;
            }
            b"esds" => {
                if let Some(esds) = Esds::parse(child) {
                    let params = &mut self.description.params;
                    params.codec = esds.codec().unwrap_or(params.codec);
                    params.bit_rate = params.bit_rate.or(esds.bit_rate);
                    params.extradata = esds.config;
                }
            }
            b"pasp" => {
                let ratio = child.u32().ok().zip(child.u32().ok());
                let ratio = ratio.and_then(|(across, down)| Rational::new(across, down));
                self.video.sample_aspect = ratio.filter(|ratio| ratio.num() > 0).unwrap_or(Rational::ONE);
            }
            b"colr" => drop(self.read_colr(child)),
            b"vpcC" => self.read_vpcc(&child.bytes),
            b"btrt" => self.description.params.bit_rate = parse_btrt(child),
            _ => {}
        }
    }

    /// Packets travel with lengths of 4 bytes, so the record says 4.
    fn set_record(&mut self, record: Bytes, length_size_at: usize) {
        let Some(byte) = record.get(length_size_at).copied() else { return };
        self.description.length_size = usize::from(byte & 3) + 1;
        self.description.params.extradata = match byte & 3 {
            3 => record,
            _ => {
                let mut record = BytesMut::from(&record[..]);
                record[length_size_at] |= 3;
                record.freeze()
            }
        };
    }

    /// `colr` of type nclx (ISO/IEC 14496-12 §12.1.5) or QuickTime's nclc.
    fn read_colr(&mut self, mut colr: Body) -> Result<()> {
        let kind = colr.four_cc()?;
        if !matches!(&kind, b"nclx" | b"nclc") {
            return Ok(());
        }
        colr.skip(4)?; // primaries, transfer
        self.set_matrix(colr.u16()?);
        if kind == *b"nclx" {
            self.set_range(colr.u8()? & 0x80 != 0);
        }
        Ok(())
    }

    /// The record stands after version and flags.
    fn read_vpcc(&mut self, vpcc: &Bytes) {
        let record = vpcc.slice(vpcc.len().min(4)..);
        let Some(config) = VpConfig::parse(&record) else { return };
        self.video.format = config.pixel_format();
        self.video.color = config.color();
        self.description.params.extradata = record;
    }

    fn set_matrix(&mut self, code: u16) {
        let matrix = matrix_from_code(u32::from(code));
        if matrix != Matrix::Unspecified {
            self.video.color.matrix = matrix;
        }
    }

    fn set_range(&mut self, is_full: bool) {
        self.video.color.range = if is_full { Range::Full } else { Range::Limited };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::PixelFormat;

    fn entry(kind: &[u8; 4], children: &[u8]) -> Description {
        let fixed = [&[0u8; 24][..], &[1, 64, 0, 180], &[0; 50]].concat();
        parse(Body::new(*kind, 0, [&fixed, children].concat().into())).unwrap()
    }

    #[test]
    fn short_lengths_are_widened_in_the_record_too() {
        let row = entry(b"avc1", b"\0\0\0\x0FavcC\x01\x42\xC0\x1E\xFD\xE0\0");
        assert_eq!((row.length_size, &row.params.extradata[..]), (2, &b"\x01\x42\xC0\x1E\xFF\xE0\0"[..]));
    }

    #[test]
    fn shape_and_colour() {
        let children = [
            &b"\0\0\0\x10pasp\0\0\0\x04\0\0\0\x03"[..],
            b"\0\0\0\x13colrnclx\0\x01\0\x01\0\x01\x80",
            b"\0\0\0\x14btrt\0\0\0\0\0\0\0\0\0\x01\0\0",
        ];
        let row = entry(b"hev1", &children.concat());
        let video = row.params.as_video().unwrap();
        assert_eq!((row.params.codec, video.width, video.height), (CodecId::Hevc, 320, 180));
        assert_eq!(Some(video.sample_aspect), Rational::new(4, 3));
        assert_eq!((video.color.matrix, video.color.range), (Matrix::Bt709, Range::Full));
        assert_eq!(row.params.bit_rate, Some(65_536));
    }

    #[test]
    fn vp9_keeps_its_record_and_av1_tells_its_format() {
        let vp9 = entry(b"vp09", b"\0\0\0\x14vpcC\x01\0\0\0\x02\x1F\xA3\x09\x10\x09\0\0").params;
        assert_eq!(vp9.extradata[..], b"\x02\x1F\xA3\x09\x10\x09\0\0"[..]);
        let video = vp9.as_video().unwrap();
        assert_eq!((video.format, video.color.range), (Some(PixelFormat::Yuv420p10), Range::Full));
        let av1 = entry(b"av01", b"\0\0\0\x0Cav1C\x81\x1F\x0C\0").params;
        let video = av1.as_video().unwrap();
        assert_eq!((video.width, video.format, av1.extradata.len()), (320, Some(PixelFormat::Yuv420p), 4));
    }

    #[test]
    fn codecs_that_have_no_name_keep_their_letters() {
        assert_eq!(entry(b"SVQ3", &[]).params.codec, CodecId::Unknown(u32::from_be_bytes(*b"SVQ3")));
    }
}
