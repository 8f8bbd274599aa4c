//! What builds a program: the targets that rustup has installed, or Debian's packages in a folder of their own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::debian::Debian;
use super::{Platform, Profile};
use crate::shell::{self, Outcome, cargo, target};

/// A processor without an operating system, with floating point: that of many microcontrollers.
const BARE: &str = "thumbv7em-none-eabihf";

/// Systems that the program is kept compiling for, untested.
const FOREIGN: [&str; 2] = ["aarch64-apple-darwin", "x86_64-pc-windows-msvc"];
/// What of it: all that knows a system, without the codecs and ciphers that take long.
const FOREIGN_FEATURES: &str = "stream,voice,server,window";

/// One that is ready.
pub(crate) enum Toolchain {
    /// The cargo that runs us has the target's standard library, built or as source.
    Installed,
    /// Debian's rustc, in its folder.
    Debian(Debian),
}

impl Toolchain {
    /// One for a platform: rustup's with the source of the standard library (`rust-src`), Debian's, or rustup's with that
    /// library as it comes. The packaged one is installed by this, which takes minutes.
    pub(crate) fn find(platform: &Platform) -> Outcome<Self> {
        let is_installed = has_library(platform.triple) && has_linker(platform);
        if is_installed && has_source() {
            return Ok(Self::Installed);
        }
        match Debian::prepare() {
            Ok(debian) => Ok(Self::Debian(debian)),
            Err(error) if is_installed => {
                eprintln!(
                    "the program will be larger than it need be (rustup component add rust-src): {error}"
                );
                Ok(Self::Installed)
            }
            Err(error) => Err(format!(
                "{}: rustup has no such target here (rustup target add {0}), and {error}",
                platform.triple
            )),
        }
    }

    /// Checks that packages need no operating system, for a target that has none. One for another target serves, where it
    /// can make a `core`.
    pub(crate) fn check_bare(&self, packages: &[&str]) -> Outcome {
        match self {
            Self::Debian(debian) => debian.check_bare(BARE, packages),
            Self::Installed if has_library(BARE) => {
                let mut check = cargo(["check", "--no-default-features", "--target", BARE]);
                shell::run(check.args(packages.iter().flat_map(|package| ["--package", package])))
            }
            Self::Installed => {
                eprintln!(
                    "not checked for {BARE}: rustup has no such target here (rustup target add {BARE})"
                );
                Ok(())
            }
        }
    }

    /// Checks that the program compiles for systems that it is not built for, likewise.
    pub(crate) fn check_foreign(&self) -> Outcome {
        for triple in FOREIGN {
            match self {
                Self::Debian(debian) => debian.check_foreign(triple, FOREIGN_FEATURES)?,
                Self::Installed if has_library(triple) => {
                    let mut check = cargo(["check", "--package", "brooklet-cli", "--no-default-features"]);
                    shell::run(check.args(["--features", FOREIGN_FEATURES, "--target", triple]))?;
                }
                Self::Installed => eprintln!("not checked for {triple}: rustup has no such target here"),
            }
        }
        Ok(())
    }

    /// Builds, and says where the program is.
    pub(crate) fn build(&self, platform: &Platform, profile: &Profile) -> Outcome<PathBuf> {
        match self {
            Self::Debian(debian) => debian.build(platform, profile),
            Self::Installed => {
                let mut build = cargo(["build", "--package", "brooklet-cli", "--no-default-features"]);
                build.args(["--features", profile.features(platform), "--profile", profile.cargo()]);
                build.args(["--target", platform.triple]);
                if has_source() {
                    build.args(profile.library());
                }
                let linker = linker_folder().map(|folder| linker_flags(&folder)).unwrap_or_default();
                let flags = format!("{} {linker}", profile.rust_flags(platform));
                build.env("RUSTFLAGS", flags).env("RUSTC_BOOTSTRAP", "1");
                if !platform.is_native() {
                    build.env(linker_variable(platform), format!("{}-gcc", platform.gnu));
                }
                shell::run(&mut build)?;
                Ok(target().join(platform.triple).join(profile.cargo()).join("brooklet"))
            }
        }
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed => f.write_str("the installed toolchain"),
            Self::Debian(debian) => write!(f, "Debian's packaged toolchain in {}", debian.folder.display()),
        }
    }
}

/// How cargo is told which program links for a platform.
pub(super) fn linker_variable(platform: &Platform) -> String {
    format!("CARGO_TARGET_{}_LINKER", platform.triple.to_uppercase().replace('-', "_"))
}

/// What rustc is told so that LLVM's linker links, which is in a folder that the compilers for other processors don't know: it
/// keeps one of functions that came out alike.
pub(super) fn linker_flags(folder: &Path) -> String {
    let folder = folder.display();
    format!("-C link-arg=-B{folder} -C link-arg=-fuse-ld=lld -C link-arg=-Wl,--icf=all")
}

/// Where rustup has that linker.
fn linker_folder() -> Option<PathBuf> {
    let host = rustc_says("host-tuple")?;
    in_sysroot(&format!("{host}/bin/gcc-ld"))
}

fn has_library(triple: &str) -> bool {
    in_sysroot(&format!("{triple}/lib")).is_some()
}

fn has_source() -> bool {
    in_sysroot("src/rust/library").is_some()
}

/// A folder of the toolchain, below that of what it compiles for, where there is one.
fn in_sysroot(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(rustc_says("sysroot")?).join("lib/rustlib").join(folder);
    path.is_dir().then_some(path)
}

/// What rustc prints of itself.
fn rustc_says(what: &str) -> Option<String> {
    let said = Command::new("rustc").args(["--print", what]).output().ok()?;
    said.status.success().then(|| String::from_utf8_lossy(&said.stdout).trim().to_string())
}

fn has_linker(platform: &Platform) -> bool {
    platform.is_native() || shell::succeeds(Command::new(format!("{}-gcc", platform.gnu)).arg("--version"))
}
