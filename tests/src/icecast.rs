//! Icecast's own server.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::peers;
use crate::program::Running;

/// Icecast on a port of its own, until this is dropped.
#[derive(Debug)]
pub struct Icecast {
    running: Running,
    port: u16,
    folder: TempDir,
}

impl Icecast {
    /// Starts one whose sources have the password `hackme`; `None` where it is not installed.
    pub fn start(port: u16) -> Option<Self> {
        let mut icecast = peers::icecast()?;
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder for icecast: {error}"));
        // It will not run as root: it is to change to somebody who may read and write its folder.
        let user = if std::env::var("USER").is_ok_and(|user| user != "root") { "" } else { CHANGE_OWNER };
        let config = format!(
            "<icecast><location>here</location><admin>me@localhost</admin><hostname>127.0.0.1</hostname>
             <limits><clients>2000</clients><sources>8</sources><queue-size>524288</queue-size>
             <burst-size>150000</burst-size><source-timeout>10</source-timeout></limits>
             <authentication><source-password>hackme</source-password><admin-user>admin</admin-user>
             <admin-password>hackme</admin-password></authentication>
             <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
             <paths><basedir>/usr/share/icecast2</basedir><logdir>{folder}</logdir><webroot>/usr/share/icecast2/web</webroot>
             <adminroot>/usr/share/icecast2/admin</adminroot></paths>
             <logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog><loglevel>3</loglevel></logging>
             <security><chroot>0</chroot>{user}</security></icecast>",
            folder = folder.path().display()
        );
        let path = folder.path().join("icecast.xml");
        std::fs::write(&path, config).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        let _ = std::fs::set_permissions(folder.path(), open);
        let mut server = Self { running: Running::start(icecast.arg("-c").arg(&path)), port, folder };
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(server.running.is_running() && Instant::now() < until, "no icecast: {}", server.log());
            thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// For listeners.
    pub fn url(&self, mount: &str) -> String {
        format!("http://127.0.0.1:{}{mount}", self.port)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }

    /// Waits until the log says something so many times.
    #[track_caller]
    pub fn await_log(&self, words: &str, count: usize) {
        let until = Instant::now() + Duration::from_secs(60);
        while self.log().matches(words).count() < count {
            assert!(Instant::now() < until, "not {count} times {words}:\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

const CHANGE_OWNER: &str = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>";
