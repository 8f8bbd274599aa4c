//! Answers of web servers and of SHOUTcast's, and titles between bytes.

use brooklet::radio::IcyWriter;
use bytes::Bytes;

use super::Seeds;

const ANSWERS: [&[u8]; 5] = [
    b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 5\r\n\r\nabcdef",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;name=\"x\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nExpires: never\r\n\r\n",
    b"ICY 200 OK\r\nicy-metaint:16000\r\nicy-name: Caf\xE9 \r\nicy-br:128\r\n\r\n\xFF\xFB\x90\x64",
    b"HTTP/1.0 302 Found\r\nLocation: //me:pw@[::1]:8443/live/b c.mp3?x=1#y\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n",
];

pub(super) fn all() -> Vec<Seeds> {
    let answers = ANSWERS.iter().flat_map(|answer| [0, 6, 255].map(|step| [&[step], *answer].concat()));
    let titles = [3u8, 40].into_iter().flat_map(|metaint| [0u8, 30].map(|step| titles(metaint, step)));
    vec![
        Seeds { target: "http_answer", inputs: answers.collect() },
        Seeds { target: "icy", inputs: titles.collect() },
    ]
}

fn titles(metaint: u8, step: u8) -> Vec<u8> {
    let (mut writer, mut out) = (IcyWriter::new(1 + usize::from(metaint)), vec![metaint, step]);
    for title in ["", "A title", "It's another; née ’;", "A title"] {
        let sound = Bytes::from_static(&[0xFF, 0xFB, 0x90, 0x64, 0, 1, 2, 3, 4, 5]);
        writer.write(sound, &title.into(), |bytes| out.extend_from_slice(&bytes));
    }
    out
}
