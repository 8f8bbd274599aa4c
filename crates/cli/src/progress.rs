//! `-progress URL`: blocks of key=value for programs.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};

use brooklet::job::Progress;

use crate::failure::Failure;
use crate::status;

/// Where the blocks go.
pub(crate) struct ProgressWriter {
    to: Option<Box<dyn Write>>,
}

impl ProgressWriter {
    /// Opens a file, `-`, `pipe:N`, `tcp://host:port` or `udp://host:port`; nothing without a URL.
    pub(crate) fn open(url: Option<&str>) -> Result<Self, Failure> {
        let Some(url) = url else {
            return Ok(Self { to: None });
        };
        let to = open(url).map_err(|reason| Failure::system(format!("-progress {url}"), reason))?;
        Ok(Self { to: Some(to) })
    }

    /// Writes a block. Whoever reads it may go away: the job goes on.
    pub(crate) fn write(&mut self, progress: &Progress, last: bool) {
        if let Some(to) = &mut self.to
            && to.write_all(status::block(progress, last).as_bytes()).and_then(|()| to.flush()).is_err()
        {
            self.to = None;
        }
    }
}

fn open(url: &str) -> io::Result<Box<dyn Write>> {
    let pipe = if url == "-" { Some("1") } else { url.strip_prefix("pipe:") };
    match pipe {
        Some("" | "1") => return Ok(Box::new(io::stdout())),
        Some("2") => return Ok(Box::new(io::stderr())),
        Some(number) => return descriptor(number),
        None => {}
    }
    if let Some(address) = url.strip_prefix("tcp://") {
        return Ok(Box::new(TcpStream::connect(address)?));
    }
    if let Some(address) = url.strip_prefix("udp://") {
        return Ok(Box::new(Datagrams::to(address)?));
    }
    if let Some((scheme, _)) = url.split_once("://").filter(|(scheme, _)| *scheme != "file") {
        let text = format!("'{scheme}' is not supported here; use a file, pipe:N, tcp:// or udp://host:port");
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    let path = url.strip_prefix("file://").or_else(|| url.strip_prefix("file:")).unwrap_or(url);
    Ok(Box::new(File::create(path)?))
}

/// A block to a datagram: what runs for months fills no disk by it, and whoever listens may come and go.
struct Datagrams(UdpSocket);

impl Datagrams {
    fn to(address: &str) -> io::Result<Self> {
        let peer = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let any = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any)?;
        socket.connect(peer)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }
}

impl Write for Datagrams {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        // That nobody took the last one is told now; who has come meanwhile is to have this one.
        if self.0.send(block).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            let _ = self.0.send(block);
        }
        Ok(block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A descriptor that the caller opened for us, by the name that the system gives it.
fn descriptor(number: &str) -> io::Result<Box<dyn Write>> {
    let number: u32 = number.parse().map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, "the number of a pipe is to follow pipe:")
    })?;
    Ok(Box::new(OpenOptions::new().append(true).open(format!("/dev/fd/{number}"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("progress.txt");
        let mut writer = ProgressWriter::open(path.to_str()).unwrap();
        writer.write(&Progress::default(), false);
        writer.write(&Progress { frames: 5, ..Progress::default() }, true);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("bitrate=N/A\n") && text.ends_with("progress=end\n"));
        assert_eq!(text.matches("progress=").count(), 2);
        assert!(text.contains("frame=5\n"));
    }

    #[test]
    fn blocks_in_datagrams_whether_somebody_listens_or_not() {
        let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
        let url = format!("udp://{}", listener.local_addr().unwrap());
        let mut writer = ProgressWriter::open(Some(&url)).unwrap();
        let mut block = [0; 1_500];
        for last in [false, true] {
            writer.write(&Progress::default(), last);
            let length = listener.recv(&mut block).unwrap();
            let end = if last { "progress=end\n" } else { "progress=continue\n" };
            assert!(
                block[..length].starts_with(b"bitrate=N/A\n") && block[..length].ends_with(end.as_bytes())
            );
        }
        let address = listener.local_addr().unwrap();
        drop(listener);
        writer.write(&Progress::default(), false);
        // That nobody took it is told with what is sent next, which is for someone who has come meanwhile.
        let listener = UdpSocket::bind(address).unwrap();
        listener.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        writer.write(&Progress::default(), false);
        assert!(listener.recv(&mut block).is_ok());
    }

    #[test]
    fn what_can_not_be_opened() {
        for url in ["/nowhere/at/all", "pipe:x", "pipe:987", "http://host/progress"] {
            let Err(failure) = ProgressWriter::open(Some(url)) else { panic!("{url}") };
            assert!(failure.line().starts_with(&format!("-progress {url}: ")), "{}", failure.line());
        }
    }
}
