//! Numbers for Prometheus (its text format 0.0.4), and one word for whoever restarts what is not well.

use std::fmt::{Display, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::process;
use crate::shared::Shared;

/// A broadcast whose source gives nothing for so long is not well.
const QUIET: Duration = Duration::from_secs(30);

/// `/health`: 200 while every broadcast has a source that gives something.
pub(crate) async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let mounts = shared.mounts();
    let quiet: Vec<_> = mounts.iter().filter(|mounted| mounted.station.quiet_for() > QUIET).collect();
    let no_cache = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    if quiet.is_empty() {
        return (no_cache, "ok\n").into_response();
    }
    let names: Vec<_> = quiet
        .iter()
        .map(|mounted| format!("{} for {} s", mounted.station.name(), mounted.station.quiet_for().as_secs()))
        .collect();
    let what = format!("the source gives nothing: {}\n", names.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, no_cache, what).into_response()
}

/// `/metrics`.
pub(crate) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let mut page = Page::default();
    page.one(
        "brooklet_uptime_seconds",
        "gauge",
        "Time since the server began.",
        shared.since.elapsed().as_secs(),
    );
    page.one(
        "brooklet_http_connections",
        "gauge",
        "HTTP connections, whatever they do.",
        shared.places.count(),
    );
    let (streams, mounts) = (shared.hub.streams(), shared.mounts());
    let mut each = |name: &str,
                    kind: &str,
                    help: &str,
                    value: fn(&brooklet::hub::StreamStatistics) -> u64| {
        page.family(name, kind, help);
        for stream in &streams {
            page.line(name, &[("stream", &stream.name), ("codecs", &stream.codecs.join(","))], value(stream));
        }
    };
    each("brooklet_stream_live", "gauge", "Whether somebody publishes it.", |it| u64::from(it.is_live));
    each("brooklet_stream_listeners", "gauge", "Who listens to it, or watches it.", |it| it.viewers as u64);
    each("brooklet_stream_received_bytes_total", "counter", "Bytes that were published.", |it| it.received);
    each("brooklet_stream_sent_bytes_total", "counter", "Bytes that were sent.", |it| it.sent);
    each("brooklet_stream_skipped_total", "counter", "Units that slow ones skipped.", |it| it.skipped);
    page.family("brooklet_broadcast_bit_rate", "gauge", "Bits in a second.");
    for mounted in &mounts {
        let rate = mounted.station.bit_rate().unwrap_or(0);
        page.line("brooklet_broadcast_bit_rate", &[("stream", mounted.station.name())], rate);
    }
    page.family("brooklet_broadcast_quiet_seconds", "gauge", "For how long the source has given nothing.");
    for mounted in &mounts {
        let quiet = mounted.station.quiet_for().as_secs_f64();
        page.line("brooklet_broadcast_quiet_seconds", &[("stream", mounted.station.name())], quiet);
    }
    if let Some(process) = process::this() {
        page.one("process_cpu_seconds_total", "counter", "CPU time.", process.cpu);
        page.one("process_resident_memory_bytes", "gauge", "Memory.", process.memory);
        page.one("process_open_fds", "gauge", "Open files and sockets.", process.files);
        page.one("process_max_fds", "gauge", "Files and sockets that may be open.", process.most_files);
    }
    let kind = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (kind, page.text).into_response()
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<_> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let _ = writeln!(self.text, "{name}{{{}}} {value}", labels.join(","));
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        let _ = writeln!(self.text, "{name} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_may_hold_anything() {
        let mut page = Page::default();
        page.one("a", "gauge", "A.", 1);
        page.line("b", &[("stream", "x\"y\\\n")], 2.5);
        assert_eq!(page.text, "# HELP a A.\n# TYPE a gauge\na 1\nb{stream=\"x\\\"y\\\\\\n\"} 2.5\n");
    }
}
