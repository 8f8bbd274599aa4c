//! Packets to native FLAC.

use brooklet_media::bitstream::flac::{FlacFrameHeader, StreamInfo};
use brooklet_media::{CodecId, Error, Metadata, Muxer, Packet, Piece, Result, StreamParams};

use super::{NAME, STREAMINFO, VORBIS_COMMENT};
use crate::comments;
use crate::output::{Output, only_stream, take_only_stream};

/// Where the STREAMINFO stands: after `fLaC` and the block's header.
const INFO_AT: u64 = 8;

/// Writes native FLAC. What STREAMINFO can't know at the start is patched at the end, where the output can: length,
/// sizes, and the sum, where the encoder tells it or the stream is whole as it came.
#[derive(Debug, Default)]
pub struct FlacMuxer {
    stream: Option<StreamParams>,
    info: Option<StreamInfo>,
    samples: u64,
    sizes: Option<(u32, u32)>,
    output: Output,
}

impl FlacMuxer {
    /// A muxer without a stream yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Muxer for FlacMuxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        take_only_stream(NAME, &mut self.stream, params, |codec| codec == CodecId::Flac, "flac")
    }

    fn start(&mut self, metadata: &Metadata) -> Result<()> {
        let info = stream_info(only_stream(NAME, &self.stream)?)?;
        let tags = comments::build(metadata);
        let mut head = b"fLaC".to_vec();
        put_block(&mut head, STREAMINFO, &info.build(), false);
        put_block(&mut head, VORBIS_COMMENT, &tags, true);
        self.info = Some(info);
        self.output.append(head);
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let time_base = only_stream(NAME, &self.stream)?.time_base;
        let header = FlacFrameHeader::parse(&packet.data)
            .ok_or_else(|| Error::invalid(NAME, 0, "a packet that is no FLAC frame"))?;
        self.samples += u64::from(header.samples);
        let bytes = packet.data.len() as u32;
        self.sizes = Some(self.sizes.map_or((bytes, bytes), |(min, max)| (min.min(bytes), max.max(bytes))));
        self.output.append_packet(packet, time_base, packet.data.clone());
        Ok(())
    }

    fn change_params(&mut self, _stream: usize, params: &StreamParams) -> Result<()> {
        let info = stream_info(params)?;
        if self.info.is_some_and(|known| shape(&known) == shape(&info)) {
            self.info = Some(info);
            return Ok(());
        }
        Err(Error::unsupported(
            "a change of rate, channels or bits within flac",
            "one shape from start to end",
        ))
    }

    fn finish(&mut self) -> Result<()> {
        let (Some(info), Some((min_frame, max_frame))) = (self.info, self.sizes) else { return Ok(()) };
        // The sum is of all samples, or of none.
        let md5 = if info.samples == self.samples { info.md5 } else { [0; 16] };
        let info = StreamInfo { samples: self.samples, min_frame, max_frame, md5, ..info };
        self.output.patch(INFO_AT, info.build());
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.output.poll()
    }
}

const fn shape(info: &StreamInfo) -> (u32, u8, u8) {
    (info.rate, info.channels, info.bits)
}

fn stream_info(params: &StreamParams) -> Result<StreamInfo> {
    StreamInfo::parse(&params.extradata).ok_or_else(|| Error::invalid(NAME, 0, "no STREAMINFO"))
}

fn put_block(out: &mut Vec<u8>, kind: u8, body: &[u8], last: bool) {
    out.push(if last { 0x80 | kind } else { kind });
    out.extend_from_slice(&(body.len().min(0xFF_FFFF) as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&body[..body.len().min(0xFF_FFFF)]);
}
