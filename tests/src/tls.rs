//! TLS of other hands: certificates by openssl, and Python's ssl in front of a server.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::peers;
use crate::program::{DEADLINE, Running, finish};
use crate::servers::free_port;
use crate::words::words;

/// A certificate authority of our own, and what it has signed for 127.0.0.1 and localhost.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// PEM.
    pub cert: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes the authority; `None` without openssl.
    pub fn new() -> Option<Self> {
        peers::openssl()?;
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let ours = Self { folder };
        for (name, text) in [("index", ""), ("serial", "01\n"), ("ca.cnf", CONFIG)] {
            let text = text.replace("FOLDER", &ours.folder.path().display().to_string());
            std::fs::write(ours.path(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        ours.openssl(&format!("req -x509 {NEW_KEY} -days 10 -subj /CN=Authority -keyout ca.key -out ca.pem"));
        Some(ours)
    }

    /// The authority's own certificate.
    pub fn root(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// One that the authority signed for names like `DNS:localhost,IP:127.0.0.1`, valid from and to dates like
    /// `20200101000000Z`.
    pub fn signed(&self, name: &str, alternatives: &str, from: &str, to: &str) -> Identity {
        let extensions = format!("subjectAltName={alternatives}\nbasicConstraints=CA:FALSE\n");
        std::fs::write(self.path("ext"), extensions).unwrap_or_else(|error| panic!("{error}"));
        self.openssl(&format!("req {NEW_KEY} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        self.openssl(&format!(
            "ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -extfile ext -in {name}.csr \
             -out {name}.pem -startdate {from} -enddate {to}"
        ));
        self.identity(name)
    }

    /// One that signed itself, as people make them to try things out.
    pub fn self_signed(&self) -> Identity {
        self.openssl(&format!(
            "req -x509 {NEW_KEY} -days 10 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
             -keyout self.key -out self.pem"
        ));
        self.identity("self")
    }

    /// One that signed itself, with an RSA key.
    pub fn self_signed_rsa(&self) -> Identity {
        self.openssl(
            "req -x509 -newkey rsa:2048 -nodes -days 10 -subj /CN=localhost \
             -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout rsa.key -out rsa.pem",
        );
        self.identity("rsa")
    }

    /// Where a file of that name is, or would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn identity(&self, name: &str) -> Identity {
        Identity { cert: self.path(&format!("{name}.pem")), key: self.path(&format!("{name}.key")) }
    }

    fn openssl(&self, line: &str) {
        let mut command = Command::new("openssl");
        finish(command.args(words(line, &[])).current_dir(self.folder.path()), DEADLINE).expect_success();
    }
}

/// Python's ssl on a port of its own, which passes on to another port what it has deciphered.
#[derive(Debug)]
pub struct TlsProxy {
    port: u16,
    _running: Running,
    _folder: TempDir,
}

impl TlsProxy {
    /// Begins to listen; `None` without Python.
    pub fn start(identity: &Identity, to: u16) -> Option<Self> {
        let mut python = peers::python()?;
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let (script, port) = (folder.path().join("proxy.py"), free_port());
        std::fs::write(&script, PROXY).unwrap_or_else(|error| panic!("{error}"));
        python.arg(&script).args([port, to].map(|port| port.to_string()));
        let mut running = Running::start(python.args([&identity.cert, &identity.key]));
        let until = Instant::now() + DEADLINE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(running.is_running() && Instant::now() < until, "no proxy");
            thread::sleep(Duration::from_millis(20));
        }
        Some(Self { port, _running: running, _folder: folder })
    }

    /// The address of a stream behind it, by any name of this host.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("rtmps://{host}:{}/{path}", self.port)
    }
}

/// The words for `-cert_file` and `-key_file`.
pub fn identity_words(identity: &Identity) -> [String; 4] {
    let text = |path: &Path| path.display().to_string();
    ["-cert_file".into(), text(&identity.cert), "-key_file".into(), text(&identity.key)]
}

const NEW_KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

const CONFIG: &str = "[ca]
default_ca = own
[own]
new_certs_dir = FOLDER
database = FOLDER/index
serial = FOLDER/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
x509_extensions = root
[name]
[root]
basicConstraints = critical,CA:TRUE
";

const PROXY: &str = r#"
import socket, ssl, sys, threading

port, to, cert, key = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)

def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass

def serve(client):
    try:
        client = context.wrap_socket(client, server_side=True)
    except OSError:
        return
    server = socket.create_connection(("127.0.0.1", to))
    threading.Thread(target=copy, args=(server, client), daemon=True).start()
    copy(client, server)

listener = socket.create_server(("127.0.0.1", port))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;
