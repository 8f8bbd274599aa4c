//! What systemd is told, where it started us: `sd_notify`(3), which is a line of text in a datagram.
//!
//! A unit of `Type=notify` counts as started when the job runs, and `systemctl status` shows how far it is. With
//! `WatchdogSec=` systemd starts the program anew when it has heard nothing for so long: it hears of us only while something
//! is written, so a job that hangs anywhere is found.

use std::time::{Duration, Instant};

/// How often it is told how far we are.
const STATUS: Duration = Duration::from_secs(10);

/// Whoever started us, if it wants to know.
pub(crate) struct Supervisor {
    to: Option<channel::Channel>,
    /// How often it is to hear that we live: half of what it waits.
    period: Option<Duration>,
    alive_due: Instant,
    status_due: Instant,
    /// How far we were when it last heard.
    progress: Option<u64>,
}

impl Supervisor {
    /// The one that the environment names.
    pub(crate) fn find() -> Self {
        let variable = |name| std::env::var(name).ok();
        let ours = variable("WATCHDOG_PID").is_none_or(|id| id == std::process::id().to_string());
        let micros = variable("WATCHDOG_USEC").filter(|_| ours).and_then(|micros| micros.parse().ok());
        let to = std::env::var_os("NOTIFY_SOCKET").and_then(|name| channel::Channel::to(&name));
        let period = micros.filter(|micros| *micros > 0).map(|micros| Duration::from_micros(micros) / 2);
        let now = Instant::now();
        Self { to, period, alive_due: now, status_due: now, progress: None }
    }

    /// The job runs.
    pub(crate) fn started(&self) {
        self.tell("READY=1");
    }

    /// We are so far: any number that grows while something is written. Tells no more often than it is to be told.
    pub(crate) fn alive(&mut self, progress: u64, status: impl FnOnce() -> String) {
        if self.to.is_none() {
            return;
        }
        let now = Instant::now();
        if let Some(period) = self.period.filter(|_| now >= self.alive_due)
            && self.progress.replace(progress) != Some(progress)
        {
            self.tell("WATCHDOG=1");
            self.alive_due = now + period;
        }
        // Before anything is written there is nothing to say.
        if now >= self.status_due && progress > 0 {
            self.tell(&format!("STATUS={}", status()));
            self.status_due = now + STATUS;
        }
    }

    /// The job ends.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, line: &str) {
        if let Some(to) = &self.to {
            to.send(line);
        }
    }
}

#[cfg(target_os = "linux")]
mod channel {
    use std::ffi::OsStr;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    /// A datagram socket on this machine.
    pub(super) struct Channel(UnixDatagram);

    impl Channel {
        /// A path, or after `@` a name without a file.
        pub(super) fn to(name: &OsStr) -> Option<Self> {
            let address = match name.as_bytes() {
                [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
                _ => SocketAddr::from_pathname(name),
            };
            let socket = UnixDatagram::unbound().ok()?;
            socket.connect_addr(&address.ok()?).ok()?;
            // Nobody reads it: then it is not worth waiting for.
            socket.set_nonblocking(true).ok()?;
            Some(Self(socket))
        }

        pub(super) fn send(&self, line: &str) {
            let _ = self.0.send(line.as_bytes());
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod channel {
    /// systemd is Linux's.
    pub(super) enum Channel {}

    impl Channel {
        pub(super) fn to(_: &std::ffi::OsStr) -> Option<Self> {
            None
        }

        pub(super) fn send(&self, _: &str) {
            match *self {}
        }
    }
}
