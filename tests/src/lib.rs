//! What the tests of the whole program share: the program, its peers, the clips, and ways to look at what came out.
//!
//! The tests run the built program as a user does, and judge it by what a real peer received. Each peer is looked for;
//! one that is missing fails the test where `BROOKLET_PEERS=required` (as `cargo xtask test` sets it), and otherwise
//! leaves the test out with a line that says so.

pub mod arrival;
pub mod camera;
pub mod cells;
pub mod clips;
pub mod codecs;
pub mod compare;
pub mod coturn;
pub mod display;
pub mod flashes;
pub mod gatekeeper;
pub mod icecast;
pub mod limits;
pub mod peers;
pub mod players;
pub mod probe;
pub mod program;
pub mod publishers;
pub mod radio;
pub mod relay;
pub mod senses;
pub mod servers;
pub mod sound;
pub mod sound_server;
pub mod table;
pub mod timecode;
pub mod tls;
pub mod web;
pub mod words;
