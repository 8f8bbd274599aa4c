//! What a program runs on, and by which emulator it runs here.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::debian;
use crate::shell::{self, Outcome, succeeds};

/// A target of rustc's.
pub(crate) struct Platform {
    /// rustc's name for it.
    pub(crate) triple: &'static str,
    /// What the names of GNU's tools for it begin with.
    pub(crate) gnu: &'static str,
    /// qemu's name of its processor, where it is not our own.
    qemu: Option<&'static str>,
    /// Whether the program needs no library of the system, and so can load none: no window.
    pub(crate) is_static: bool,
    /// What rustc is told for it.
    pub(crate) rust_flags: &'static str,
}

/// All that `dist` makes programs for.
pub(crate) static ALL: [Platform; 4] = [
    Platform {
        triple: "x86_64-unknown-linux-gnu",
        gnu: "x86_64-linux-gnu",
        qemu: None,
        is_static: false,
        rust_flags: "",
    },
    Platform {
        triple: "aarch64-unknown-linux-gnu",
        gnu: "aarch64-linux-gnu",
        qemu: Some("aarch64"),
        is_static: false,
        rust_flags: "",
    },
    Platform {
        triple: "armv7-unknown-linux-gnueabihf",
        gnu: "arm-linux-gnueabihf",
        qemu: Some("arm"),
        is_static: false,
        // Instructions of 16 bits where they do.
        rust_flags: "-C target-feature=+thumb-mode",
    },
    Platform {
        triple: "x86_64-unknown-linux-musl",
        gnu: "x86_64-linux-gnu",
        qemu: None,
        is_static: true,
        rust_flags: "",
    },
];

impl Platform {
    /// The one of this name.
    pub(crate) fn named(triple: &str) -> Outcome<&'static Self> {
        let names = || ALL.iter().map(|platform| platform.triple).collect::<Vec<_>>().join(", ");
        ALL.iter()
            .find(|platform| platform.triple == triple)
            .ok_or_else(|| format!("no target '{triple}'; there are {}", names()))
    }

    /// Whether programs for it run here as they are.
    pub(crate) fn is_native(&self) -> bool {
        self.triple.starts_with(std::env::consts::ARCH)
    }

    /// The command that runs a program built for it.
    pub(crate) fn runner(&self, program: &Path) -> Command {
        let words = self.run_words(program);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }

    /// A script that runs the program as if it were ours: what the tests of the whole program start.
    pub(crate) fn write_script(&self, program: &Path) -> Outcome<PathBuf> {
        let path = super::folder().join(format!("brooklet-{}", self.triple));
        let words: Vec<String> = self.run_words(program).iter().map(|word| format!("'{word}'")).collect();
        let script = format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "));
        shell::write(&path, &script)?;
        shell::run(Command::new("chmod").arg("+x").arg(&path))?;
        Ok(path)
    }

    /// Runs the program once: what does not start is not packed.
    pub(crate) fn try_out(&self, program: &Path) -> Outcome {
        if let Some(emulator) = self.emulator()
            && !succeeds(Command::new(&emulator).arg("-version"))
        {
            return Err(format!("{emulator} is not installed: apt-get install qemu-user-static"));
        }
        shell::run(self.runner(program).arg("-version"))
    }

    fn run_words(&self, program: &Path) -> Vec<String> {
        let program = program.display().to_string();
        let Some(emulator) = self.emulator() else { return vec![program] };
        vec![emulator, "-L".into(), self.sysroot().display().to_string(), program]
    }

    fn emulator(&self) -> Option<String> {
        Some(format!("qemu-{}-static", self.qemu.filter(|_| !self.is_native())?))
    }

    /// Where its C library is: the system's own, or that of the packaged toolchain.
    fn sysroot(&self) -> PathBuf {
        let own = PathBuf::from("/usr").join(self.gnu);
        if own.is_dir() { own } else { debian::folder().join("usr").join(self.gnu) }
    }
}
