//! Packets to WAV.

use brooklet_media::{
    AudioParams, CodecId, Error, Metadata, Muxer, Packet, PcmFormat, Piece, Result, StreamParams,
};

use super::{NAME, SUBTYPE, TAG_EXTENSIBLE, TAG_PCM, mask_of, tag_of};
use crate::output::{Output, only_stream, take_only_stream};

/// Where RIFF's size stands.
const RIFF_SIZE_AT: u64 = 4;

/// Writes WAV of one stream of little-endian PCM, A-law or µ-law. Sizes are unknown (0xFFFFFFFF) until they are
/// patched at the end, and stay so in a pipe and past 4 GiB: readers then go on to the end of the file.
#[derive(Debug, Default)]
pub struct WavMuxer {
    stream: Option<StreamParams>,
    output: Output,
    /// Bytes before the first sample; 0 until the header is written.
    head_bytes: u64,
}

impl WavMuxer {
    /// A muxer without a stream yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Muxer for WavMuxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        let supported = "pcm_u8, pcm_s16le, pcm_s24le, pcm_s32le, pcm_f32le, pcm_f64le, pcm_alaw, pcm_mulaw";
        take_only_stream(NAME, &mut self.stream, params, holds, supported)
    }

    fn start(&mut self, metadata: &Metadata) -> Result<()> {
        let params = only_stream(NAME, &self.stream)?;
        let (CodecId::Pcm(format), Some(audio)) = (params.codec, params.as_audio()) else {
            return Err(Error::Usage("wav holds sound".into()));
        };
        let mut head = b"RIFF\xFF\xFF\xFF\xFFWAVE".to_vec();
        put_chunk(&mut head, b"fmt ", &format_chunk(format, audio));
        let info = info_chunk(metadata);
        if info.len() > 4 {
            put_chunk(&mut head, b"LIST", &info);
        }
        head.extend_from_slice(b"data\xFF\xFF\xFF\xFF");
        self.head_bytes = head.len() as u64;
        self.output.append(head);
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let time_base = only_stream(NAME, &self.stream)?.time_base;
        self.output.append_packet(packet, time_base, packet.data.clone());
        Ok(())
    }

    fn change_params(&mut self, _stream: usize, params: &StreamParams) -> Result<()> {
        let stream = only_stream(NAME, &self.stream)?;
        if (stream.codec, stream.kind) == (params.codec, params.kind) {
            return Ok(());
        }
        Err(Error::unsupported("a change of rate or channels within wav", "one shape from start to end"))
    }

    fn finish(&mut self) -> Result<()> {
        if self.head_bytes == 0 {
            return Ok(());
        }
        let data = self.output.written() - self.head_bytes;
        if data % 2 == 1 {
            self.output.append(vec![0]);
        }
        let (riff, data) = (u32::try_from(self.output.written() - 8), u32::try_from(data));
        if let (Ok(riff), Ok(data)) = (riff, data) {
            self.output.patch(RIFF_SIZE_AT, riff.to_le_bytes().to_vec());
            self.output.patch(self.head_bytes - 4, data.to_le_bytes().to_vec());
        }
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.output.poll()
    }
}

/// Whether WAV can hold a codec.
pub(crate) fn holds(codec: CodecId) -> bool {
    matches!(codec, CodecId::Pcm(format) if tag_of(format).is_some())
}

/// WAVEFORMATEX, or WAVEFORMATEXTENSIBLE where there are over two channels or 16 bits.
fn format_chunk(format: PcmFormat, audio: &AudioParams) -> Vec<u8> {
    let tag = tag_of(format).unwrap_or(TAG_PCM);
    let channels = audio.layout.channels() as u16; // at most 255
    let (bytes, bits) = (format.bytes() as u16, format.bytes() as u16 * 8);
    let extensible = channels > 2 || (tag == TAG_PCM && bits > 16);
    let align = channels * bytes;
    let mut out = Vec::with_capacity(40);
    out.extend((if extensible { TAG_EXTENSIBLE } else { tag }).to_le_bytes());
    out.extend(channels.to_le_bytes());
    out.extend(audio.rate.to_le_bytes());
    out.extend(audio.rate.saturating_mul(align.into()).to_le_bytes());
    out.extend(align.to_le_bytes());
    out.extend(bits.to_le_bytes());
    if extensible {
        out.extend(22u16.to_le_bytes());
        out.extend(bits.to_le_bytes());
        out.extend(mask_of(audio.layout).to_le_bytes());
        out.extend(tag.to_le_bytes());
        out.extend(SUBTYPE);
    } else if tag != TAG_PCM {
        out.extend(0u16.to_le_bytes()); // cbSize
    }
    out
}

fn info_chunk(metadata: &Metadata) -> Vec<u8> {
    let mut out = b"INFO".to_vec();
    for (key, value) in metadata {
        let id = match key.as_str() {
            "title" => b"INAM",
            "artist" => b"IART",
            "album" => b"IPRD",
            "comment" => b"ICMT",
            "copyright" => b"ICOP",
            "date" => b"ICRD",
            "genre" => b"IGNR",
            "track" => b"IPRT",
            "encoder" => b"ISFT",
            _ => continue,
        };
        if value.len() < 4_096 {
            put_chunk(&mut out, id, &[value.as_bytes(), &[0]].concat());
        }
    }
    out
}

/// Appends a chunk and the padding that keeps what follows on an even byte.
fn put_chunk(out: &mut Vec<u8>, id: &[u8; 4], body: &[u8]) {
    out.extend_from_slice(id);
    out.extend((body.len() as u32).to_le_bytes());
    out.extend_from_slice(body);
    if body.len() % 2 == 1 {
        out.push(0);
    }
}
