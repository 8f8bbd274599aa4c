//! Listening: the answer that does not end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use brooklet::radio::{Burst, ListenOptions, Listener};

use crate::handover::Handover;
use crate::hearing::Hearing;
use crate::negotiate::choose;
use crate::shared::{Mounted, Shared};

/// What a request for sound gets.
pub(crate) fn answer(shared: &Shared, request: &Request) -> Response {
    let (path, headers) = (request.uri().path(), request.headers());
    let (mounted, is_chosen) = match shared.at(path) {
        Some(mounted) => (mounted, false),
        None => {
            let mounts = shared.mounts();
            let of_this_name: Vec<_> = mounts.iter().filter(|mounted| mounted.stem() == path).collect();
            if of_this_name.is_empty() {
                return not_found(&mounts);
            }
            let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
            match choose(accept, &of_this_name) {
                Some(mounted) => (mounted.clone(), true),
                None => return not_acceptable(&of_this_name),
            }
        }
    };
    let viewers = mounted.station.statistics().viewers;
    if mounted.options.listeners.is_some_and(|most| viewers >= most) {
        let later = [(header::RETRY_AFTER, HeaderValue::from_static("30"))];
        return (StatusCode::SERVICE_UNAVAILABLE, later, "all places are taken; try again later\n")
            .into_response();
    }
    let icy = headers.get("icy-metadata").is_some_and(|value| value.as_bytes().trim_ascii() == b"1");
    let is_head = request.method() == Method::HEAD;
    let body = match request.extensions().get::<Handover>() {
        Some(handover) if !is_head => {
            let burst = request.uri().query().and_then(burst_of);
            let listener = mounted.station.listen(&ListenOptions { burst, icy });
            handover.leave(Hearing { listener, is_chunked: request.version() >= Version::HTTP_11 })
        }
        _ => Body::empty(),
    };
    let mut response = Response::new(body);
    describe(&mounted, icy, response.headers_mut());
    if is_chosen {
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    }
    response
}

fn describe(mounted: &Mounted, icy: bool, headers: &mut HeaderMap) {
    let mut say = |name: &str, value: &str| {
        let name = HeaderName::try_from(name);
        // A name or a title that can't stand in a header is left out rather than refused.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            headers.insert(name, value);
        }
    };
    let about = mounted.station.about();
    say("content-type", mounted.content_type());
    say("cache-control", "no-cache, no-store");
    say("pragma", "no-cache");
    say("accept-ranges", "none");
    say("x-content-type-options", "nosniff");
    say("connection", "close");
    say("icy-pub", if about.public { "1" } else { "0" });
    let lines = [
        ("icy-name", &about.name),
        ("icy-description", &about.description),
        ("icy-genre", &about.genre),
        ("icy-url", &about.url),
    ];
    for (name, value) in lines {
        if let Some(value) = value {
            say(name, value);
        }
    }
    if let Some(rate) = mounted.station.bit_rate() {
        say("icy-br", &(rate / 1_000).to_string());
    }
    if icy {
        say("icy-metaint", &Listener::METAINT.to_string());
    }
    for (name, value) in &mounted.options.headers {
        say(name, value);
    }
}

/// `burst=2s` or `burst=64000`, for who wants to begin nearer to now.
fn burst_of(query: &str) -> Option<Burst> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("burst="))?;
    if let Some(seconds) = value.strip_suffix('s') {
        let seconds: f64 = seconds.parse().ok()?;
        return Some(Burst { bytes: 0, time: Duration::try_from_secs_f64(seconds).ok()? });
    }
    Some(Burst { bytes: value.parse().ok()?, time: Duration::ZERO })
}

fn not_found(mounts: &[Arc<Mounted>]) -> Response {
    let names: Vec<_> = mounts.iter().map(|mounted| mounted.station.name()).collect();
    let there = if names.is_empty() {
        "there is no broadcast now".into()
    } else {
        format!("there is {}", names.join(", "))
    };
    (StatusCode::NOT_FOUND, format!("nothing here; {there}\n")).into_response()
}

fn not_acceptable(mounts: &[&Arc<Mounted>]) -> Response {
    let types: Vec<_> = mounts.iter().map(|mounted| mounted.content_type()).collect();
    (StatusCode::NOT_ACCEPTABLE, format!("it is to be had as {}\n", types.join(", "))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_in_seconds_and_in_bytes() {
        let time = Duration::from_millis(1_500);
        assert_eq!(burst_of("x=1&burst=1.5s"), Some(Burst { bytes: 0, time }));
        assert_eq!(burst_of("burst=64000"), Some(Burst { bytes: 64_000, time: Duration::ZERO }));
        assert_eq!([burst_of("burst=-1s"), burst_of("burst=x"), burst_of("")], [None; 3]);
    }
}
