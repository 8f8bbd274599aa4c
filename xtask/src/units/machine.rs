//! A virtual machine of Debian 12, whose disk is made anew for each run from a folder that is made once.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::PATIENCE;
use crate::shell::{Outcome, root, run, succeeds, target, write};

const SUITE: &str = "bookworm";
const PACKAGES: &str = "iproute2,kmod,linux-image-amd64,openssl,systemd,systemd-sysv,udev";

/// Files in it: the network, and a shell on a port that only this machine reaches.
const FILES: [(&str, &str); 3] = [
    ("etc/systemd/network/all.network", "[Match]\nName=e*\n[Network]\nDHCP=yes\n"),
    (
        "etc/systemd/system/shell.socket",
        "[Socket]\nListenStream=2222\nAccept=yes\n[Install]\nWantedBy=sockets.target\n",
    ),
    (
        "etc/systemd/system/shell@.service",
        "[Service]\nExecStart=/bin/bash\nStandardInput=socket\nStandardOutput=socket\nEnvironment=HOME=/root\n",
    ),
];

/// How it is run, and how long its boot may take: some machines have /dev/kvm and yet can't run a usual kernel by it.
const WAYS: [(&str, &[&str], Duration); 2] = [
    ("by KVM", &["-enable-kvm", "-cpu", "host"], Duration::from_secs(40)),
    ("emulated", &["-accel", "tcg", "-cpu", "Nehalem"], Duration::from_secs(180)),
];

/// The longest that a machine may run, whatever becomes of who started it, seconds.
const LIFE: &str = "900";

/// One that runs. Dropping it ends it.
pub(super) struct Machine {
    qemu: Child,
    shell: u16,
    /// The port of ours that is its port 1935.
    pub(super) rtmp: u16,
    /// For a person.
    pub(super) how: &'static str,
}

impl Machine {
    /// Makes its disk, starts it, and waits for its shell.
    pub(super) fn boot() -> Outcome<Self> {
        let folder = target().join("units");
        let disk = make_disk(&folder)?;
        for (how, words, patience) in WAYS {
            let (shell, rtmp) = (free_port()?, free_port()?);
            let mut machine = Self { qemu: start(&folder, &disk, words, [shell, rtmp])?, shell, rtmp, how };
            if machine.is_up(patience) {
                return Ok(machine);
            }
            eprintln!("it does not come up {how}");
        }
        Err(format!("the machine does not boot; {} has its console", folder.join("console.log").display()))
    }

    fn is_up(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while Instant::now() < until && matches!(self.qemu.try_wait(), Ok(None)) {
            if self.ask("echo up", Duration::from_secs(5)).is_ok_and(|said| said == "up") {
                return true;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        false
    }

    /// What a line for its shell says, without white space around it.
    pub(super) fn tell(&self, line: &str) -> Outcome<String> {
        self.ask(line, PATIENCE)
    }

    /// Asks until the answer is as it should be.
    pub(super) fn expect(&self, what: &str, line: &str, is_so: impl Fn(&str) -> bool) -> Outcome {
        let until = Instant::now() + PATIENCE;
        loop {
            let said = self.tell(line)?;
            if is_so(&said) {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("{what}: not so, but '{said}'"));
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn ask(&self, line: &str, patience: Duration) -> Outcome<String> {
        let asked = || {
            let mut socket = TcpStream::connect(("127.0.0.1", self.shell))?;
            socket.set_read_timeout(Some(patience))?;
            writeln!(socket, "{line}")?;
            socket.shutdown(Shutdown::Write)?;
            let mut said = String::new();
            socket.read_to_string(&mut said)?;
            std::io::Result::Ok(said)
        };
        asked().map(|said| said.trim().into()).map_err(|error| format!("{line}: {error}"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Not killed: `timeout` hands this on, and would leave the machine running otherwise.
        succeeds(Command::new("kill").arg(self.qemu.id().to_string()));
        let _ = self.qemu.wait();
    }
}

/// The disk, with the program and the units as they are now.
fn make_disk(folder: &Path) -> Outcome<PathBuf> {
    let (inside, ready, disk) = (folder.join("root"), folder.join("ready"), folder.join("disk.img"));
    if !ready.exists() {
        if inside.exists() {
            fs::remove_dir_all(&inside).map_err(|error| format!("{}: {error}", inside.display()))?;
        }
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let include = format!("--include={PACKAGES}");
        run(Command::new("debootstrap").args(["--variant=minbase", &include, SUITE]).arg(&inside))?;
        for (name, text) in FILES {
            write(&inside.join(name), text)?;
        }
        run(Command::new("chroot").arg(&inside).args([
            "systemctl",
            "enable",
            "shell.socket",
            "systemd-networkd",
        ]))?;
        write(&ready, SUITE)?;
    }
    let dist = inside.join("root/dist");
    fs::create_dir_all(&dist).map_err(|error| format!("{}: {error}", dist.display()))?;
    let program = target().join("debug/brooklet");
    // Without what debuggers read it is a third as large.
    if !succeeds(Command::new("strip").arg("-o").arg(dist.join("brooklet")).arg(&program)) {
        run(Command::new("cp").arg(&program).arg(&dist))?;
    }
    let units = ["camera", "server"].map(|name| root().join(format!("dist/brooklet-{name}.service")));
    run(Command::new("cp").args(units).arg(&dist))?;
    let _ = fs::remove_file(&disk);
    run(Command::new("mke2fs").args(["-q", "-t", "ext4", "-d"]).arg(&inside).arg(&disk).arg("2G"))?;
    Ok(disk)
}

fn start(folder: &Path, disk: &Path, how: &[&str], [shell, rtmp]: [u16; 2]) -> Outcome<Child> {
    let boot = folder.join("root/boot");
    let find = |name: &str| {
        let files = fs::read_dir(&boot).into_iter().flatten().flatten().map(|file| file.path());
        let mut named = files.filter(|path| path.to_string_lossy().contains(name));
        named.next().ok_or_else(|| format!("{} has no {name}", boot.display()))
    };
    let forward = |ours: u16, its: u16| format!("hostfwd=tcp:127.0.0.1:{ours}-:{its}");
    let network = format!("user,id=n,{},{}", forward(shell, 2222), forward(rtmp, 1935));
    let mut qemu = Command::new("timeout");
    qemu.args([LIFE, "qemu-system-x86_64", "-smp", "1", "-m", "1024", "-no-reboot"]).args(how);
    qemu.arg("-kernel").arg(find("vmlinuz-")?).arg("-initrd").arg(find("initrd.img-")?);
    qemu.args(["-append", "root=/dev/vda rw console=ttyS0 quiet mitigations=off"]);
    qemu.arg("-drive").arg(format!("file={},if=virtio,format=raw,cache=unsafe", disk.display()));
    qemu.args([
        "-netdev",
        &network,
        "-device",
        "virtio-net-pci,netdev=n",
        "-display",
        "none",
        "-monitor",
        "none",
    ]);
    qemu.arg("-serial").arg(format!("file:{}", folder.join("console.log").display()));
    let quiet = qemu.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().map_err(|error| format!("qemu-system-x86_64: {error}"))
}

/// A port of this machine that nobody has.
fn free_port() -> Outcome<u16> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|error| format!("a free port: {error}"))
}
