//! MPEG-2 transport streams.
mod clock;
mod demux;
mod descriptor;
mod elementary;
mod packet;
mod pes;
mod psi;
mod sync;

pub use demux::TsDemuxer;
pub use sync::probe;
