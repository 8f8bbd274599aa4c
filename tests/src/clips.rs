//! Clips to test with: real ones, and generated ones.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::peers;
use crate::words::words;

/// 320x180 H.264 High with B-frames, a second picture of 480x270, AAC-LC in stereo at 8 and 16 kHz.
pub const NASA: &str = "nasa_13013.mp4";
/// 1280x720 H.264 Main without B-frames, AAC-LC in 5.1.
pub const BUNNY: &str = "bigbuckbunny.mp4";

/// A real clip, or `None` and a line that says what is left out.
pub fn shared(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/media");
    let folder = std::env::var_os("BROOKLET_MEDIA").map_or_else(beside, PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("not checked: {} is missing; BROOKLET_MEDIA names the folder of real clips", path.display());
    None
}

/// A clip that ffmpeg makes with these words, once: later runs of the tests find it. `None` without ffmpeg.
///
/// `name` ends as the container's names do; other words under the same name make another file.
pub fn generated(name: &str, line: &str) -> Option<PathBuf> {
    generated_by(peers::ffmpeg, name, line)
}

/// The same by ffmpeg 9.0, which knows Enhanced RTMP.
pub fn generated_by_ffmpeg9(name: &str, line: &str) -> Option<PathBuf> {
    generated_by(peers::ffmpeg9, name, &format!("{line} -bitexact"))
}

/// The same by another ffmpeg.
pub fn generated_by(ffmpeg: fn() -> Option<Command>, name: &str, line: &str) -> Option<PathBuf> {
    made(name, line, |path| {
        let mut ffmpeg = ffmpeg()?;
        ffmpeg.args(["-nostdin", "-v", "error", "-y"]).args(words(line, &[])).arg(path);
        expect(&mut ffmpeg);
        Some(())
    })
}

/// Files one after the other, byte by byte: what a receiver sees when a sender begins anew.
pub fn joined(name: &str, parts: &[PathBuf]) -> Option<PathBuf> {
    let recipe = format!("{parts:?}");
    made(name, &recipe, |path| {
        let bytes: Vec<u8> = parts.iter().flat_map(|part| read(part)).collect();
        std::fs::write(path, bytes).ok()
    })
}

/// Where this run may write, below `target/tmp`.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(folder()).unwrap_or_else(|error| panic!("{}: {error}", folder().display()))
}

/// The bytes of a file that has to be there.
#[track_caller]
pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn made(name: &str, recipe: &str, make: impl FnOnce(&Path) -> Option<()>) -> Option<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = folder().join(format!("{:016x}", fingerprint(recipe)));
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let unfinished = folder.join(format!("{}-{name}", std::process::id()));
    make(&unfinished)?;
    std::fs::rename(&unfinished, &path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(path)
}

/// `target/tmp/clips`: tests run from `target/PROFILE/deps`.
fn folder() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let target = test.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    let folder = target.map_or_else(std::env::temp_dir, Path::to_path_buf).join("tmp/clips");
    std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder
}

#[track_caller]
fn expect(command: &mut Command) {
    let answer = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(answer.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&answer.stderr));
}

/// FNV-1a: enough to tell recipes apart.
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
