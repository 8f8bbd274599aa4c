//! The page: a player, and what there is to hear. All of it is in the program.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::shared::{Mounted, Shared};

/// Where its script and its style are.
pub(crate) const SCRIPT: &str = "/player.js";
pub(crate) const STYLE: &str = "/player.css";

/// Nothing comes from elsewhere, and nothing goes there.
const POLICY: &str =
    "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; base-uri 'none'; form-action 'none'";

pub(crate) async fn html() -> Response {
    file("text/html; charset=utf-8", include_str!("page/index.html"))
}

pub(crate) async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("page/player.js"))
}

pub(crate) async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("page/player.css"))
}

/// What there is to hear and to see, as the page shows it.
pub(crate) async fn status(State(shared): State<Arc<Shared>>) -> Response {
    let mounts = shared.mounts();
    let names: Vec<_> = mounts.iter().map(|mounted| mounted.station.name().to_string()).collect();
    let others = shared.hub.streams().into_iter().filter(|stream| !names.contains(&stream.name));
    let others: Vec<_> = others
        .map(|stream| {
            json!({
                "name": stream.name, "live": stream.is_live, "codecs": stream.codecs, "viewers": stream.viewers,
                "received": stream.received, "sent": stream.sent, "skipped": stream.skipped,
            })
        })
        .collect();
    let status = json!({
        "uptime": shared.since.elapsed().as_secs(),
        "connections": shared.places.count(),
        "broadcasts": mounts.iter().map(|mounted| broadcast(mounted)).collect::<Vec<_>>(),
        "streams": others,
    });
    let kind = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (kind, status.to_string()).into_response()
}

fn broadcast(mounted: &Mounted) -> Value {
    let (station, params) = (&mounted.station, mounted.station.params());
    let (about, statistics) = (station.about(), station.statistics());
    let audio = params.as_ref().and_then(|params| params.as_audio());
    json!({
        "path": station.name(),
        "type": mounted.content_type(),
        "codec": params.as_ref().map(|params| params.codec.name()),
        "name": about.name,
        "description": about.description,
        "genre": about.genre,
        "url": about.url.as_ref().filter(|url| url.starts_with("http://") || url.starts_with("https://")),
        "title": &*station.now_playing().title(),
        "listeners": statistics.viewers,
        "bitRate": station.bit_rate(),
        "sampleRate": audio.map(|audio| audio.rate),
        "channels": audio.map(|audio| audio.layout.channels()),
        "seconds": station.age().as_secs(),
        "sent": statistics.sent,
        "skipped": statistics.skipped,
    })
}

/// A file that is in the program.
pub(crate) fn file(kind: &'static str, text: &'static str) -> Response {
    let lines = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (lines, text).into_response()
}
