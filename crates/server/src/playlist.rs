//! Playlists that lead to a broadcast: `.m3u` and `.pls`.

use std::fmt::Write;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::shared::{Mounted, Shared};

/// The playlist at a path, where there is one: of the broadcast whose path it is with `.m3u` behind it or in place of its ending.
pub(crate) fn answer(shared: &Shared, path: &str, headers: &HeaderMap) -> Option<Response> {
    let (name, is_pls) = match path.rsplit_once('.')? {
        (name, "m3u" | "m3u8") => (name, false),
        (name, "pls") => (name, true),
        _ => return None,
    };
    let mounts = shared.mounts();
    let named: Vec<_> = mounts.iter().filter(|it| it.station.name() == name || it.stem() == name).collect();
    // A broadcast itself goes before a list of it.
    if named.is_empty() || shared.at(path).is_some() {
        return None;
    }
    let base = base(headers, shared.is_secure);
    let (kind, text) =
        if is_pls { ("audio/x-scpls", pls(&base, &named)) } else { ("audio/x-mpegurl", m3u(&base, &named)) };
    let lines = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store")),
    ];
    Some((lines, text).into_response())
}

/// The server as its client knows it.
fn base(headers: &HeaderMap, is_secure: bool) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("x-forwarded-host").or(text("host")).unwrap_or("127.0.0.1");
    // What could not stand in a URL is not put in one.
    let host: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || ".-:[]_".contains(*c)).collect();
    let is_secure = is_secure || text("x-forwarded-proto") == Some("https");
    format!("{}://{host}", if is_secure { "https" } else { "http" })
}

fn title(mounted: &Mounted) -> String {
    let name = mounted.station.about().name.clone().unwrap_or_else(|| mounted.station.name().to_string());
    name.replace(['\r', '\n'], " ")
}

fn m3u(base: &str, mounts: &[&Arc<Mounted>]) -> String {
    let mut text = "#EXTM3U\r\n".to_string();
    for mounted in mounts {
        let _ = write!(text, "#EXTINF:-1,{}\r\n{base}{}\r\n", title(mounted), mounted.station.name());
    }
    text
}

fn pls(base: &str, mounts: &[&Arc<Mounted>]) -> String {
    let mut text = format!("[playlist]\r\nNumberOfEntries={}\r\n", mounts.len());
    for (number, mounted) in (1..).zip(mounts) {
        let (title, name) = (title(mounted), mounted.station.name());
        let _ = write!(text, "File{number}={base}{name}\r\nTitle{number}={title}\r\nLength{number}=-1\r\n");
    }
    text + "Version=2\r\n"
}
