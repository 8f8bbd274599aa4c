//! PulseAudio's native protocol, which PipeWire speaks too.
//!
//! The crate `pulseaudio` knows the messages. Its own client tells neither of under-runs nor of streams that were ended by
//! their server, so the connection is ours.
//!
//! | file | holds |
//! |---|---|
//! | `server` | where the server is |
//! | `connection` | one connection to it: questions, answers and what it says by itself |
//! | `spec` | sample formats, channels and buffer sizes, as it calls them |
//! | `list` | its sinks and sources |
//! | `playback` | a stream to a sink |
//! | `record` | a stream from a source |

mod connection;
pub(crate) mod list;
pub(crate) mod playback;
pub(crate) mod record;
mod server;
mod spec;
