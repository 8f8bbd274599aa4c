//! Where the sound server is, as libpulse looks for it.

use std::env;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::plain;
use crate::{Error, Result};

/// The port of servers on a network.
const PORT: u16 = 4713;
/// How long a server on a network may take to answer.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the server may leave what we send unread.
const WRITE: Duration = Duration::from_secs(5);
/// Bytes of the secret that servers share with their users.
const COOKIE: usize = 256;

/// A connection to a server: on this machine, or on a network.
#[derive(Debug)]
pub(super) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// Connects to `$PULSE_SERVER`, or to the server of this user, or of this machine.
pub(super) fn connect() -> Result<Socket> {
    let named = env::var("PULSE_SERVER").ok().filter(|servers| !servers.trim().is_empty());
    let places = named.as_deref().map_or_else(usual_places, named_places);
    let mut failure = None;
    for place in &places {
        match place.connect() {
            Ok(socket) => return Ok(socket),
            // The first place is where it should be.
            Err(error) => drop(failure.get_or_insert_with(|| format!("{place}: {}", plain(&error)))),
        }
    }
    let failure = failure.unwrap_or_default();
    let help = if named.is_some() {
        "see $PULSE_SERVER"
    } else {
        "start PulseAudio or PipeWire, or say where one is by $PULSE_SERVER"
    };
    Err(Error::NoServer { what: "sound server", why: format!("{failure} ({help})") })
}

/// What the server knows its users by; zeros where there is none, as servers that ask for none want it.
pub(super) fn cookie() -> Vec<u8> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let at_home = |file: &str| home.as_ref().map(|home| home.join(file));
    let said = env::var_os("PULSE_COOKIE").map(PathBuf::from);
    let files = [said, at_home(".config/pulse/cookie"), at_home(".pulse-cookie")];
    let read = |file: PathBuf| {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(file).ok()?;
        file.take(COOKIE as u64).read_to_end(&mut bytes).ok()?;
        (bytes.len() == COOKIE).then_some(bytes)
    };
    files.into_iter().flatten().find_map(read).unwrap_or_else(|| vec![0; COOKIE])
}

/// Somewhere that a server may be.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Place {
    Path(PathBuf),
    Host(String, u16),
}

/// `$PULSE_SERVER`: places parted by spaces, each perhaps after a `{machine}` that it is meant for.
fn named_places(servers: &str) -> Vec<Place> {
    servers.split_whitespace().map(named_place).collect()
}

fn named_place(server: &str) -> Place {
    let server =
        server.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or(server, |(_, after)| after);
    if let Some(path) = server.strip_prefix("unix:") {
        return Place::Path(path.into());
    }
    if server.starts_with('/') {
        return Place::Path(server.into());
    }
    let host = ["tcp:", "tcp4:", "tcp6:"].iter().find_map(|scheme| server.strip_prefix(scheme));
    let host = host.unwrap_or(server);
    if let Some((host, rest)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return Place::Host(
            host.into(),
            rest.strip_prefix(':').and_then(|port| port.parse().ok()).unwrap_or(PORT),
        );
    }
    match host.split_once(':').map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => Place::Host(host.into(), port),
        _ => Place::Host(host.into(), PORT),
    }
}

fn usual_places() -> Vec<Place> {
    let folder = |variable: &str| env::var_os(variable).map(PathBuf::from);
    let user =
        std::fs::metadata("/proc/self").ok().map(|own| PathBuf::from(format!("/run/user/{}", own.uid())));
    let folders = [
        folder("PULSE_RUNTIME_PATH"),
        folder("XDG_RUNTIME_DIR").map(|folder| folder.join("pulse")),
        user.map(|folder| folder.join("pulse")),
        Some(PathBuf::from("/run/pulse")),
    ];
    folders.into_iter().flatten().map(|folder| Place::Path(folder.join("native"))).collect()
}

impl Place {
    fn connect(&self) -> io::Result<Socket> {
        match self {
            Self::Path(path) => {
                let socket = UnixStream::connect(path)?;
                socket.set_write_timeout(Some(WRITE))?;
                Ok(Socket::Unix(socket))
            }
            Self::Host(host, port) => {
                let mut failure = io::Error::from(io::ErrorKind::NotFound);
                for address in (host.as_str(), *port).to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, CONNECT) {
                        Ok(socket) => {
                            socket.set_nodelay(true)?;
                            socket.set_write_timeout(Some(WRITE))?;
                            return Ok(Socket::Tcp(socket));
                        }
                        Err(error) => failure = error,
                    }
                }
                Err(failure)
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

impl Socket {
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Unix(socket) => Self::Unix(socket.try_clone()?),
            Self::Tcp(socket) => Self::Tcp(socket.try_clone()?),
        })
    }

    /// Ends it for all who hold a clone.
    pub(super) fn shut_down(&self) {
        // One that the server ended needs no end.
        let _ = match self {
            Self::Unix(socket) => socket.shutdown(Shutdown::Both),
            Self::Tcp(socket) => socket.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.read(bytes),
            Self::Tcp(socket) => socket.read(bytes),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.write(bytes),
            Self::Tcp(socket) => socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_as_for_libpulse() {
        let host = |name: &str, port| Place::Host(name.into(), port);
        assert_eq!(
            named_places("{0123abcd}unix:/run/a /run/b tcp:sound:4000 tcp6:[::1]:7 other"),
            [
                Place::Path("/run/a".into()),
                Place::Path("/run/b".into()),
                host("sound", 4000),
                host("::1", 7),
                host("other", PORT)
            ]
        );
    }
}
