//! `cargo xtask units`: the units of `dist/` under a running systemd, with the kernel's virtual camera (vivid), in a virtual machine
//! of Debian 12. They are installed as the comments at their heads say.
//!
//! | file | holds |
//! |---|---|
//! | `machine` | the machine: its disk, its boot, and a shell in it |

mod machine;

use std::process::Command;
use std::time::{Duration, Instant};

use crate::peers::{install_named, is_root};
use crate::shell::{Outcome, cargo, run};
use machine::Machine;

const PEERS: [&str; 4] = ["debootstrap", "e2fsprogs", "ffmpeg", "qemu-system-x86"];

/// The longest that anything may take in the machine, which may be an emulated one.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest that a unit may take to stop.
const QUICKLY: Duration = Duration::from_secs(15);

/// Pictures that ffmpeg is to decode.
const PICTURES: usize = 10;

/// In the place of the units' own, so that a machine that is emulated keeps up and nobody waits a minute: the size, and
/// after how long something that hangs is started anew.
const SMALLER: [(&str, &str); 2] = [("1280x720", "320x180"), ("WatchdogSec=60", "WatchdogSec=10")];

/// Runs it all.
pub(crate) fn run_units() -> Outcome {
    if std::env::consts::ARCH != "x86_64" || !is_root() {
        eprintln!("NOT RUN: it takes root, for debootstrap, on x86_64");
        return Ok(());
    }
    install_named(&PEERS)?;
    run(&mut cargo(["build", "--package", "brooklet-cli"]))?;
    let started = Instant::now();
    let machine = Machine::boot()?;
    eprintln!("it runs after {:.0} s, {}", started.elapsed().as_secs_f64(), machine.how);
    let outcome = try_units(&machine);
    if outcome.is_err() {
        eprintln!("{}", machine.tell("journalctl -b --no-pager -u 'brooklet-*' | tail -n 60")?);
    }
    outcome?;
    eprintln!("the units held; {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn try_units(machine: &Machine) -> Outcome {
    machine.tell("modprobe vivid node_types=1 num_inputs=1 input_types=0")?;
    install(machine, "server")?;
    let token = machine.tell(". /etc/brooklet-server; printf %s $TOKEN")?;
    let url = format!("rtmp://127.0.0.1/live/key?token={token}");
    machine.tell(&format!("sed -i 's|rtmp://host/live/key|{url}|' /root/dist/brooklet-camera.service"))?;
    for (own, ours) in SMALLER {
        machine.tell(&format!("sed -i 's/{own}/{ours}/' /root/dist/brooklet-camera.service"))?;
    }
    install(machine, "camera")?;
    machine.expect("the server has the stream", &status("server"), |line| line.starts_with("1 streams"))?;
    arrives(machine)?;
    refused(machine)?;

    eprintln!("the server goes away and comes back");
    let process = machine.tell(&show("camera", "MainPID"))?;
    machine.tell("systemctl stop brooklet-server")?;
    stopped(machine, "server")?;
    std::thread::sleep(Duration::from_secs(3));
    machine.tell("systemctl start brooklet-server")?;
    machine.expect("the stream is back", &status("server"), |line| line.starts_with("1 streams"))?;

    eprintln!("the camera is unplugged and comes back");
    machine.tell("echo vivid.0 > /sys/bus/platform/drivers/vivid/unbind; sleep 2")?;
    machine.tell("echo vivid.0 > /sys/bus/platform/drivers/vivid/bind")?;
    arrives(machine)?;
    let same = machine.tell(&show("camera", "MainPID"))?;
    equal("the process that has waited for both", &same, &process)?;

    eprintln!("it dies, and hangs");
    let restarts = |times: &'static str| {
        let ask = format!("{}; {}", show("camera", "NRestarts"), show("camera", "SubState"));
        machine.expect("it is started again", &ask, move |said| said == format!("{times}\nrunning"))
    };
    machine.tell("systemctl kill -s KILL brooklet-camera")?;
    restarts("1")?;
    machine.tell("systemctl kill -s STOP brooklet-camera")?;
    restarts("2")?;
    let why = machine.tell("journalctl --no-pager -u brooklet-camera | grep -c 'Watchdog timeout'")?;
    equal("times that the watchdog bit", &why, "1")?;
    arrives(machine)?;

    // The camera while it waits for its server.
    for name in ["server", "camera"] {
        let started = Instant::now();
        machine.tell(&format!("systemctl stop brooklet-{name}"))?;
        let took = started.elapsed();
        eprintln!("brooklet-{name} stopped within {:.1} s", took.as_secs_f64());
        stopped(machine, name)?;
        if took > QUICKLY {
            return Err(format!("brooklet-{name} took {:.0} s to stop", took.as_secs_f64()));
        }
    }
    Ok(())
}

/// Does what the comment at the head of a unit says, as it stands there, and waits until systemd hears how far it is.
fn install(machine: &Machine, name: &str) -> Outcome {
    eprintln!("brooklet-{name} is installed");
    let lines = format!("sed -n 's/^#   //p' /root/dist/brooklet-{name}.service");
    let said = machine
        .tell(&format!("cd /root/dist; {lines} > /root/install; set -e; . /root/install 2>&1; echo done"))?;
    if !said.ends_with("done") {
        return Err(format!("what brooklet-{name}.service says to do fails: {said}"));
    }
    machine.expect("it runs", &show(name, "SubState"), |state| state == "running")?;
    machine.expect("it tells how it is", &status(name), |line| !line.is_empty())
}

fn show(name: &str, property: &str) -> String {
    format!("systemctl show --value --property {property} brooklet-{name}")
}

fn status(name: &str) -> String {
    show(name, "StatusText")
}

/// Decodes what the server has, outside of the machine; a picture that is damaged is an error.
fn arrives(machine: &Machine) -> Outcome {
    let url = format!("rtmp://127.0.0.1:{}/live/key", machine.rtmp);
    let mut ffmpeg = Command::new("timeout");
    ffmpeg.args(["60", "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", &url, "-frames:v"]);
    let decoded = ffmpeg.args([&PICTURES.to_string(), "-f", "framemd5", "-"]).output();
    let decoded = decoded.map_err(|error| format!("ffmpeg: {error}"))?;
    let (text, errors) = (String::from_utf8_lossy(&decoded.stdout), String::from_utf8_lossy(&decoded.stderr));
    let mut pictures: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(' ').next_back())
        .collect();
    let count = pictures.len();
    // The virtual camera counts its pictures in them, so no two are alike.
    pictures.sort_unstable();
    pictures.dedup();
    if !decoded.status.success() || !errors.is_empty() || count < PICTURES || pictures.len() < count {
        return Err(format!("of {count} pictures {} were different; {errors}", pictures.len()));
    }
    eprintln!("{count} pictures arrived and were decoded");
    Ok(())
}

fn refused(machine: &Machine) -> Outcome {
    let url = format!("rtmp://127.0.0.1:{}/live/other?token=guessed", machine.rtmp);
    let mut ffmpeg = Command::new("timeout");
    ffmpeg.args([
        "60", "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc", "-t", "1", "-f", "flv",
        &url,
    ]);
    let said = ffmpeg.output().map_err(|error| format!("ffmpeg: {error}"))?;
    let said = String::from_utf8_lossy(&said.stderr);
    if said.contains("the token is wrong") {
        Ok(())
    } else {
        Err(format!("a wrong token is not refused: {said}"))
    }
}

/// Fails where systemd holds its end for a failure.
fn stopped(machine: &Machine, name: &str) -> Outcome {
    equal("how it stopped", &machine.tell(&show(name, "ActiveState"))?, "inactive")
}

fn equal(what: &str, is: &str, wanted: &str) -> Outcome {
    if is == wanted { Ok(()) } else { Err(format!("{what}: {is} instead of {wanted}")) }
}
