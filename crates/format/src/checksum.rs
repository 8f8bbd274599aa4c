//! `framemd5` and `md5`: what ffmpeg prints of the same packets, to compare by line; and `null`, which prints
//! nothing.

use std::fmt::Write;

use brooklet_media::{CodecId, Metadata, Muxer, Packet, Piece, Result, StreamKind, StreamParams};

use crate::md5::{Md5, hex};
use crate::output::Output;

/// Prints a line for each packet: its stream, dts, pts, duration, size and MD5.
#[derive(Debug, Default)]
pub struct FrameMd5Muxer {
    streams: Vec<StreamParams>,
    bitexact: bool,
    output: Output,
}

impl FrameMd5Muxer {
    /// `bitexact` leaves out the line that names the program.
    pub fn new(bitexact: bool) -> Self {
        Self { bitexact, ..Self::default() }
    }

    fn header(&self) -> String {
        let mut text = String::from("#format: frame checksums\n#version: 2\n#hash: MD5\n");
        // Writing to a String does not fail.
        for (index, stream) in self.streams.iter().enumerate().filter(|(_, s)| !s.extradata.is_empty()) {
            let digest = hex(Md5::of(&stream.extradata));
            let _ = writeln!(text, "#extradata {index}, {:>31}, {digest}", stream.extradata.len());
        }
        if !self.bitexact {
            let _ = writeln!(text, "#software: brooklet {}", env!("CARGO_PKG_VERSION"));
        }
        for (index, stream) in self.streams.iter().enumerate() {
            let _ = describe(&mut text, index, stream);
        }
        text.push_str("#stream#, dts,        pts, duration,     size, hash\n");
        text
    }
}

impl Muxer for FrameMd5Muxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        self.streams.push(params.clone());
        Ok(())
    }

    fn start(&mut self, _metadata: &Metadata) -> Result<()> {
        self.output.append(self.header());
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let Packet { stream, pts, dts, duration, data, .. } = packet;
        let (size, digest) = (data.len(), hex(Md5::of(data)));
        self.output.append(format!("{stream}, {dts:>10}, {pts:>10}, {duration:>8}, {size:>8}, {digest}\n"));
        Ok(())
    }

    fn change_params(&mut self, _stream: usize, _params: &StreamParams) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.output.poll()
    }
}

/// Prints one MD5 of the data of all packets.
#[derive(Debug)]
pub struct Md5Muxer {
    digest: Md5,
    output: Output,
}

impl Md5Muxer {
    /// A digest of nothing yet.
    pub fn new() -> Self {
        Self { digest: Md5::new(), output: Output::default() }
    }
}

impl Default for Md5Muxer {
    fn default() -> Self {
        Self::new()
    }
}

impl Muxer for Md5Muxer {
    fn add_stream(&mut self, _params: &StreamParams) -> Result<()> {
        Ok(())
    }

    fn start(&mut self, _metadata: &Metadata) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        self.digest.update(&packet.data);
        Ok(())
    }

    fn change_params(&mut self, _stream: usize, _params: &StreamParams) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.output.append(format!("MD5={}\n", hex(self.digest.clone().finish())));
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.output.poll()
    }
}

/// Takes everything and writes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullMuxer;

impl Muxer for NullMuxer {
    fn add_stream(&mut self, _params: &StreamParams) -> Result<()> {
        Ok(())
    }

    fn start(&mut self, _metadata: &Metadata) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, _packet: &Packet) -> Result<()> {
        Ok(())
    }

    fn change_params(&mut self, _stream: usize, _params: &StreamParams) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        None
    }
}

/// A stream's lines in the header.
fn describe(text: &mut String, index: usize, stream: &StreamParams) -> std::fmt::Result {
    writeln!(text, "#tb {index}: {}", stream.time_base)?;
    writeln!(text, "#media_type {index}: {}", stream.media().name())?;
    if stream.codec != CodecId::Unknown(0) {
        writeln!(text, "#codec_id {index}: {}", stream.codec.name())?;
    }
    match &stream.kind {
        StreamKind::Video(video) => {
            writeln!(text, "#dimensions {index}: {}x{}", video.width, video.height)?;
            writeln!(text, "#sar {index}: {}", video.sample_aspect)
        }
        StreamKind::Audio(audio) => {
            writeln!(text, "#sample_rate {index}: {}", audio.rate)?;
            writeln!(text, "#channel_layout_name {index}: {}", audio.layout)
        }
        StreamKind::Other => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mux;
    use brooklet_media::{AudioParams, ChannelLayout, PcmFormat, Rational, TimeBase, VideoParams};
    use bytes::Bytes;

    /// What ffmpeg 5.1 prints of the same packets.
    const EXPECTED: &str = "\
#format: frame checksums
#version: 2
#hash: MD5
#tb 0: 1/25
#media_type 0: video
#codec_id 0: rawvideo
#dimensions 0: 4x2
#sar 0: 1/1
#tb 1: 1/44100
#media_type 1: audio
#codec_id 1: pcm_s16le
#sample_rate 1: 44100
#channel_layout_name 1: mono
#stream#, dts,        pts, duration,     size, hash
0,          0,          0,        1,       12, fc3ff98e8c6a0d3087d515c0473f8677
1,          0,          0,     1024,        0, d41d8cd98f00b204e9800998ecf8427e
";

    fn streams() -> [StreamParams; 2] {
        let video = VideoParams { sample_aspect: Rational::ONE, ..VideoParams::new(4, 2) };
        let audio = AudioParams::new(44_100, ChannelLayout::Mono);
        [
            StreamParams::video(CodecId::RawVideo, TimeBase::hz(25), video),
            StreamParams::audio(CodecId::Pcm(PcmFormat::S16Le), TimeBase::hz(44_100), audio),
        ]
    }

    #[test]
    fn a_line_for_each_packet() {
        let packets = [
            Packet { duration: 1, ..Packet::new(0, 0, Bytes::from_static(b"hello world!")) },
            Packet { duration: 1_024, ..Packet::new(1, 0, Bytes::new()) },
        ];
        let text = String::from_utf8(mux(FrameMd5Muxer::new(true), &streams(), &packets)).unwrap();
        assert_eq!(text, EXPECTED);
    }

    #[test]
    fn one_digest_of_everything() {
        let packets = [b"ab", b"cd"].map(|data| Packet::new(0, 0, Bytes::from_static(data)));
        let text = mux(Md5Muxer::new(), &streams(), &packets);
        assert_eq!(text, b"MD5=e2fc714c4727ee9395f324cd2e7f331f\n");
    }
}
