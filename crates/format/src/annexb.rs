//! H.264 and HEVC as byte streams (ISO/IEC 14496-10 and 23008-2, Annex B): units behind start codes, no clock.
//!
//! | module | holds |
//! |---|---|
//! | `split` | units out of a run of bytes |
//! | `slice` | the headers that tell one picture from the next (H.264) |
//! | `poc` | picture order counts (H.264) |
//! | `h264`, `hevc` | units to access units, and what they say of the stream |
//! | `order` | picture order to pts and dts |
//! | `mux` | packets to bytes |

mod demux;
mod h264;
mod hevc;
mod mux;
mod order;
mod poc;
mod slice;
mod split;
#[cfg(test)]
mod tests;

pub use demux::AnnexbDemuxer;
pub use mux::AnnexbMuxer;
