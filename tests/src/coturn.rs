//! coturn, a STUN and TURN server, and what stands between it and who asks it.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;

use crate::peers;
use crate::program::Running;
use crate::servers::{await_udp, free_udp_port};

/// coturn on 127.0.0.1, until this is dropped. Its one user is `me`, with the password `pw`.
#[derive(Debug)]
pub struct Coturn {
    _running: Running,
    port: u16,
    folder: TempDir,
}

impl Coturn {
    /// Starts one; `None` where it is not installed.
    pub fn start() -> Option<Self> {
        let mut coturn = peers::coturn()?;
        let (port, folder) = (free_udp_port(), crate::clips::scratch());
        let file = |name: &str| folder.path().join(name).display().to_string();
        coturn.args([
            "-n",
            "--lt-cred-mech",
            "--user=me:pw",
            "--realm=here",
            "--no-tls",
            "--no-dtls",
            "--no-cli",
        ]);
        coturn.args([
            "--listening-ip=127.0.0.1",
            "--relay-ip=127.0.0.1",
            "--allow-loopback-peers",
            "--verbose",
        ]);
        coturn.args([
            format!("--listening-port={port}"),
            format!("--log-file={}", file("log")),
            "--simple-log".into(),
        ]);
        coturn.args([format!("--pidfile={}", file("pid")), format!("--userdb={}", file("db"))]);
        let running = Running::start(&mut coturn);
        await_udp(port);
        Some(Self { _running: running, port, folder })
    }

    /// Where it listens, by UDP.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What it has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// Stands before a server as one who shares an address with many does: the server sees datagrams come from another port.
#[derive(Debug)]
pub struct Nat {
    inside: u16,
    outside: u16,
    closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Nat {
    /// One to a port of this machine, for one who asks.
    pub fn to(port: u16) -> Self {
        let bind = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no relay: {error}"));
            let _ = socket.set_read_timeout(Some(Duration::from_millis(5)));
            let port = socket.local_addr().unwrap_or_else(|error| panic!("no relay: {error}")).port();
            (socket, port)
        };
        let ((inner, inside), (outer, outside)) = (bind(), bind());
        let closed = Arc::<AtomicBool>::default();
        let until = closed.clone();
        let thread = thread::spawn(move || {
            let (mut buffer, mut client): (_, Option<SocketAddr>) = ([0; 2_048], None);
            while !until.load(Ordering::SeqCst) {
                while let Ok((length, from)) = inner.recv_from(&mut buffer) {
                    client = Some(from);
                    let _ = outer.send_to(&buffer[..length], ("127.0.0.1", port));
                }
                while let Ok((length, _)) = outer.recv_from(&mut buffer) {
                    client.map(|client| inner.send_to(&buffer[..length], client));
                }
            }
        });
        Self { inside, outside, closed, thread: Some(thread) }
    }

    /// Where to ask.
    pub const fn port(&self) -> u16 {
        self.inside
    }

    /// From where the server is asked.
    pub const fn outside(&self) -> u16 {
        self.outside
    }
}

impl Drop for Nat {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
