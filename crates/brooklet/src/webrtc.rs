//! WebRTC: publishers and viewers of a [`Hub`](crate::Hub) who come with an offer, those whose pictures are processed, and the sockets of their sessions.
//!
//! | file | holds |
//! |---|---|
//! | `gateway` | offers to sessions: what WHIP (RFC 9725) and WHEP do, without their HTTP |
//! | `line` | a session on its socket |
//! | `helpers` | STUN and TURN servers |
//! | `names` | the addresses behind candidates' names |
//! | `arrive` | what a publisher sends, into the hub |
//! | `round_trip` | what a peer sends, through a [processor](crate::processor), back to it |
//! | `picture` | pictures as browsers take them |
//! | `rendition` | a stream of the hub in what WebRTC can carry, made while somebody watches |
//! | `watch` | a stream of the hub, to a viewer |
//! | `sink`, `source` | outputs and inputs of jobs |
//! | `signal` | the HTTP of those who come to a server |
//! | `whip` | publishing to a WHIP server |
//! | `whep` | watching a stream of a WHEP server |

mod arrive;
mod gateway;
mod helpers;
mod line;
mod names;
mod picture;
mod rendition;
mod round_trip;
mod signal;
mod sink;
mod source;
mod watch;
pub(crate) mod whep;
pub(crate) mod whip;

pub use gateway::{Answer, Gateway, GatewayOptions, Refusal};
pub use round_trip::{Choice, Report};
