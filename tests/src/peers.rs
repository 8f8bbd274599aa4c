//! The programs that ours talks to. `cargo xtask peers` installs them all.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Debian's ffmpeg, 5.1.
pub fn ffmpeg() -> Option<Command> {
    program("ffmpeg", "-version")
}

/// Debian's ffprobe, 5.1.
pub fn ffprobe() -> Option<Command> {
    program("ffprobe", "-version")
}

/// ffmpeg 9.0, from the package `imageio-ffmpeg`.
pub fn ffmpeg9() -> Option<Command> {
    program(&path_from("BROOKLET_FFMPEG9").unwrap_or_else(|| "ffmpeg9".into()), "-version")
}

/// A Python with PyAV and numpy.
pub fn python() -> Option<Command> {
    program(&path_from("BROOKLET_PYTHON").unwrap_or_else(|| "python3".into()), "--version")
}

/// GStreamer's `gst-launch-1.0`.
pub fn gst_launch() -> Option<Command> {
    program("gst-launch-1.0", "--version")
}

/// mpv.
pub fn mpv() -> Option<Command> {
    program("mpv", "--version")
}

/// rtmpdump, which has no word for its version and fails on all it does not know.
pub fn rtmpdump() -> Option<Command> {
    let there =
        Command::new("rtmpdump").arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    found("rtmpdump", there)
}

/// nginx with its RTMP module.
pub fn nginx() -> Option<Command> {
    let module = Path::new("/usr/lib/nginx/modules/ngx_rtmp_module.so").exists();
    if module { program("nginx", "-v") } else { found("nginx with libnginx-mod-rtmp", false) }
}

/// node, and the folder of modules that holds `node-media-server`.
pub fn node_media_server() -> Option<(Command, PathBuf)> {
    let modules = path_from("BROOKLET_NODE_MODULES").map(PathBuf::from).unwrap_or_default();
    let there = modules.join("node-media-server").is_dir();
    let node = if there { program("node", "--version") } else { found("node-media-server", false) };
    node.map(|node| (node, modules))
}

/// openssl, which makes certificates.
pub fn openssl() -> Option<Command> {
    program("openssl", "version")
}

/// `tsreport` of tstools.
pub fn tsreport() -> Option<Command> {
    program("tsreport", "--help")
}

fn program(path: &str, ask: &str) -> Option<Command> {
    let quiet =
        Command::new(path).arg(ask).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    found(path, quiet.is_ok_and(|status| status.success()))
}

/// The command, or what its absence means: a failure where peers are required, a line otherwise.
fn found(path: &str, there: bool) -> Option<Command> {
    if there {
        return Some(Command::new(path));
    }
    let required = std::env::var_os("BROOKLET_PEERS").is_some_and(|value| value == "required");
    assert!(!required, "{path} is missing, and peers are required: cargo xtask peers");
    eprintln!("not checked: {path} is missing");
    None
}

fn path_from(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}
