//! What the fuzz targets share. A target is a few lines: what is fuzzed, and what must hold.
//!
//! | module | holds |
//! |---|---|
//! | [`reading`] | a demuxer driven through all of an input, and held to its contract |
//! | [`writing`] | a muxer, and what comes of it |
//! | [`draw`], [`streams`] | packets for muxers out of a fuzzer's bytes: as a demuxer gives them, or as nobody does |
//! | [`decoding`] | a decoder, and packets that are damaged in any way |
//! | [`sessions`] | RTMP sessions against a peer that sends anything |
//! | [`radio`] | web servers that answer anything, and titles between the bytes of a stream |
//! | [`voice`] | RTP receivers, payload formats and the jitter buffer, whatever comes |
//! | [`seeds`], [`coded`] | small valid inputs, from which fuzzing starts |

pub mod coded;
pub mod decoding;
pub mod draw;
pub mod radio;
pub mod reading;
pub mod seeds;
pub mod sessions;
pub mod streams;
pub mod voice;
pub mod writing;
