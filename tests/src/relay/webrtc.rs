//! A door of HTTP before a server of WebRTC that leads all media over a [`Path`]: whoever comes by it meets no address but the path's.
//!
//! It rewrites the candidates of offers and answers, so it serves any peer as that peer is.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::Path;

/// Leads to the server on this port of this machine; the URL that stands for `http://127.0.0.1:PORT`.
///
/// # Errors
///
/// Where there is no port.
pub fn door(port: u16, path: &Arc<Path>) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let path = path.clone();
    thread::spawn(move || {
        for peer in listener.incoming().flatten() {
            let path = path.clone();
            // Who leaves in the middle has seen enough.
            thread::spawn(move || _ = exchange(peer, port, &path));
        }
    });
    Ok(url)
}

/// One request and its answer.
fn exchange(mut peer: TcpStream, port: u16, path: &Path) -> io::Result<()> {
    let (head, body) = read(&mut peer)?;
    let (door, back_door) = path.doors();
    let (body, _) = lead(&body, back_door);
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    write(&mut server, &head, &body)?;
    let (head, body) = read(&mut server)?;
    let (body, known) = lead(&body, door);
    if let Some(server) = known {
        path.lead_to(server);
    }
    write(&mut peer, &head, &body)?;
    peer.shutdown(Shutdown::Write)
}

/// A description whose candidates are one, at this address, and the first that it had.
fn lead(text: &[u8], to: SocketAddr) -> (Vec<u8>, Option<SocketAddr>) {
    let Ok(text) = std::str::from_utf8(text) else { return (text.to_vec(), None) };
    let (mut led, mut first) = (String::new(), None);
    for line in text.split_inclusive('\n') {
        let words: Vec<&str> = line.trim_end().split(' ').collect();
        let is_candidate = line.starts_with("a=candidate:") && words.len() > 7;
        if !is_candidate {
            led += line;
        } else if words[2].eq_ignore_ascii_case("udp") && words[7] == "host" {
            // One for each section is enough; the same twice does no harm.
            let address = format!("{}:{}", words[4], words[5]).parse().ok();
            first = first.or(address);
            led += &format!("a=candidate:1 1 udp 2130706431 {} {} typ host\r\n", to.ip(), to.port());
        }
    }
    (led.into_bytes(), first)
}

/// Head and body, whose length is told or ends with the connection.
fn read(from: &mut TcpStream) -> io::Result<(Vec<String>, Vec<u8>)> {
    let mut reader = BufReader::new(from);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_string()),
        }
    }
    let field = |name: &str| {
        let fields = head.iter().filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let mut body = Vec::new();
    match field("content-length").and_then(|length| length.parse().ok()) {
        Some(length) => _ = reader.take(length).read_to_end(&mut body)?,
        None if head[0].starts_with("HTTP") => _ = reader.read_to_end(&mut body)?,
        None => {}
    }
    Ok((head, body))
}

fn write(to: &mut TcpStream, head: &[String], body: &[u8]) -> io::Result<()> {
    let ours = ["content-length", "connection"];
    let kept = |line: &&String| {
        line.split_once(':').is_none_or(|(key, _)| !ours.iter().any(|name| key.eq_ignore_ascii_case(name)))
    };
    let mut text: String = head.iter().filter(kept).flat_map(|line| [line, "\r\n"]).collect();
    text += &format!("Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    to.write_all(text.as_bytes())?;
    to.write_all(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_become_the_paths() {
        let text = "v=0\r\na=candidate:7 1 udp 1 10.0.0.1 40000 typ host\r\na=candidate:8 1 tcp 1 10.0.0.1 9 typ host\r\na=mid:0\r\n";
        let (led, first) = lead(text.as_bytes(), "127.0.0.1:5".parse().unwrap());
        let expected = "v=0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 5 typ host\r\na=mid:0\r\n";
        assert_eq!((led, first), (expected.into(), "10.0.0.1:40000".parse().ok()));
    }
}
