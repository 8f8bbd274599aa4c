//! Debian's packaged toolchain, in a folder of its own: for machines where rustup can't fetch targets.
//!
//! The folder is a small Debian of its own (`debootstrap`), so nothing of it touches the system. What cargo needs is vendored
//! from outside. Debian has the standard library for some targets; for others it is built from the packaged source.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::toolchain::{linker_flags, linker_variable};
use super::{Platform, Profile};
use crate::peers::as_root;
use crate::shell::{self, Outcome, cargo, root, write};

/// The release whose packages these are.
const SUITE: &str = "bookworm";

/// rustc for all platforms, linkers and C libraries.
const PACKAGES: [&str; 15] = [
    "binutils-aarch64-linux-gnu",
    "binutils-arm-linux-gnueabihf",
    "cargo-web",
    "gcc",
    "gcc-aarch64-linux-gnu",
    "gcc-arm-linux-gnueabihf",
    "libc6-dev-arm64-cross",
    "libc6-dev-armhf-cross",
    "libstd-rust-web-dev",
    "libstd-rust-web-dev:arm64",
    "libunwind-14-dev",
    "lld",
    "musl-tools",
    "rust-web-src",
    "rustc-web",
];

/// The project and what it is built from, inside.
const BUILD: &str = "build";

/// Where LLVM's linker alone is, inside.
const LINKER: &str = "/build/lld";

/// What cargo inside is told: everything is there already.
const CONFIG: &str =
    "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"/build/vendor\"\n";

/// The folder, ready to build in.
pub(crate) struct Debian {
    pub(crate) folder: PathBuf,
}

/// Where it is.
pub(super) fn folder() -> PathBuf {
    super::folder().join("debian")
}

impl Debian {
    /// Makes the folder where it is not there yet, and brings the project and its dependencies into it.
    pub(super) fn prepare() -> Outcome<Self> {
        let debian = Self { folder: folder() };
        let ready = debian.folder.join("ready");
        if !ready.exists() {
            debian.install()?;
            write(&ready, SUITE)?;
        }
        // Once for all that this run of ours builds.
        static BROUGHT: OnceLock<Outcome> = OnceLock::new();
        BROUGHT.get_or_init(|| debian.bring_project()).clone()?;
        Ok(debian)
    }

    /// Builds inside; says where the program is, seen from outside.
    pub(super) fn build(&self, platform: &Platform, profile: &Profile) -> Outcome<PathBuf> {
        let mut build = self.inside();
        build.arg(format!("{}={}", linker_variable(platform), linker(platform)));
        let flags = if platform.is_static { self.static_flags()? } else { String::new() };
        let lld = linker_flags(Path::new(LINKER));
        build.arg(format!("RUSTFLAGS={} {lld} {flags}", profile.rust_flags(platform)));
        build.args(["RUSTC_BOOTSTRAP=1", "cargo", "build", "--offline", "--config", "/build/config.toml"]);
        build.args(["--manifest-path", "/build/src/Cargo.toml", "--target-dir", "/build/target"]);
        build.args(["--package", "brooklet-cli", "--no-default-features"]);
        build.args(["--features", profile.features(platform), "--profile", profile.cargo()]);
        build.args(["--target", platform.triple]);
        shell::run(build.args(profile.library()))?;
        let products = self.folder.join(BUILD).join("target").join(platform.triple);
        Ok(products.join(profile.cargo()).join("brooklet"))
    }

    /// Checks packages for a bare target: that they need no operating system.
    pub(crate) fn check_bare(&self, triple: &str, packages: &[&str]) -> Outcome {
        let mut check = self.check(triple);
        check.arg("-Zbuild-std=core,alloc");
        shell::run(check.args(packages.iter().flat_map(|package| ["--package", package])))
    }

    /// Checks that the program compiles for a system that it is not built for.
    pub(crate) fn check_foreign(&self, triple: &str, features: &str) -> Outcome {
        let mut check = self.check(triple);
        check.args(["-Zbuild-std=std,panic_abort,panic_unwind", "--package", "brooklet-cli"]);
        shell::run(check.args(["--features", features]))
    }

    fn check(&self, triple: &str) -> Command {
        let mut check = self.inside();
        check.args(["RUSTC_BOOTSTRAP=1", "cargo", "check", "--offline", "--config", "/build/config.toml"]);
        check.args(["--manifest-path", "/build/src/Cargo.toml", "--target-dir", "/build/target"]);
        check.args(["--target", triple, "--no-default-features"]);
        check
    }

    /// A command inside the folder; what follows is variables, then words.
    fn inside(&self) -> Command {
        let mut command = as_root("chroot");
        // A wrapper of the compiler outside is not there inside.
        command.arg(&self.folder).args([
            "env",
            "-u",
            "RUSTC_WRAPPER",
            "HOME=/root",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        ]);
        command
    }

    fn install(&self) -> Outcome {
        let there = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        if !there.contains(&format!("VERSION_CODENAME={SUITE}")) {
            return Err(format!(
                "Debian's packaged toolchain is that of Debian 12 ({SUITE}), which this is not"
            ));
        }
        if !self.folder.join("etc/debian_version").exists() {
            let bootstrap = ["--variant=minbase", SUITE];
            shell::run(as_root("debootstrap").args(bootstrap).arg(&self.folder))?;
        }
        // The system's own sources, so that packages come from where it has them from. Its security updates have no index
        // for some architectures, and only these two are needed.
        let restricted = "for f in /etc/apt/sources.list.d/debian.sources; do [ -f $f ] && sed 's/^Types:/Architectures: amd64 \
                          arm64\\nTypes:/' $f; done";
        let copy = format!(
            "({restricted}) > {0}/etc/apt/sources.list.d/debian.sources; cp -f /etc/apt/sources.list {0}/etc/apt/ 2>/dev/null; \
             : > {0}/etc/apt/sources.list.d/none.list; cp /etc/resolv.conf {0}/etc/; \
             cp -r /etc/apt/apt.conf.d/. {0}/etc/apt/apt.conf.d/",
            self.folder.display()
        );
        shell::run(as_root("sh").args(["-c", &copy]))?;
        shell::run(self.inside().args(["dpkg", "--add-architecture", "arm64"]))?;
        shell::run(self.inside().args(["apt-get", "update", "-q"]))?;
        let install =
            ["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y", "--no-install-recommends"];
        shell::run(self.inside().args(install).args(PACKAGES))?;
        let place = format!("mkdir -p {LINKER} && ln -sf /usr/bin/ld.lld {LINKER}/");
        shell::run(self.inside().args(["sh", "-c", &place]))
    }

    /// The files that git knows, as they are now, and all crates that they name, those of the standard library too.
    fn bring_project(&self) -> Outcome {
        let build = self.folder.join(BUILD);
        let bring = format!(
            "rm -rf {0}/src && mkdir -p {0}/src && git ls-files -z | tar -c --null -T - | tar -x -C {0}/src",
            build.display()
        );
        shell::run(as_root("sh").args(["-c", &bring]).current_dir(root()))?;
        let library = self.folder.join("usr/lib/rustlib/src/rust/library/Cargo.toml");
        let library = if library.exists() { library } else { self.library()? };
        let mut vendor = cargo(["vendor", "--quiet", "--versioned-dirs", "--sync"]);
        vendor.arg(library).arg(build.join("vendor")).env("RUSTC_BOOTSTRAP", "1");
        shell::run(vendor.stdout(std::process::Stdio::null()))?;
        write(&build.join("config.toml"), CONFIG)
    }

    /// The source of the standard library: `rust-src`'s link is absolute in some versions, and leads out of the folder.
    fn library(&self) -> Outcome<PathBuf> {
        let sources = self.folder.join("usr/src");
        let entries =
            std::fs::read_dir(&sources).map_err(|error| format!("{}: {error}", sources.display()))?;
        let manifests = entries.flatten().map(|entry| entry.path().join("library/Cargo.toml"));
        manifests
            .into_iter()
            .find(|manifest| manifest.exists())
            .ok_or_else(|| format!("{}: no source of the standard library", sources.display()))
    }

    /// A static program takes LLVM's unwinder, alone in its folder: gcc's needs glibc. Before it aborts this one says why by a
    /// function of glibc's, so there it just aborts.
    fn static_flags(&self) -> Outcome<String> {
        let place = "/build/unwind";
        let alone = format!(
            "mkdir -p {place} && cp $(find /usr/lib -name libunwind.a | grep llvm | head -n 1) {place}/"
        );
        shell::run(self.inside().args(["sh", "-c", &alone]))?;
        // `musl-gcc` knows no static programs that may lie anywhere in memory, and names a loader for every program.
        Ok(format!(
            "-C link-self-contained=no -C target-feature=+crt-static -C relocation-model=static \
             -C link-arg=-Wl,--no-dynamic-linker -C link-arg=-Wl,--defsym=__fprintf_chk=abort -L native={place}"
        ))
    }
}

fn linker(platform: &Platform) -> String {
    if platform.is_static { "musl-gcc".into() } else { format!("{}-gcc", platform.gnu) }
}
