//! One request over HTTP/1.1, and its answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::Failure;

/// How long anybody may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The lines of its head.
    pub head: Vec<String>,
    /// What follows.
    pub body: String,
}

impl Answer {
    /// A field of its head, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.iter().filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(key, _)| key.to_ascii_lowercase() == name).map(|(_, value)| value.trim())
    }
}

/// Asks, and waits for the answer.
///
/// # Errors
///
/// Where there is none.
pub fn ask(method: &str, url: &str, kind: &str, body: &str) -> Result<Answer, Failure> {
    let rest = url.strip_prefix("http://").ok_or("no http:// URL")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut socket = TcpStream::connect(host)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        socket,
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let mut head = head.lines().map(String::from);
    let status = head.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or("no status")?;
    Ok(Answer { status, head: head.collect(), body: body.into() })
}
