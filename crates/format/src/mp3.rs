//! MP3 frames to a file: behind their tags and, where it can be patched, a frame that says how much there is.

use brooklet_media::bitstream::mpeg_audio::MpegAudioHeader;
use brooklet_media::{CodecId, Error, Metadata, Muxer, Packet, Piece, Result, StreamParams};

use crate::id3;
use crate::mpeg_audio::DECODER_DELAY;
use crate::output::{Output, only_stream, take_only_stream};

const NAME: &str = "mp3";

/// Places in the table of contents.
const PLACES: usize = 100;
/// Bytes of Xing's header with all its fields, and of LAME's after it.
const XING: usize = 120;
const LAME: usize = 36;

/// Writes MP3 or MP2. Where the output can be patched, the first frame is a Xing or Info frame with LAME's tag: length,
/// table of contents, delay and padding. Where it can't, there is none, so that any frame may be a listener's first.
#[derive(Debug)]
pub struct Mp3Muxer {
    patched: bool,
    tagged: bool,
    stream: Option<StreamParams>,
    output: Output,
    info: Option<InfoFrame>,
}

impl Mp3Muxer {
    /// `patched`: whether the output can go back to its start at the end.
    pub fn new(patched: bool) -> Self {
        Self { patched, tagged: true, stream: None, output: Output::default(), info: None }
    }

    /// Without ID3 tags: for listeners who come in the middle, and are told of titles by other ways.
    pub fn untagged(self) -> Self {
        Self { tagged: false, ..self }
    }
}

impl Muxer for Mp3Muxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        let holds = |codec| matches!(codec, CodecId::Mp3 | CodecId::Mp2);
        take_only_stream(NAME, &mut self.stream, params, holds, "mp3, mp2")
    }

    fn start(&mut self, metadata: &Metadata) -> Result<()> {
        only_stream(NAME, &self.stream)?;
        let tag = id3::build(metadata);
        if self.tagged && !tag.is_empty() {
            self.output.append(tag);
        }
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let params = only_stream(NAME, &self.stream)?;
        let time_base = params.time_base;
        let header = MpegAudioHeader::parse(&packet.data)
            .ok_or_else(|| Error::invalid(NAME, 0, "a packet that is no MPEG audio frame"))?;
        if self.patched && self.info.is_none() && params.codec == CodecId::Mp3 {
            let info = InfoFrame::before(&header, &packet.data, self.output.written());
            self.output.append(info.build());
            self.info = Some(info);
        }
        if let Some(info) = &mut self.info {
            info.count(&header, packet);
        }
        self.output.append_packet(packet, time_base, packet.data.clone());
        Ok(())
    }

    fn change_params(&mut self, _stream: usize, params: &StreamParams) -> Result<()> {
        // Each frame says what it is.
        if only_stream(NAME, &self.stream)?.codec == params.codec {
            return Ok(());
        }
        Err(Error::unsupported("a change of codec within mp3", "one codec from start to end"))
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(info) = self.info.take() {
            self.output.patch(info.at, info.build());
        }
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.output.poll()
    }
}

/// A silent frame that says what follows it (Xing's "MP3 Header", LAME's tag revision 1).
#[derive(Debug)]
struct InfoFrame {
    /// Where it stands.
    at: u64,
    /// Its header and side information.
    head: Vec<u8>,
    /// Bytes of the whole frame.
    length: usize,
    frames: u32,
    /// Of all frames, this one included.
    bytes: u64,
    /// The bit rate of all, while it is one.
    bit_rate: Option<u32>,
    /// Whether all frames had that.
    constant: bool,
    /// Samples that are trimmed from the start, while none was heard.
    delay: u32,
    heard: bool,
    padding: u32,
    /// The place of every so many frames.
    places: Vec<u64>,
    stride: u32,
    sum: u16,
}

impl InfoFrame {
    /// One that fits before a stream that begins with `frame`.
    fn before(header: &MpegAudioHeader, frame: &[u8], at: u64) -> Self {
        let side_info = match (header.samples, header.channels) {
            (1_152, 2) => 32,
            (1_152, _) | (_, 2) => 17,
            _ => 9,
        };
        let mut head = [frame[0], frame[1] | 1, frame[2] & !2, frame[3]].to_vec();
        let wanted = head.len() + side_info + XING + LAME;
        // The least bit rate from the stream's on whose frames are long enough.
        let fits = (head[2] >> 4..15).find_map(|code| {
            let second = code << 4 | head[2] & 0x0F;
            let length = MpegAudioHeader::parse(&[head[0], head[1], second, head[3]])?.frame_bytes;
            (length >= wanted).then_some((second, length))
        });
        let (second, length) = fits.unwrap_or((head[2], wanted));
        head[2] = second;
        head.resize(head.len() + side_info, 0);
        Self {
            at,
            head,
            length,
            frames: 0,
            bytes: length as u64,
            bit_rate: None,
            constant: true,
            delay: 0,
            heard: false,
            padding: 0,
            places: Vec::with_capacity(4 * PLACES),
            stride: 1,
            sum: 0,
        }
    }

    fn count(&mut self, header: &MpegAudioHeader, packet: &Packet) {
        self.constant &= self.bit_rate.is_none_or(|rate| rate == header.bit_rate);
        self.bit_rate = Some(header.bit_rate);
        if self.frames.is_multiple_of(self.stride) {
            self.places.push(self.bytes);
        }
        if self.places.len() == 4 * PLACES {
            let mut index = 0;
            self.places.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride *= 2;
        }
        self.frames = self.frames.saturating_add(1);
        self.bytes += packet.data.len() as u64;
        if !self.heard {
            self.delay = self.delay.saturating_add(packet.trim.start);
            self.heard = packet.trim.start < header.samples;
        }
        self.padding = packet.trim.end;
        self.sum = crc16(self.sum, &packet.data);
    }

    fn build(&self) -> Vec<u8> {
        let mut out = self.head.clone();
        out.extend_from_slice(if self.constant { b"Info" } else { b"Xing" });
        out.extend_from_slice(&15u32.to_be_bytes());
        out.extend_from_slice(&self.frames.to_be_bytes());
        let bytes = u32::try_from(self.bytes).unwrap_or(u32::MAX);
        out.extend_from_slice(&bytes.to_be_bytes());
        out.extend((0..PLACES).map(|percent| {
            let place = self.places.get(percent * self.places.len() / PLACES).copied().unwrap_or(0);
            (place * 256 / self.bytes.max(1)).min(255) as u8
        }));
        out.extend_from_slice(&0u32.to_be_bytes());
        // Readers believe the delay of names that they know; without one, sound is not moved.
        if self.delay >= DECODER_DELAY {
            self.put_lame(&mut out);
        }
        out.resize(self.length, 0);
        out
    }

    fn put_lame(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(b"LAME3.100");
        // Revision 0 and the method: constant or average bit rate; then low pass, gains, flags: not told.
        out.extend_from_slice(&[if self.constant { 1 } else { 2 }, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.push((self.bit_rate.unwrap_or(0) / 1_000).min(255) as u8);
        let delay = (self.delay - DECODER_DELAY).min(0xFFF);
        let padding = self.padding.saturating_add(DECODER_DELAY).min(0xFFF);
        out.extend_from_slice(&[
            (delay >> 4) as u8,
            (delay << 4) as u8 | (padding >> 8) as u8,
            padding as u8,
        ]);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&u32::try_from(self.bytes).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(&self.sum.to_be_bytes());
        debug_assert_eq!(out.len() - start, LAME - 2);
        let sum = crc16(0, out);
        out.extend_from_slice(&sum.to_be_bytes());
    }
}

/// x¹⁶ + x¹⁵ + x² + 1, least significant bit first.
fn crc16(sum: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(sum, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte), |sum, _| if sum & 1 != 0 { sum >> 1 ^ 0xA001 } else { sum >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MpegAudioDemuxer;
    use crate::testing::{demux_stream, file_of, mux};
    use brooklet_media::{AudioParams, ChannelLayout, TimeBase, Trim};

    fn stream() -> StreamParams {
        let audio = AudioParams::new(24_000, ChannelLayout::Mono);
        StreamParams::audio(CodecId::Mp3, TimeBase::hz(24_000), audio)
    }

    /// 64 kbit/s at 24 kHz, mono: 192 bytes of 576 samples, 1057 of delay and 100 of padding.
    fn packets(count: i64) -> Vec<Packet> {
        let packet = |index: i64| {
            let data = [&[0xFF, 0xF3, 0x84, 0xC4][..], &[index as u8; 188]].concat();
            let trim = Trim {
                start: u32::try_from(1_057 - index * 576).unwrap_or(0).min(576),
                end: if index + 1 == count { 100 } else { 0 },
            };
            Packet { duration: 576, trim, ..Packet::new(0, index * 576 - 1_057, data.into()) }
        };
        (0..count).map(packet).collect()
    }

    #[test]
    fn a_file_reads_back_with_its_times_and_trims() {
        let written = packets(1_000);
        let file = mux(Mp3Muxer::new(true), &[stream()], &written);
        let read = demux_stream(MpegAudioDemuxer::new(file_of(file.len())), &file, 4_096).unwrap();
        assert_eq!(read.packets, written);
        assert_eq!(read.streams[0].duration, Some(576_000 - 1_157));
    }

    #[test]
    fn a_pipe_begins_with_sound() {
        let written = packets(3);
        let bytes = mux(Mp3Muxer::new(false), &[stream()], &written);
        assert_eq!(bytes, written.iter().flat_map(|packet| packet.data.to_vec()).collect::<Vec<_>>());
    }

    #[test]
    fn sound_that_was_not_trimmed_is_not_moved() {
        let mut written = packets(5);
        written.iter_mut().for_each(|packet| packet.trim = Trim::default());
        let file = mux(Mp3Muxer::new(true), &[stream()], &written);
        let read = demux_stream(MpegAudioDemuxer::new(file_of(file.len())), &file, 100).unwrap();
        assert!(read.packets.iter().all(|packet| packet.trim == Trim::default()));
        assert_eq!((read.packets[0].pts, read.packets.len()), (0, 5));
    }
}
