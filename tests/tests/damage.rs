//! Damaged files: a partial result or a clear line; never a panic, a hang, or memory without bound.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brooklet_tests::clips;
use brooklet_tests::program::{Running, brooklet};
use brooklet_tests::words::words;

/// Damaged files for each format.
const FILES: u64 = 100;
/// The most memory for any of them, bytes.
const MEMORY: u64 = 512 << 20;
/// The longest that any may take, on a machine that is not idle.
const TIME: Duration = Duration::from_secs(10);
/// Programs that run at once.
const AT_ONCE: usize = 3;

const CLIP: &str = "-f lavfi -i testsrc2=size=96x64:rate=10 -f lavfi -i sine -t 1.5 \
     -c:v libx264 -pix_fmt yuv420p -bf 2 -g 8 -c:a aac -b:a 48k";

#[test]
fn damaged_mp4_is_survived() {
    survives("damaged.mp4", CLIP);
}

#[test]
fn damaged_fragmented_mp4_is_survived() {
    survives("fragments.mp4", &format!("{CLIP} -movflags +frag_keyframe+empty_moov+default_base_moof"));
}

#[test]
fn damaged_flv_is_survived() {
    survives("damaged.flv", CLIP);
}

#[test]
fn damaged_transport_streams_are_survived() {
    survives("damaged.ts", CLIP);
}

#[test]
fn damaged_h264_is_survived() {
    survives("damaged.h264", &format!("{CLIP} -an"));
}

#[test]
fn damaged_aac_is_survived() {
    survives("damaged.aac", &format!("{CLIP} -vn"));
}

#[test]
fn damaged_wav_is_survived() {
    survives("damaged.wav", "-f lavfi -i sine -t 0.5");
}

/// Runs the program over many damaged copies of a clip, decoding each; every fourth is copied instead.
#[track_caller]
fn survives(name: &str, line: &str) {
    let Some(clip) = clips::generated(name, line) else { return };
    let whole = clips::read(&clip);
    let folder = clips::scratch();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let played = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed) as u64;
                    if seed >= FILES {
                        break;
                    }
                    let path = folder.path().join(format!("{seed}-{name}"));
                    std::fs::write(&path, damaged(&whole, seed)).unwrap();
                    match survive(&path, seed) {
                        Ok(true) => drop(played.fetch_add(1, Ordering::Relaxed)),
                        Ok(false) => {}
                        Err(what) => failures.lock().unwrap().push(format!("{name}, seed {seed}: {what}")),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Some damage leaves much to play: a program that refused all of it would be no use.
    let played = played.into_inner();
    assert!(played * 4 >= FILES as usize, "{name}: only {played} of {FILES} gave something");
}

/// Whether the file gave a result; an error is what must not be.
fn survive(path: &Path, seed: u64) -> Result<bool, String> {
    let line =
        if seed % 4 == 3 { "-v warning -i {} -c copy -f mpegts -" } else { "-v warning -i {} -f md5 -" };
    let line = if line.contains("copy") && path.extension().is_some_and(|end| end == "wav") {
        "-v warning -i {} -c copy -f wav -"
    } else {
        line
    };
    let run = Running::start(brooklet().args(words(line, &[path])).env_remove("RUST_BACKTRACE"));
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.finish(TIME)))
        .map_err(|_| format!("it took longer than {TIME:?}"))?;
    let lines = run.stderr.lines().count();
    let clear = run.stderr.lines().all(|line| !line.is_empty() && line.len() < 400);
    let wrong = match run.status.code() {
        None => Some(format!("{}", run.status)),
        Some(0) => None,
        Some(1) if run.stderr.lines().any(|line| line.starts_with("brooklet: ")) => None,
        Some(code) => Some(format!("exit code {code}")),
    };
    let wrong = wrong
        .or_else(|| run.stderr.contains("panicked").then(|| "a panic".to_owned()))
        .or_else(|| run.stderr.contains("bug").then(|| "a bug".to_owned()))
        .or_else(|| (lines > 20 || !clear).then(|| format!("{lines} lines, or not clear")))
        .or_else(|| (run.peak_memory > MEMORY).then(|| format!("{} MB", run.peak_memory >> 20)));
    match wrong {
        Some(wrong) => Err(format!("{wrong}\n{}", run.stderr.chars().take(2_000).collect::<String>())),
        None => Ok(run.status.success()),
    }
}

/// A copy with a part missing, bits flipped, or a number made large, by `seed`.
fn damaged(whole: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut bytes = whole.to_vec();
    match seed % 5 {
        0 => bytes.truncate(random.below(whole.len())),
        1 => flip(&mut bytes, &mut random, 1),
        2 => flip(&mut bytes, &mut random, 200),
        3 => {
            // A length, count or offset that claims anything; half of them near the start, where headers are.
            for _ in 0..4 {
                let reach = if random.below(2) == 0 { bytes.len().min(2_000) } else { bytes.len() };
                let place = random.below(reach.saturating_sub(4));
                let forged = [u32::MAX, 0, 0x7fff_ffff, 0x00ff_ffff, 1][random.below(5)];
                bytes[place..place + 4].copy_from_slice(&forged.to_be_bytes());
            }
        }
        _ => {
            let start = random.below(bytes.len());
            let end = (start + random.below(3_000)).min(bytes.len());
            bytes.drain(start..end);
        }
    }
    bytes
}

fn flip(bytes: &mut [u8], random: &mut Random, count: usize) {
    for _ in 0..count {
        let place = random.below(bytes.len());
        bytes[place] ^= 1 << random.below(8);
    }
}

/// SplitMix64: the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}
