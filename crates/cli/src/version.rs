//! Which program this is.

/// Its version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The line before everything else.
pub(crate) fn banner() -> String {
    format!("brooklet version {VERSION} ({}-{})", std::env::consts::ARCH, std::env::consts::OS)
}

/// What `-version` prints.
pub(crate) fn text() -> String {
    format!(
        "{}\nLive audio and video in pure Rust, with the command line of ffmpeg. Licence: MIT OR Apache-2.0\n",
        banner()
    )
}
