//! The programs that the tests talk to, installed by name: Debian's packages, and what pip and npm put into folders
//! under `target/peers`.

use std::path::PathBuf;
use std::process::Command;

use crate::shell::{Outcome, cargo, run, succeeds, target};

/// Debian's packages: the peer, and what it is for.
const PACKAGES: &[(&str, &str)] = &[
    ("ffmpeg", "reference decoder, player, RTMP publisher and viewer (5.1)"),
    ("nginx", "RTMP server"),
    ("libnginx-mod-rtmp", "RTMP server"),
    ("rtmpdump", "RTMP player"),
    ("mpv", "player"),
    ("flac", "FLAC's own coder and checker"),
    ("opus-tools", "Opus's own coder and decoder"),
    ("lame", "MP3 encoder"),
    ("pulseaudio", "sound server"),
    ("pulseaudio-utils", "recorder and player of its sound"),
    ("xvfb", "a screen in memory"),
    ("xdotool", "keys and sizes of windows on it"),
    ("x11-apps", "photographs of them"),
    ("libxkbcommon-x11-0", "keyboards, which windows load at run time"),
    ("openssl", "certificates"),
    ("icecast2", "radio server"),
    ("curl", "HTTP client"),
    ("chromium", "browser"),
    ("coturn", "STUN and TURN server"),
    ("tstools", "MPEG-TS analysis"),
    ("mediainfo", "container analysis"),
    ("sip-tester", "sipp, which answers a telephone by a scenario"),
    ("baresip-core", "a telephone"),
    ("gstreamer1.0-tools", "player and analyser"),
    ("gstreamer1.0-plugins-base", "player and analyser"),
    ("gstreamer1.0-plugins-good", "player and analyser"),
    ("gstreamer1.0-plugins-bad", "player and analyser"),
    ("gstreamer1.0-plugins-ugly", "player and analyser"),
    ("gstreamer1.0-libav", "player and analyser"),
    ("python3-venv", "to hold ffmpeg 9.0"),
    ("time", "CPU time and memory in benchmarks"),
    ("debootstrap", "a folder for Debian's packaged toolchain, where rustup has no targets"),
    ("qemu-user-static", "to run programs for other processors"),
    ("nodejs", "to run node-media-server"),
];

/// pip's packages: `imageio-ffmpeg` carries ffmpeg 9.0; `aiortc` speaks WebRTC.
const PIP: &[&str] = &["imageio-ffmpeg", "av", "numpy", "aiortc"];

/// npm's packages.
const NPM: &[&str] = &["node-media-server", "playwright-core"];

/// Cargo's tools.
const TOOLS: &[&str] = &["cargo-deny", "cargo-fuzz"];

/// Where peers are, as environment variables that the tests read.
pub(crate) type Peers = Vec<(&'static str, PathBuf)>;

/// Installs what is missing, and says where it is.
pub(crate) fn install() -> Outcome<Peers> {
    eprintln!("peers that the tests talk to:");
    PACKAGES.iter().for_each(|(name, what)| eprintln!("  {name:28} {what}"));
    eprintln!("  pip: {}; npm: {}; cargo: {}", PIP.join(", "), NPM.join(", "), TOOLS.join(", "));
    install_packages()?;
    let ffmpeg9 = install_pip()?;
    let modules = install_npm()?;
    install_tools()?;
    Ok(vec![("BROOKLET_FFMPEG9", ffmpeg9), ("BROOKLET_NODE_MODULES", modules), ("BROOKLET_PYTHON", python())])
}

/// Installs those of Debian's packages that are missing.
pub(crate) fn install_named(packages: &[&str]) -> Outcome {
    let has = |name: &str| {
        let query = ["--show", "--showformat=${Status}", name];
        let answer = Command::new("dpkg-query").args(query).output();
        answer.is_ok_and(|answer| answer.stdout.ends_with(b"ok installed"))
    };
    let missing: Vec<&str> = packages.iter().copied().filter(|name| !has(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    run(as_root("apt-get").args(["update", "-q"]))?;
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    run(as_root("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(install).args(missing))
}

fn install_packages() -> Outcome {
    // A node of another origin than Debian's serves as well.
    let node =
        succeeds(Command::new("node").arg("--version")) && succeeds(Command::new("npm").arg("--version"));
    let names = PACKAGES.iter().map(|(name, _)| *name);
    let mut wanted: Vec<&str> = names.filter(|name| !(node && *name == "nodejs")).collect();
    if wanted.contains(&"nodejs") {
        wanted.push("npm");
    }
    install_named(&wanted)
}

/// A command that may need the administrator's rights.
pub(crate) fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.arg("--preserve-env=DEBIAN_FRONTEND").arg(program);
    sudo
}

/// Whether we have the administrator's rights.
pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|answer| answer.stdout.trim_ascii() == b"0")
}

fn install_pip() -> Outcome<PathBuf> {
    let venv = folder("venv");
    if !succeeds(Command::new(python()).args(["-c", "import imageio_ffmpeg, av, numpy, aiortc"])) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run(Command::new(venv.join("bin/pip"))
            .args(["install", "-q", "--disable-pip-version-check"])
            .args(PIP))?;
    }
    let ask = ["-c", "import imageio_ffmpeg as i; print(i.get_ffmpeg_exe(), end='')"];
    let answer = Command::new(python()).args(ask).output().map_err(|error| format!("python: {error}"))?;
    Ok(PathBuf::from(String::from_utf8_lossy(&answer.stdout).into_owned()))
}

fn install_npm() -> Outcome<PathBuf> {
    let npm = folder("npm");
    let modules = npm.join("node_modules");
    if !NPM.iter().all(|name| modules.join(name).is_dir()) {
        std::fs::create_dir_all(&npm).map_err(|error| format!("{}: {error}", npm.display()))?;
        let install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"];
        run(Command::new("npm").args(install).arg(&npm).args(NPM))?;
    }
    Ok(modules)
}

fn install_tools() -> Outcome {
    for tool in TOOLS {
        let verb = tool.trim_start_matches("cargo-");
        if !succeeds(&mut cargo([verb, "--version"])) {
            run(&mut cargo(["install", "--locked", tool]))?;
        }
    }
    Ok(())
}

/// Python with numpy and PyAV.
pub(crate) fn python() -> PathBuf {
    folder("venv").join("bin/python")
}

fn folder(name: &str) -> PathBuf {
    target().join("peers").join(name)
}
