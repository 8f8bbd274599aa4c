//! RTMP servers on ports of their own, each with a log that is waited on.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::peers;
use crate::program::{self, Run, Running};

/// How long a server may take to start, or to say something: generous, only against hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// The servers that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    /// Our own: `brooklet serve`.
    Brooklet,
    /// nginx with its RTMP module.
    Nginx,
    /// node-media-server.
    NodeMediaServer,
}

impl Software {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Brooklet, Self::Nginx, Self::NodeMediaServer];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brooklet => "brooklet serve",
            Self::Nginx => "nginx-rtmp",
            Self::NodeMediaServer => "node-media-server",
        }
    }

    /// Starts one; `None` where it is not installed.
    pub fn start(self) -> Option<Server> {
        match self {
            Self::Brooklet => Some(Server::brooklet(&[])),
            Self::Nginx => Server::nginx(),
            Self::NodeMediaServer => Server::node_media_server(),
        }
    }
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    running: Running,
    port: u16,
    log: PathBuf,
    /// What the log says, one of these, when a player has joined.
    joined: &'static [&'static str],
    _folder: TempDir,
}

impl Server {
    /// `brooklet serve`, with these options.
    pub fn brooklet(options: &[&str]) -> Self {
        let (mut program, port) = (program::brooklet(), free_port());
        program.args(["serve", "-v", "info", "-rtmp", &format!("127.0.0.1:{port}")]).args(options);
        Self::start(program, folder(), port, &[" plays ", " waits for "])
    }

    /// nginx with three applications: `live` takes whoever publishes, `closed` nobody, and `asked` asks a web server
    /// that says no.
    pub fn nginx() -> Option<Self> {
        Self::nginx_at(free_port())
    }

    /// The same on this port: one that comes back.
    pub fn nginx_at(port: u16) -> Option<Self> {
        let mut nginx = peers::nginx()?;
        let folder = folder();
        let config = folder.path().join("nginx.conf");
        write(&config, &nginx_config(folder.path(), port, free_port()));
        nginx.arg("-p").arg(folder.path()).arg("-c").arg(&config);
        Some(Self::start(nginx, folder, port, &["play: name="]))
    }

    /// node-media-server, whose application may have any name.
    pub fn node_media_server() -> Option<Self> {
        let (mut node, modules) = peers::node_media_server()?;
        let (folder, port) = (folder(), free_port());
        let script = folder.path().join("server.js");
        write(&script, &node_script(&modules.join("node-media-server"), port, free_port()));
        node.arg(&script).current_dir(folder.path());
        Some(Self::start(node, folder, port, &["start play"]))
    }

    fn start(command: Command, folder: TempDir, port: u16, joined: &'static [&'static str]) -> Self {
        let log = folder.path().join("log");
        // The shell only turns the output into the log; the server then runs under its number.
        let mut shell = Command::new("sh");
        shell.args(["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1", "sh"]).arg(&log);
        shell.arg(command.get_program()).args(command.get_args());
        shell.current_dir(command.get_current_dir().unwrap_or(folder.path()));
        let mut server = Self { running: Running::start(&mut shell), port, log, joined, _folder: folder };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(server.running.is_running() && Instant::now() < until, "no server:\n{}", server.log());
            thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// The address of a stream: `live/name?key=…`.
    pub fn url(&self, path: &str) -> String {
        format!("rtmp://127.0.0.1:{}/{path}", self.port)
    }

    /// Its TCP port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Waits until so many players in all have asked for streams.
    #[track_caller]
    pub fn await_players(&self, count: usize) {
        self.await_logs(self.joined, count);
    }

    /// Waits until the log says something so many times.
    #[track_caller]
    pub fn await_log(&self, words: &str, count: usize) {
        self.await_logs(&[words], count);
    }

    #[track_caller]
    fn await_logs(&self, any: &[&str], count: usize) {
        let until = Instant::now() + PATIENCE;
        let said = |log: &str| any.iter().map(|words| log.matches(words).count()).sum::<usize>();
        while said(&self.log()) < count {
            assert!(Instant::now() < until, "not {count} times one of {any:?}:\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A connection to it on which nothing has been said.
    #[track_caller]
    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap_or_else(|error| panic!("no connection: {error}"))
    }

    /// Memory that it has now, bytes.
    pub fn memory(&self) -> u64 {
        self.running.memory()
    }

    /// Ends it as Ctrl-C does; what it logged is in place of what it said.
    #[track_caller]
    pub fn stop(self) -> Run {
        let Self { running, log, _folder, .. } = self;
        running.signal("INT");
        let run = running.finish(PATIENCE);
        Run { stderr: std::fs::read_to_string(log).unwrap_or_default(), ..run }
    }

    /// Ends it as a crash would.
    pub fn kill(self) {
        self.running.signal("KILL");
    }
}

/// A TCP port that nobody listens on.
pub fn free_port() -> u16 {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.unwrap_or_else(|error| panic!("no free port: {error}")).port()
}

/// Waits until somebody listens on this TCP port.
#[track_caller]
pub fn await_port(port: u16) {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "nobody listens on {port}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A UDP port that nobody receives on.
pub fn free_udp_port() -> u16 {
    let bound = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    bound.unwrap_or_else(|error| panic!("no free port: {error}")).port()
}

/// Waits until somebody has this UDP port, at whatever address: by the system's table.
#[track_caller]
pub fn await_udp(port: u16) {
    let until = Instant::now() + PATIENCE;
    let row = format!(":{port:04X} ");
    while !std::fs::read_to_string("/proc/net/udp").unwrap_or_default().contains(&row) {
        assert!(Instant::now() < until, "nobody has the UDP port {port}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A free port of UDP with the next one free too, as RTP and RTCP want it.
pub fn free_rtp_port() -> u16 {
    loop {
        let port = free_udp_port();
        if port.is_multiple_of(2) && std::net::UdpSocket::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

fn nginx_config(folder: &Path, port: u16, http: u16) -> String {
    let folder = folder.display();
    format!(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
         daemon off; master_process off; user root;
         pid {folder}/pid; error_log {folder}/log info;
         events {{ worker_connections 64; }}
         http {{
           access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
           fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
           server {{ listen 127.0.0.1:{http}; location /no {{ return 403; }} }}
         }}
         rtmp {{
           access_log off;
           server {{
             listen 127.0.0.1:{port};
             application live {{ live on; }}
             application closed {{ live on; deny publish all; }}
             application asked {{ live on; on_publish http://127.0.0.1:{http}/no; }}
           }}
         }}"
    )
}

fn node_script(module: &Path, port: u16, http: u16) -> String {
    format!(
        "const Server = require({module:?});
         new Server({{
           bind: '127.0.0.1', rtmp: {{ port: {port} }}, http: {{ port: {http} }},
           auth: {{ play: false, publish: false }}, record: {{ auto: false, path: './record' }},
           store: {{ path: './data', maxHistory: 10 }}, notify: {{ url: '' }}, webadmin: {{ enable: false }},
         }}).run();"
    )
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("no folder for a server: {error}"))
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
