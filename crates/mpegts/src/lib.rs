//! MPEG-2 transport streams.
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
