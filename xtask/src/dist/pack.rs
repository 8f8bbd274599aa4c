//! The archive: the program without its symbols, and what belongs to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Platform, Profile, folder, licences, sizes};
use crate::shell::{self, Outcome, root, write};

/// Files of the project that go along, and where.
const ALONG: [(&str, &str); 5] = [
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("dist", "systemd"),
];

/// Completions by shell, under the names that these shells look for.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "brooklet.bash"), ("zsh", "_brooklet"), ("fish", "brooklet.fish")];

/// Packs a program that has just been built; says so where it is larger than its profile allows.
pub(super) fn pack(program: &Path, platform: &Platform, profile: &Profile) -> Outcome<Option<String>> {
    let name = format!("brooklet-{}-{}-{}", env!("CARGO_PKG_VERSION"), platform.triple, profile.name);
    let place = folder().join(&name);
    let _ = std::fs::remove_dir_all(&place);
    for inner in ["man", "completions"] {
        let inner = place.join(inner);
        std::fs::create_dir_all(&inner).map_err(|error| format!("{}: {error}", inner.display()))?;
    }
    let packed = place.join("brooklet");
    strip(program, &packed, platform)?;
    let size = std::fs::metadata(&packed).map_err(|error| format!("{}: {error}", packed.display()))?.len();
    for (from, to) in ALONG {
        shell::run(Command::new("cp").arg("-r").arg(root().join(from)).arg(place.join(to)))?;
    }
    keep(&platform.runner(&packed), &["man"], &place.join("man/brooklet.1"))?;
    for (shell, file) in COMPLETIONS {
        keep(&platform.runner(&packed), &["completions", shell], &place.join("completions").join(file))?;
    }
    write(&place.join("LICENCES.txt"), &licences::text(platform, profile)?)?;
    let report = sizes::report(program, &format!("{name}: {}\n{size} bytes", profile.what))?;
    write(&place.join("SIZES.txt"), &report)?;
    archive(&name)?;
    let most = profile.most(platform);
    eprintln!("{name}.tar.gz: a program of {:.2} MB, at most {:.1}", mega(size), mega(most));
    Ok((size > most).then(|| format!("{name}: {size} bytes, more than the {most} that it may have")))
}

/// Checksums of all archives that are there.
pub(super) fn write_checksums() -> Outcome {
    let sums = "sha256sum brooklet-*.tar.gz > SHA256SUMS && cat SHA256SUMS";
    shell::run(Command::new("sh").args(["-c", sums]).current_dir(folder()))
}

/// The same bytes for the same program, whoever packs it and when.
fn archive(name: &str) -> Outcome {
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"]);
    tar.args(["--use-compress-program=gzip -n -9", "-cf"]).arg(format!("{name}.tar.gz")).arg(name);
    shell::run(tar.current_dir(folder()))
}

/// A copy without symbols, by whichever tool knows the platform.
fn strip(program: &Path, packed: &Path, platform: &Platform) -> Outcome {
    let gnu = format!("{}-strip", platform.gnu);
    let inside = super::debian::folder().join("usr/bin").join(&gnu);
    let tools = [PathBuf::from(&gnu), inside, "llvm-strip".into(), "rust-strip".into()];
    let works =
        |tool: &&PathBuf| shell::succeeds(Command::new(tool.as_path()).arg("-o").arg(packed).arg(program));
    match tools.iter().find(works) {
        Some(_) => Ok(()),
        None => {
            Err(format!("nothing here strips programs for {}: apt-get install binutils", platform.triple))
        }
    }
}

/// What a run of the program prints, in a file.
fn keep(runner: &Command, words: &[&str], file: &Path) -> Outcome {
    let mut command = Command::new(runner.get_program());
    let said = command.args(runner.get_args()).args(words).output();
    let said = said.map_err(|error| format!("{}: {error}", file.display()))?;
    if !said.status.success() || said.stdout.is_empty() {
        return Err(format!("brooklet {}: {}", words.join(" "), said.status));
    }
    std::fs::write(file, said.stdout).map_err(|error| format!("{}: {error}", file.display()))
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
