//! MP4 and QuickTime files: boxes to packets.

mod audio_entry;
mod boxes;
mod chunks;
mod demux;
mod edit;
mod esds;
mod fragment;
mod index;
mod input;
mod lane;
mod language;
mod metadata;
mod moov;
mod order;
mod pcm;
mod playhead;
mod runs;
mod sample_entry;
mod samples;
mod scan;
mod seek;
mod sync;
mod tail;
mod track;
mod video_entry;
mod window;

pub use demux::Mp4Demuxer;
