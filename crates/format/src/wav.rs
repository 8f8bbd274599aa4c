//! WAV: RIFF chunks around uncompressed sound (Microsoft "Multimedia Programming Interface and Data
//! Specifications 1.0"; WAVEFORMATEXTENSIBLE; RF64 by EBU Tech 3306).

mod demux;
mod mux;

pub use demux::WavDemuxer;
pub use mux::WavMuxer;

use brooklet_media::{ChannelLayout, PcmFormat};

const NAME: &str = "wav";

/// wFormatTag of whole numbers.
const TAG_PCM: u16 = 1;
/// wFormatTag of floats.
const TAG_FLOAT: u16 = 3;
/// wFormatTag of G.711 A-law.
const TAG_ALAW: u16 = 6;
/// wFormatTag of G.711 µ-law.
const TAG_MULAW: u16 = 7;
/// wFormatTag whose meaning stands in a GUID.
const TAG_EXTENSIBLE: u16 = 0xFFFE;
/// The GUID's bytes after the tag: KSDATAFORMAT_SUBTYPE.
const SUBTYPE: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// What a tag and the bits of one stored sample stand for.
const fn format_from_tag(tag: u16, bits: u16) -> Option<PcmFormat> {
    Some(match (tag, bits) {
        (TAG_PCM, 1..=8) => PcmFormat::U8,
        (TAG_PCM, 9..=16) => PcmFormat::S16Le,
        (TAG_PCM, 17..=24) => PcmFormat::S24Le,
        (TAG_PCM, 25..=32) => PcmFormat::S32Le,
        (TAG_FLOAT, 32) => PcmFormat::F32Le,
        (TAG_FLOAT, 64) => PcmFormat::F64Le,
        (TAG_ALAW, _) => PcmFormat::Alaw,
        (TAG_MULAW, _) => PcmFormat::Mulaw,
        _ => return None,
    })
}

/// The tag of what WAV can hold; `None` for big-endian formats.
const fn tag_of(format: PcmFormat) -> Option<u16> {
    Some(match format {
        PcmFormat::U8 | PcmFormat::S16Le | PcmFormat::S24Le | PcmFormat::S32Le => TAG_PCM,
        PcmFormat::F32Le | PcmFormat::F64Le => TAG_FLOAT,
        PcmFormat::Alaw => TAG_ALAW,
        PcmFormat::Mulaw => TAG_MULAW,
        _ => return None,
    })
}

/// dwChannelMask of a layout; 0 where the places are not known.
const fn mask_of(layout: ChannelLayout) -> u32 {
    match layout {
        ChannelLayout::Mono => 0x4,
        ChannelLayout::Stereo => 0x3,
        ChannelLayout::Surround => 0x7,
        ChannelLayout::FourZero => 0x107,
        ChannelLayout::FiveZero => 0x37,
        ChannelLayout::FiveOne => 0x3F,
        ChannelLayout::SevenOne => 0x63F,
        ChannelLayout::Unknown(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{demux, demux_stream, mux};
    use brooklet_media::{AudioParams, CodecId, Packet, SampleFormat, StreamParams, TimeBase};
    use bytes::Bytes;
    use proptest::prelude::*;

    fn params(format: PcmFormat, rate: u32, layout: ChannelLayout) -> StreamParams {
        let audio = AudioParams { format: Some(format.sample_format()), ..AudioParams::new(rate, layout) };
        StreamParams::audio(CodecId::Pcm(format), TimeBase::hz(rate), audio)
    }

    #[test]
    fn the_header_is_the_one_that_everybody_reads() {
        let stream = params(PcmFormat::S16Le, 44_100, ChannelLayout::Stereo);
        let file = mux(WavMuxer::new(), &[stream], &[Packet::new(0, 0, Bytes::from_static(&[1, 0, 2, 0]))]);
        assert_eq!(file[..4], *b"RIFF");
        assert_eq!(file[4..8], 40u32.to_le_bytes());
        assert_eq!(file[8..36], *b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xAC\0\0\x10\xB1\x02\0\x04\0\x10\0");
        assert_eq!(file[36..], *b"data\x04\0\0\0\x01\0\x02\0");
    }

    #[test]
    fn a_pipe_without_lengths_is_read_to_its_end() {
        let stream = params(PcmFormat::U8, 8_000, ChannelLayout::Mono);
        let mut file = mux(WavMuxer::new(), &[stream], &[Packet::new(0, 0, Bytes::from(vec![7; 3_001]))]);
        file[4..8].fill(0xFF);
        file[40..44].fill(0xFF);
        file.pop(); // the padding byte belongs to no sample
        let read = demux_stream(WavDemuxer::new(Default::default()), &file, 97).unwrap();
        assert_eq!(read.packets.iter().map(|packet| packet.data.len()).sum::<usize>(), 3_001);
        assert_eq!(read.packets.last().map(|packet| (packet.pts, packet.duration)), Some((2_048, 953)));
    }

    #[test]
    fn tags_before_the_data_are_metadata() {
        let head = b"RIFF\xFF\xFF\xFF\xFFWAVELIST\x12\0\0\0INFOINAM\x05\0\0\0Water\0";
        let rest = b"fmt \x10\0\0\0\x07\0\x01\0\x40\x1F\0\0\x40\x1F\0\0\x01\0\x08\0data\x02\0\0\0ab";
        let mut demuxer = WavDemuxer::new(Default::default());
        let read = demux(&mut demuxer, &[&head[..], rest].concat(), 5).unwrap();
        assert_eq!(read.streams[0].codec, CodecId::Pcm(PcmFormat::Mulaw));
        let title = ("title".to_owned(), "Water".to_owned());
        assert_eq!(brooklet_media::Demuxer::metadata(&demuxer), [title]);
    }

    #[test]
    fn what_is_not_sound_as_it_is_gets_named() {
        let mp3 = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x55\0\x01\0\x40\x1F\0\0\x40\x1F\0\0\x01\0\0\0data";
        let error = demux_stream(WavDemuxer::new(Default::default()), mp3, 64).unwrap_err();
        assert!(error.to_string().contains("0x55"), "{error}");
        let none =
            b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x01\0\0\0\x40\x1F\0\0\x40\x1F\0\0\x01\0\x10\0data";
        assert!(demux_stream(WavDemuxer::new(Default::default()), none, 64).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            kind in prop::sample::select(vec![
                PcmFormat::U8, PcmFormat::S16Le, PcmFormat::S24Le, PcmFormat::S32Le, PcmFormat::F32Le,
                PcmFormat::F64Le, PcmFormat::Alaw, PcmFormat::Mulaw,
            ]),
            rate in 1u32..200_000,
            channels in 1u8..9,
            frames in 0usize..3_000,
            step in 1usize..700,
        ) {
            let layout = ChannelLayout::from_channels(channels).unwrap();
            let data: Vec<u8> = (0..frames * kind.bytes() * layout.channels()).map(|i| i as u8).collect();
            let packet = Packet::new(0, 0, Bytes::from(data.clone()));
            let stream = params(kind, rate, layout);
            let file = mux(WavMuxer::new(), std::slice::from_ref(&stream), &[packet]);
            let read = demux_stream(WavDemuxer::new(Default::default()), &file, step).unwrap();
            prop_assert_eq!(read.streams[0].codec, stream.codec);
            let audio = read.streams[0].as_audio().copied().unwrap();
            prop_assert_eq!((audio.rate, audio.layout), (rate, layout));
            prop_assert_eq!(audio.format.map(SampleFormat::packed), Some(kind.sample_format()));
            prop_assert_eq!(read.data(0), data);
        }

        #[test]
        fn damage_is_read_in_part_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), step in 1usize..64) {
            let _ = demux_stream(WavDemuxer::new(Default::default()), &[b"RIFF....WAVE", &bytes[..]].concat(), step);
            let head = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt ";
            let _ = demux_stream(WavDemuxer::new(Default::default()), &[&head[..], &bytes].concat(), step);
        }
    }
}
