//! The program: ffmpeg's grammar over the library.

mod args;
mod command;
mod log;

fn main() {}
