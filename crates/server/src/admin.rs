//! Changing the title over HTTP, as Icecast's and SHOUTcast's clients do it:
//! `/admin/metadata?mode=updinfo&mount=/stream.mp3&song=…`, with a user and a password.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64ct::{Base64, Encoding};

use crate::shared::{Mounted, Shared};

/// The answer to such a request.
pub(crate) async fn metadata(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    // A browser adds a password that it knows to whatever a strange page asks for.
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return (StatusCode::FORBIDDEN, "not from other sites\n").into_response();
    }
    let mounts = shared.mounts();
    let mounted = match query.get("mount") {
        Some(path) => mounts.iter().find(|mounted| mounted.station.name() == path),
        None => mounts.first(),
    };
    let Some(mounted) = mounted else {
        return (StatusCode::NOT_FOUND, result(false, "Source does not exist")).into_response();
    };
    if let Some(refusal) = refusal(mounted, &headers) {
        return refusal;
    }
    if query.get("mode").is_some_and(|mode| mode != "updinfo") {
        return (StatusCode::BAD_REQUEST, result(false, "Unknown mode")).into_response();
    }
    let title = match (query.get("song"), query.get("title"), query.get("artist")) {
        (Some(song), ..) => song.clone(),
        (None, Some(title), Some(artist)) => format!("{artist} - {title}"),
        (None, Some(title), None) => title.clone(),
        _ => return (StatusCode::BAD_REQUEST, result(false, "No song given")).into_response(),
    };
    mounted.station.now_playing().set(title.trim());
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"))];
    (kind, result(true, "Metadata update successful")).into_response()
}

/// Why this request may not change the title; `None` where it may.
fn refusal(mounted: &Mounted, headers: &HeaderMap) -> Option<Response> {
    let Some(login) = &mounted.options.admin else {
        let what =
            "nobody may change the title here: the broadcast was started without -admin user:password\n";
        return Some((StatusCode::FORBIDDEN, what).into_response());
    };
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|code| Base64::decode_vec(code.trim()).ok());
    if shown.is_some_and(|shown| is_same(&shown, login.as_bytes())) {
        return None;
    }
    let ask = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"brooklet\""))];
    Some((StatusCode::UNAUTHORIZED, ask, "a user and a password are needed\n").into_response())
}

/// Whether both are the same, in a time that does not tell how much of them is.
fn is_same(shown: &[u8], right: &[u8]) -> bool {
    let differs = shown.len() != right.len();
    let sum = right
        .iter()
        .enumerate()
        .fold(0, |sum, (at, byte)| sum | (byte ^ shown.get(at).copied().unwrap_or(0)));
    std::hint::black_box(sum) == 0 && !differs
}

fn result(done: bool, message: &str) -> String {
    let done = u8::from(done);
    format!(
        "<?xml version=\"1.0\"?>\n<iceresponse><message>{message}</message><return>{done}</return></iceresponse>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_right_only_as_a_whole() {
        assert!(is_same(b"me:pw", b"me:pw"));
        for wrong in [&b"me:p"[..], b"me:pwx", b"", b"me:pW", b"me:pw\0"] {
            assert!(!is_same(wrong, b"me:pw"));
        }
    }
}
