//! AAC in ADTS.

use brooklet_media::bitstream::aac::{ADTS_HEADER, AacConfig, Adts, FRAME_SAMPLES};
use brooklet_media::{CodecId, StreamKind};

use super::Format;
use super::framed::{FrameHead, FrameSyntax};

#[derive(Default)]
pub(super) struct AdtsFrames;

impl FrameSyntax for AdtsFrames {
    type Config = AacConfig;
    const HEADER: usize = ADTS_HEADER;
    const TO_NEAREST: bool = true;

    fn head(bytes: &[u8]) -> Option<FrameHead<AacConfig>> {
        let adts = Adts::parse(bytes)?;
        Some(FrameHead {
            bytes: adts.frame_bytes,
            header: adts.header_bytes,
            samples: FRAME_SAMPLES * u32::from(adts.blocks),
            rate: adts.config.rate,
            dependent: false,
            config: adts.config,
        })
    }

    fn format(config: &AacConfig) -> Format {
        let kind = StreamKind::Audio(config.audio_params());
        Format { codec: CodecId::Aac, kind, extradata: config.build() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::framed::Framed;
    use super::super::{Elementary, Found};
    use super::*;
    use crate::pes::Times;

    fn frames(config: &AacConfig, sizes: &[usize]) -> Vec<u8> {
        let frame =
            |size: &usize| [&Adts::header(config, *size).unwrap()[..], &vec![*size as u8; *size]].concat();
        sizes.iter().flat_map(frame).collect()
    }

    fn times(found: &[Found]) -> Vec<(i64, usize)> {
        let unit = |found: &Found| match found {
            Found::Unit(unit) => Some((unit.pts, unit.data.len())),
            Found::Format(_) => None,
        };
        found.iter().filter_map(unit).collect()
    }

    #[test]
    fn frames_that_share_a_pes_packet_get_the_times_of_ffmpeg() {
        let config = AacConfig::lc(44_100, 1).unwrap();
        let (mut stream, mut found) = (Framed::<AdtsFrames>::default(), Vec::new());
        stream.start(Some(Times { pts: 131_110, dts: 131_110 }));
        stream.append(&frames(&config, &[50; 8]), &mut found);
        stream.complete(&mut found);
        assert!(matches!(&found[0], Found::Format(format) if format.extradata[..] == [0x12, 0x08]));
        let pts: Vec<_> = times(&found).iter().map(|frame| frame.0).collect();
        assert_eq!(pts, [131_110, 133_200, 135_290, 137_380, 139_469, 141_559, 143_649, 145_739]);
    }

    #[test]
    fn a_frame_across_two_pes_packets_keeps_the_older_time() {
        let config = AacConfig::lc(48_000, 2).unwrap();
        let bytes = frames(&config, &[50, 60, 70]);
        let (mut stream, mut found) = (Framed::<AdtsFrames>::default(), Vec::new());
        let (first, second) = bytes.split_at(80);
        stream.start(Some(Times { pts: 0, dts: 0 }));
        stream.append(first, &mut found);
        stream.complete(&mut found);
        stream.start(Some(Times { pts: 10_000, dts: 10_000 }));
        stream.append(second, &mut found);
        stream.complete(&mut found);
        assert_eq!(times(&found), [(0, 50), (1_920, 60), (10_000, 70)]);
    }

    #[test]
    fn damage_and_rubbish_are_stepped_over() {
        let config = AacConfig::lc(48_000, 2).unwrap();
        let mut bytes = vec![1, 2, 0xFF, 0xF1, 3];
        bytes.extend(frames(&config, &[50, 60]));
        let (mut stream, mut found) = (Framed::<AdtsFrames>::default(), Vec::new());
        stream.start(Some(Times { pts: 0, dts: 0 }));
        stream.append(&bytes, &mut found);
        stream.flush(&mut found);
        assert_eq!(times(&found), [(0, 50), (1_920, 60)]);
    }
}
