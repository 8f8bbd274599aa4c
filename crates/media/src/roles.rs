//! The roles of a pipeline, as traits.
//!
//! None of them reads, waits or looks at a clock: bytes, packets and frames are handed in, and what comes of
//! them is taken out until nothing is left. So each can be tested, fuzzed and used on any runtime.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::{Frame, Packet, Result, StreamParams, Timestamp};

/// What is known of an input before its first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Source {
    /// Whether [`DemuxStep::Read`] may ask for any place, or only for the next byte.
    pub seekable: bool,
    /// Its length in bytes.
    pub length: Option<u64>,
}

/// Bytes to packets.
///
/// The contract: call [`Demuxer::step`] until it says [`DemuxStep::Read`]; hand over bytes that start at the
/// place it names (any number of them, 64 KiB is a good size) with [`Demuxer::push`], or say with
/// [`Demuxer::finish`] that there are none; go on until [`DemuxStep::End`].
pub trait Demuxer: Send {
    /// What comes next.
    ///
    /// # Errors
    ///
    /// What is wrong with the input. After an error the demuxer is at its end; what can be skipped is skipped
    /// without one.
    fn step(&mut self) -> Result<DemuxStep>;

    /// Takes bytes from the place that the last [`DemuxStep::Read`] named.
    fn push(&mut self, bytes: Bytes);

    /// The input has no byte at the place that the last [`DemuxStep::Read`] named.
    fn finish(&mut self);

    /// Goes on from the last key frame of `stream` at or before `pts` (in that stream's ticks), or from the
    /// first one. Bytes that were pushed and not used are forgotten.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Unsupported`] where the format or the source can't; the demuxer then goes on as it was.
    fn seek(&mut self, stream: usize, pts: i64) -> Result<()> {
        let _ = (stream, pts);
        Err(crate::Error::unsupported("seeking in this input", "reading on from where it is"))
    }

    /// What it left out that a person may miss, a line each, since the last call; the caller names the input.
    fn take_warnings(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Title, encoder and the like, as far as they have been read.
    fn metadata(&self) -> Metadata {
        Metadata::new()
    }
}

/// Tags of a file: ffmpeg's key, value.
pub type Metadata = Vec<(String, String)>;

/// What a demuxer wants or gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DemuxStep {
    /// Bytes from this place on, counted from the start of the input. In a source that can't seek this is
    /// always the next byte.
    Read(u64),
    /// Something was found.
    Event(DemuxEvent),
    /// There is nothing more.
    End,
}

/// What a demuxer finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DemuxEvent {
    /// A stream; its number is how many came before it.
    StreamAdded(StreamParams),
    /// All streams that the header promises are known. Some formats never say so; more may still come.
    HeaderRead,
    /// An access unit of a stream that was added.
    Packet(Packet),
    /// From the next packet on, this stream has these parameters.
    Params {
        /// Its number.
        stream: usize,
        /// All of them, not the difference.
        params: StreamParams,
    },
    /// Time jumped, or packets were lost: the next packets do not follow on the last.
    Discontinuity,
}

/// Packets to bytes.
///
/// The contract: [`Muxer::add_stream`] for each, [`Muxer::start`] once, then [`Muxer::write`] in the order of
/// an [`crate::Interleaver`], [`Muxer::finish`] once. After each call, take [`Muxer::poll_piece`] until `None`.
pub trait Muxer: Send {
    /// Declares the next stream; packets for it carry its number, from 0.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Unsupported`] where the format can't hold the codec, naming those that it can.
    fn add_stream(&mut self, params: &StreamParams) -> Result<()>;

    /// Writes the header.
    ///
    /// # Errors
    ///
    /// Where the set of streams is one that the format can't hold.
    fn start(&mut self, metadata: &Metadata) -> Result<()>;

    /// Writes one packet; `pts` and `dts` are ticks of the time base that its stream was added with.
    ///
    /// # Errors
    ///
    /// Where the packet is not what its stream promised.
    fn write(&mut self, packet: &Packet) -> Result<()>;

    /// The stream has other parameters from the next packet on.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Unsupported`] where the format has no way to say so.
    fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<()>;

    /// Writes what is held back and the trailer.
    ///
    /// # Errors
    ///
    /// Where what is held back can't be written.
    fn finish(&mut self) -> Result<()>;

    /// The next bytes to send or store, in order.
    fn poll_piece(&mut self) -> Option<Piece>;
}

/// Some bytes from a muxer, with what an output must know of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The bytes. One piece of a datagram format (MPEG-TS) never splits its unit (188 bytes).
    pub bytes: Bytes,
    /// When they are due, on the clock of the media itself (dts, where there is one).
    pub at: Timestamp,
    /// Whether a reader can start here: the header, or the first bytes of a key frame.
    pub key: bool,
    /// Where they go.
    pub place: Place,
}

impl Piece {
    /// Puts it where it goes in a file that is held in memory.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Usage`] where the file has no such place.
    pub fn store(&self, file: &mut Vec<u8>) -> Result<()> {
        let length = file.len();
        let absent = |at| crate::Error::Usage(format!("a piece goes to byte {at} of a file of {length}"));
        let place = |at: u64, bytes: usize| {
            let from = usize::try_from(at)
                .ok()
                .filter(|from| length.checked_sub(*from).is_some_and(|rest| rest >= bytes));
            from.ok_or_else(|| absent(at))
        };
        match self.place {
            Place::Append => file.extend_from_slice(&self.bytes),
            Place::Patch(at) => {
                let from = place(at, self.bytes.len())?;
                file[from..from + self.bytes.len()].copy_from_slice(&self.bytes);
            }
            Place::Insert(at) => {
                let from = place(at, 0)?;
                file.splice(from..from, self.bytes.iter().copied());
            }
        }
        Ok(())
    }
}

/// Where a [`Piece`] goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// After all that came before.
    Append,
    /// Over what stands at this offset; an output that can't seek leaves it out.
    Patch(u64),
    /// Before what stands at this offset, all of which moves on by as many bytes; an output that can't seek leaves it out.
    Insert(u64),
}

/// Packets to frames.
pub trait Decoder: Send {
    /// Takes the next packet of the stream, in decoding order. Damaged packets are concealed or skipped where
    /// the codec can go on.
    ///
    /// # Errors
    ///
    /// Where this packet can't be decoded; the next may be.
    fn decode(&mut self, packet: &Packet) -> Result<()>;

    /// Makes up for packets that were lost: `duration` ticks from `pts` on, which come out of
    /// [`Decoder::poll_frame`] as any other frame. `next` is the packet after the gap, where it has come; some codecs
    /// carry in it a coarse copy of what was lost (Opus, in-band FEC). It is to be decoded all the same.
    ///
    /// False where the codec has nothing to offer: the caller then fills the gap itself.
    ///
    /// # Errors
    ///
    /// What the codec says; the next packet can be decoded.
    fn conceal(&mut self, pts: i64, duration: i64, next: Option<&Packet>) -> Result<bool> {
        let _ = (pts, duration, next);
        Ok(false)
    }

    /// The next frame in order of presentation, its pts in ticks of the stream's time base; `None` until more
    /// packets come.
    fn poll_frame(&mut self) -> Option<Frame>;

    /// No more packets: frames that were held back come out of [`Decoder::poll_frame`].
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    fn flush(&mut self) -> Result<()>;

    /// Forgets everything but the parameters: the next packet is a key packet from another place.
    fn reset(&mut self);

    /// The stream has other parameters from the next packet on.
    ///
    /// # Errors
    ///
    /// Where they are not supported.
    fn change_params(&mut self, params: &StreamParams) -> Result<()>;
}

/// Frames to packets.
pub trait Encoder: Send {
    /// Takes the next frame. All frames have the format that the encoder was made for.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Usage`] for a frame of another shape; else what the codec says.
    fn encode(&mut self, frame: &Frame) -> Result<()>;

    /// The next packet, of stream 0, in decoding order; `None` until more frames come.
    fn poll_packet(&mut self) -> Option<Packet>;

    /// What it makes, extradata included; complete before its first packet comes out.
    fn params(&self) -> &StreamParams;

    /// No more frames: packets that were held back come out of [`Encoder::poll_packet`].
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode`].
    fn flush(&mut self) -> Result<()>;

    /// Asks for something from the next frame on; what the codec can't do is left undone.
    fn control(&mut self, control: Control) {
        let _ = control;
    }
}

/// What goes against the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// The next picture is to be a key frame.
    KeyFrame,
    /// Aim at this many bit/s.
    Bitrate(u64),
    /// Go on from here.
    Seek(Timestamp),
    /// Hold (true) or go on (false).
    Pause(bool),
    /// Finish.
    Stop,
}

/// Where packets end: a file being muxed, an RTMP session.
///
/// Unlike the roles above it may block, which is the back-pressure.
pub trait PacketSink<E = crate::Error>: Send {
    /// What will come: called once, before the first packet.
    ///
    /// # Errors
    ///
    /// Where the place can't be reached or does not take these streams.
    fn start(&mut self, streams: &[StreamParams], metadata: &Metadata) -> Result<(), E>;

    /// The next packet, in interleaved order.
    ///
    /// # Errors
    ///
    /// Where it can't be stored or sent.
    fn write(&mut self, packet: &Packet) -> Result<(), E>;

    /// A stream has other parameters from the next packet on.
    ///
    /// # Errors
    ///
    /// Where the place can't take them.
    fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<(), E>;

    /// Everything has been written: finish properly.
    ///
    /// # Errors
    ///
    /// Where what is held back can't be stored or sent.
    fn finish(&mut self) -> Result<(), E>;
}

/// Where frames end: a speaker, a window, your code.
pub trait FrameSink<E = crate::Error>: Send {
    /// The next frame.
    ///
    /// # Errors
    ///
    /// Where it can't be shown or heard.
    fn write(&mut self, frame: Frame) -> Result<(), E>;

    /// No more frames: returns when the last has been shown or heard.
    ///
    /// # Errors
    ///
    /// As [`FrameSink::write`].
    fn finish(&mut self) -> Result<(), E>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_go_where_they_say() {
        let piece =
            |bytes, place| Piece { bytes: Bytes::from_static(bytes), at: Timestamp::ZERO, key: false, place };
        let mut file = Vec::new();
        for (bytes, place) in [
            (&b"abcdef"[..], Place::Append),
            (b"XY", Place::Patch(4)),
            (b"--", Place::Insert(1)),
            (b"end", Place::Insert(8)),
        ] {
            piece(bytes, place).store(&mut file).unwrap();
        }
        assert_eq!(file, b"a--bcdXYend");
        for place in [Place::Patch(10), Place::Patch(u64::MAX), Place::Insert(12)] {
            let said = piece(b"no", place).store(&mut file).unwrap_err().to_string();
            assert!(said.ends_with("of a file of 11"), "{said}");
        }
        assert_eq!(file, b"a--bcdXYend", "what has no place changes nothing");
    }
}
