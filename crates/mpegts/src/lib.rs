//! MPEG-2 transport streams (ISO/IEC 13818-1): bytes to packets, packets to bytes, and a checker that measures what
//! other receivers depend on.
//!
//! The crate opens no file and no socket, waits for nothing and has no clock: bytes go in and events come out, or the
//! other way round. It decodes nothing; of coded media it reads headers only. It does not decrypt, and it does not
//! read sections other than those that say what the programs are (no EPG, no SCTE 35).
//!
//! | codec | stream_type | in | out |
//! |---|---|---|---|
//! | H.264 | 0x1B | yes | yes |
//! | HEVC | 0x24 | yes | yes |
//! | MPEG-2 video | 0x02 | one picture to a PES packet | no |
//! | AAC in ADTS | 0x0F | yes | yes |
//! | MP3, MP2 | 0x03, 0x04 | yes | yes |
//! | AC-3, E-AC-3 | 0x81, 0x84, 0x87, DVB's 0x06 | yes | 0x81, 0x87 |
//! | Opus | 0x06 `Opus` | yes | yes |
//! | anything else in PES packets, AAC in LATM among it | | as [`brooklet_media::CodecId::Unknown`], not looked into | no |
//!
//! H.264 and HEVC are Annex B with parameter sets in band on the wire, length-prefixed with parameter sets out of band
//! in a [`brooklet_media::Packet`]; AAC has ADTS headers on the wire only.
//!
//! It is `no_std` and needs an allocator.
//!
//! Read [`TsDemuxer`], [`TsMuxer`] and [`check::Check`] first; `examples/remux.rs` ties them together.
//!
//! ```
//! use brooklet_media::{AudioParams, ChannelLayout, CodecId, DemuxEvent, DemuxStep, Demuxer, Muxer, Packet};
//! use brooklet_media::{Source, StreamParams, TimeBase};
//! use brooklet_mpegts::{TsDemuxer, TsMuxer, TsMuxerOptions};
//!
//! // One access unit of AAC at 48 kHz, into a stream.
//! let sound = AudioParams::new(48_000, ChannelLayout::Stereo);
//! let params = StreamParams::audio(CodecId::Aac, TimeBase::hz(48_000), sound);
//! let params = StreamParams { extradata: vec![0x11, 0x90].into(), ..params };
//! let mut muxer = TsMuxer::new(TsMuxerOptions::default());
//! muxer.add_stream(&params)?;
//! muxer.start(&vec![("service_name".into(), "Radio".into())])?;
//! muxer.write(&Packet::new(0, 48_000, vec![0x21, 0x10, 0x05].into()))?;
//! muxer.finish()?;
//!
//! // And out of it again: one second, and the 1.4 s by which the muxer moves times.
//! let mut demuxer = TsDemuxer::new(Source::default());
//! let mut packets = Vec::new();
//! loop {
//!     match demuxer.step()? {
//!         DemuxStep::Read(_) => match muxer.poll_piece() {
//!             Some(piece) => demuxer.push(piece.bytes),
//!             None => demuxer.finish(),
//!         },
//!         DemuxStep::Event(DemuxEvent::Packet(packet)) => packets.push(packet),
//!         DemuxStep::Event(_) => {}
//!         DemuxStep::End => break,
//!     }
//! }
//! assert_eq!(packets[0].pts, 90_000 + 126_000);
//! assert_eq!(packets[0].data[..], [0x21, 0x10, 0x05]);
//! assert_eq!(demuxer.metadata()[0].1, "Radio");
//! # Ok::<(), brooklet_media::Error>(())
//! ```

#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod check;
mod clock;
mod demux;
mod descriptor;
mod elementary;
mod mux;
mod packet;
mod pes;
mod psi;
mod sync;

pub use demux::TsDemuxer;
pub use mux::{TsMuxer, TsMuxerOptions};
pub use sync::probe;
