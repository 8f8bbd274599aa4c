//! The programs that ours talks to. `cargo xtask peers` installs them all.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{DEADLINE, brooklet, finish};

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

/// A Python with aiortc, which speaks WebRTC.
pub fn aiortc() -> Option<Command> {
    let mut python = python()?;
    let there = python.args(["-c", "import aiortc"]).status().is_ok_and(|status| status.success());
    found("aiortc", there)?;
    self::python()
}

/// A Python with imageio-ffmpeg, which starts `ffmpeg` and reads what it says.
pub fn imageio() -> Option<Command> {
    let mut python = python()?;
    let there = python.args(["-c", "import imageio_ffmpeg"]).status().is_ok_and(|status| status.success());
    found("imageio-ffmpeg", there)?;
    self::python()
}

/// GStreamer's `gst-launch-1.0`.
pub fn gst_launch() -> Option<Command> {
    program("gst-launch-1.0", "--version")
}

/// mpv.
pub fn mpv() -> Option<Command> {
    program("mpv", "--version")
}

/// One of the tools of a format, by name: `flac`, `opusenc`, `opusdec`, `lame`.
pub fn tool(name: &str) -> Option<Command> {
    program(name, "--version")
}

/// PulseAudio and its tools.
pub fn pulseaudio() -> Option<()> {
    program("pulseaudio", "--version").and(program("parec", "--version")).map(drop)
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

/// coturn, a STUN and TURN server.
pub fn coturn() -> Option<Command> {
    program("turnserver", "--version")
}

/// node, and the folder of modules that holds `node-media-server`.
pub fn node_media_server() -> Option<(Command, PathBuf)> {
    let modules = path_from("BROOKLET_NODE_MODULES").map(PathBuf::from).unwrap_or_default();
    let there = modules.join("node-media-server").is_dir();
    let node = if there { program("node", "--version") } else { found("node-media-server", false) };
    node.map(|node| (node, modules))
}

/// curl.
pub fn curl() -> Option<Command> {
    program("curl", "--version")
}

/// Icecast's server, which Debian calls icecast2.
pub fn icecast() -> Option<Command> {
    program("icecast2", "-v")
}

/// node, and the folder of modules that holds `playwright-core`, where there is Chromium to drive.
pub fn chromium() -> Option<(Command, PathBuf)> {
    let modules = path_from("BROOKLET_NODE_MODULES").map(PathBuf::from).unwrap_or_default();
    let there = modules.join("playwright-core").is_dir() && Path::new("/usr/bin/chromium").exists();
    let node =
        if there { program("node", "--version") } else { found("chromium with playwright-core", false) };
    node.map(|node| (node, modules))
}

/// Xvfb, a screen in memory.
pub fn xvfb() -> Option<Command> {
    // It has no word for its version that ends well.
    found("Xvfb", Path::new("/usr/bin/Xvfb").exists())
}

/// xdotool, which presses keys.
pub fn xdotool() -> Option<Command> {
    // It says nothing at all without a screen.
    found("xdotool", Path::new("/usr/bin/xdotool").exists())
}

/// xwd, which photographs windows.
pub fn xwd() -> Option<Command> {
    found("xwd", Path::new("/usr/bin/xwd").exists())
}

/// openssl, which makes certificates.
pub fn openssl() -> Option<Command> {
    program("openssl", "version")
}

/// sipp, which speaks SIP by a scenario.
pub fn sipp() -> Option<Command> {
    // It tells its version and fails.
    found("sipp", Path::new("/usr/bin/sipp").exists())
}

/// baresip, a telephone, and the folder of its modules.
pub fn baresip() -> Option<(Command, PathBuf)> {
    let folders = ["/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules"];
    let modules = folders.into_iter().map(PathBuf::from).find(|folder| folder.is_dir());
    found("baresip", modules.is_some()).zip(modules)
}

/// `tsreport` of tstools.
pub fn tsreport() -> Option<Command> {
    program("tsreport", "--help")
}

/// The version of each program that speaks RTMP here, in its own words; an installed one whose words are not understood
/// says so.
pub fn versions() -> Vec<(&'static str, String)> {
    let mut versions = Vec::new();
    let mut add = |name, command: Option<Command>, ask: &str, mark: &str| {
        versions.extend(command.map(|mut command| (name, said(command.arg(ask), mark))));
    };
    add("brooklet", Some(brooklet()), "-version", "brooklet");
    add("ffmpeg 5.1", ffmpeg(), "-version", "ffmpeg version");
    add("ffmpeg 9.0", ffmpeg9(), "-version", "ffmpeg version");
    add("rtmpdump", rtmpdump(), "--help", "RTMPDump");
    add("mpv", mpv(), "--version", "mpv");
    add("rtmp2sink, rtmp2src", gst_launch(), "--version", "GStreamer");
    add("nginx-rtmp", nginx(), "-v", "nginx");
    let package = node_media_server().map(|(_, modules)| modules.join("node-media-server/package.json"));
    versions.extend(package.map(|path| {
        let package: Option<Value> =
            std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let version = package.and_then(|package| Some(package["version"].as_str()?.to_owned()));
        ("node-media-server", version.map_or_else(unknown, |version| format!("node-media-server {version}")))
    }));
    versions
}

/// The line of an answer that has this mark, without what precedes it and without the copyright.
fn said(command: &mut Command, mark: &str) -> String {
    let answer = finish(command, DEADLINE);
    let text = format!("{}\n{}", answer.text(), answer.stderr);
    let line = text.lines().find_map(|line| Some(&line[line.find(mark)?..]));
    let version = line.and_then(|line| line.split(" Copyright").next());
    version.map_or_else(unknown, |version| version.trim().to_owned())
}

fn unknown() -> String {
    String::from("of unknown version")
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
