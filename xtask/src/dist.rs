//! `cargo xtask dist`: programs for devices, each packed with what belongs to it, and run before it is believed.
//!
//! | file | holds |
//! |---|---|
//! | `profile` | what is in a program: features, and how large it may be |
//! | `platform` | what it runs on, and by which emulator it runs here |
//! | `toolchain` | what builds it: rustup's targets, or Debian's packages |
//! | `debian` | the folder that Debian's packages live in |
//! | `pack` | the archive |
//! | `licences` | whose work is inside, and under which terms |
//! | `sizes` | which crate takes how much |

mod debian;
mod licences;
mod pack;
mod platform;
mod profile;
mod sizes;
mod toolchain;

use std::path::PathBuf;

pub(crate) use platform::Platform;
pub(crate) use profile::Profile;

use crate::shell::{Outcome, target};
use toolchain::Toolchain;

/// Builds, checks and packs: `[--target T]… [--profile P]…`, all of them where none is named. Fails in the end, when all are
/// packed, where one is larger than its profile allows.
pub(crate) fn run(words: &[&str]) -> Outcome {
    let mut too_large = Vec::new();
    each(words, |platform, profile| {
        let program = build(platform, profile)?;
        too_large.extend(pack::pack(&program, platform, profile)?);
        Ok(())
    })?;
    pack::write_checksums()?;
    if too_large.is_empty() { Ok(()) } else { Err(too_large.join("; ")) }
}

/// Does something for each program that `words` name.
pub(crate) fn each(
    words: &[&str],
    mut work: impl FnMut(&'static Platform, &'static Profile) -> Outcome,
) -> Outcome {
    let (platforms, profiles) = wanted(words)?;
    let mut programs =
        platforms.into_iter().flat_map(|platform| profiles.iter().map(move |profile| (platform, *profile)));
    programs.try_for_each(|(platform, profile)| work(platform, profile))
}

/// Builds one program, checks what is in it, and runs it once. It still has its symbols.
pub(crate) fn build(platform: &'static Platform, profile: &'static Profile) -> Outcome<PathBuf> {
    profile.check_tree(platform)?;
    let toolchain = Toolchain::find(platform)?;
    eprintln!("\n{} {} by {toolchain}", platform.triple, profile.name);
    let program = toolchain.build(platform, profile)?;
    platform.try_out(&program)?;
    Ok(program)
}

/// Makes ready what builds for a platform: minutes, where it must be installed first.
pub(crate) fn find_toolchain(platform: &Platform) -> Outcome {
    Toolchain::find(platform).map(drop)
}

/// Checks that no program has C in it, whatever it is built for.
pub(crate) fn check_trees() -> Outcome {
    eprintln!("\n== no C in any program");
    platform::ALL
        .iter()
        .try_for_each(|platform| profile::ALL.iter().try_for_each(|profile| profile.check_tree(platform)))
}

/// Checks that packages need no operating system, by the toolchain that builds for `platform`.
pub(crate) fn check_bare(platform: &'static Platform, packages: &[&str]) -> Outcome {
    Toolchain::find(platform)?.check_bare(packages)
}

/// Checks that the program compiles for systems that it is not built for, by the same toolchain.
pub(crate) fn check_foreign(platform: &'static Platform) -> Outcome {
    Toolchain::find(platform)?.check_foreign()
}

/// Where archives and what they are made from go.
pub(crate) fn folder() -> PathBuf {
    target().join("dist")
}

type Wanted = (Vec<&'static Platform>, Vec<&'static Profile>);

fn wanted(words: &[&str]) -> Outcome<Wanted> {
    let (mut platforms, mut profiles) = (Vec::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} takes a value"))?;
        match *word {
            "--target" => platforms.push(Platform::named(value)?),
            "--profile" => profiles.push(Profile::named(value)?),
            _ => return Err(format!("a program is named by --target and --profile, not {word}")),
        }
    }
    if platforms.is_empty() {
        platforms.extend(&platform::ALL);
    }
    if profiles.is_empty() {
        profiles.extend(&profile::ALL);
    }
    Ok((platforms, profiles))
}
