//! The HTTP face of Brooklet: live sound for browsers and players, a page to listen on, playlists, and what a monitor asks.
//!
//! It is *not* where sound is made or shared out: that is [`brooklet::radio`] and the [`Hub`](brooklet::Hub), which this
//! crate puts HTTP around. Nor does it fetch anything: the clients of `http://` and `icecast://` are in `brooklet`.
//!
//! | path | gives |
//! |---|---|
//! | `/stream.mp3`, whatever outputs are called | the sound, from a frame on, with a burst of the recent past; titles for who sends `Icy-MetaData: 1` |
//! | `/stream` | the same in the format that `Accept` asks for |
//! | `/stream.m3u`, `/stream.pls` | playlists that lead there |
//! | `/` | a page with a player |
//! | `/status.json` | what the page shows |
//! | `/metrics`, `/health` | for Prometheus, and for whoever restarts what is not well |
//! | `/admin/metadata` | Icecast's way to change the title, for who has the password |
//!
//! | client | served as |
//! |---|---|
//! | HTTP/1.1 | in chunks |
//! | HTTP/1.0 | until the connection ends |
//! | `HEAD`, `OPTIONS`, other origins | yes, yes, yes |
//! | HTTPS | feature `tls`, with a certificate that is given or made here |
//!
//! What is bounded: connections in all and from one address, listeners of each output, bytes and time of a request's head, how
//! long a connection may take nothing. hyper reads requests and writes the heads of answers; what a listener hears goes past it, so
//! that one costs under 2 kB, and all else is shared.
//!
//! Read [`HttpServer`] first; [`register`] makes it an output of any job, `-listen 1 http://127.0.0.1:8000/stream.mp3`.
//!
//! ```
//! use brooklet::Hub;
//! use brooklet_server::{HttpServer, HttpServerOptions};
//!
//! let hub = Hub::default();
//! let server = HttpServer::bind("127.0.0.1:0", &hub, HttpServerOptions::default())?;
//! println!("the streams of this hub: http://{}/", server.local_addr());
//! server.stop();
//! # Ok::<(), brooklet::Error>(())
//! ```

mod admin;
mod connection;
mod handover;
mod hearing;
mod listen;
mod metrics;
mod mount;
mod negotiate;
mod page;
mod patient;
mod playlist;
mod process;
mod routes;
mod scheme;
mod server;
mod shared;
#[cfg(feature = "webrtc")]
pub mod webrtc;

pub use mount::{Mount, MountOptions};
pub use server::{HttpServer, HttpServerOptions};

/// Makes listening for HTTP an output of jobs, for the whole process: `-listen 1` with `http://` or `https://`. Reading from servers
/// and sending to them stays as it was. Outputs with the same host and port share one server.
pub fn register() {
    brooklet::protocol::register(std::sync::Arc::new(scheme::Listening));
    #[cfg(feature = "webrtc")]
    brooklet::protocol::register(std::sync::Arc::new(webrtc::scheme::Whip));
}
