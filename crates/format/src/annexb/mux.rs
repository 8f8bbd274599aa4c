//! Packets to bytes.

use brooklet_media::bitstream::nal;
use brooklet_media::bitstream::{h264, hevc};
use brooklet_media::{CodecId, Error, Metadata, Muxer, Packet, Piece, Result, StreamParams};
use bytes::Bytes;

use crate::output::{Output, only_stream, take_only_stream};

/// Writes H.264 or HEVC byte streams, with all parameter sets before each key frame that lacks them.
#[derive(Debug)]
pub struct AnnexbMuxer {
    codec: CodecId,
    stream: Option<StreamParams>,
    /// The parameter sets with start codes.
    sets: Bytes,
    /// Whether they changed since they were last written.
    stale: bool,
    output: Output,
}

impl AnnexbMuxer {
    /// A muxer of H.264.
    pub fn h264() -> Self {
        Self::new(CodecId::H264)
    }

    /// A muxer of HEVC.
    pub fn hevc() -> Self {
        Self::new(CodecId::Hevc)
    }

    fn new(codec: CodecId) -> Self {
        Self { codec, stream: None, sets: Bytes::new(), stale: true, output: Output::default() }
    }

    fn holds_sets(&self, data: &[u8]) -> bool {
        let is_sps = |unit: &[u8]| match self.codec {
            CodecId::Hevc => hevc::nal_type(unit) == hevc::NAL_SPS,
            _ => h264::nal_type(unit) == h264::NAL_SPS,
        };
        nal::length_prefixed_units(data, 4).any(is_sps)
    }
}

impl Muxer for AnnexbMuxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        let codec = self.codec;
        take_only_stream(codec.name(), &mut self.stream, params, |other| other == codec, codec.name())
    }

    fn start(&mut self, _metadata: &Metadata) -> Result<()> {
        self.sets = parameter_sets(only_stream(self.codec.name(), &self.stream)?)?;
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let time_base = only_stream(self.codec.name(), &self.stream)?.time_base;
        let mut out = Vec::with_capacity(packet.data.len() + self.sets.len() + 16);
        if self.holds_sets(&packet.data) {
            self.stale = false;
        } else if packet.key || self.stale {
            out.extend_from_slice(&self.sets);
            self.stale = false;
        }
        nal::length_prefixed_units(&packet.data, 4).for_each(|unit| nal::write_annexb(unit, &mut out));
        self.output.append_packet(packet, time_base, out.into());
        Ok(())
    }

    fn change_params(&mut self, _stream: usize, params: &StreamParams) -> Result<()> {
        if params.codec != self.codec {
            let what = format!("{} in {}", params.codec, self.codec);
            return Err(Error::unsupported(what, self.codec.name()));
        }
        let sets = parameter_sets(params)?;
        self.stale |= sets != self.sets;
        self.sets = sets;
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.output.poll()
    }
}

/// The parameter sets out of extradata; none where they travel in the packets.
fn parameter_sets(params: &StreamParams) -> Result<Bytes> {
    let mut out = Vec::new();
    match (params.codec, params.extradata.is_empty()) {
        (_, true) => {}
        (CodecId::Hevc, _) => hevc::HvcConfig::parse(&params.extradata)?.write_annexb(&mut out),
        _ => h264::AvcConfig::parse(&params.extradata)?.write_annexb(&mut out),
    }
    Ok(out.into())
}
