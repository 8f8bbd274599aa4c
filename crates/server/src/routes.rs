//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::shared::Shared;
use crate::{admin, listen, metrics, page, playlist};

/// Paths that no broadcast may have.
const OURS: [&str; 7] =
    ["/", page::SCRIPT, page::STYLE, "/status.json", "/metrics", "/health", "/admin/metadata"];

/// Whether the server itself answers at a path.
pub(crate) fn is_ours(path: &str) -> bool {
    OURS.contains(&path) || !path.starts_with('/') || path.contains(['?', '#'])
}

/// All paths.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page::html))
        .route(page::SCRIPT, get(page::script))
        .route(page::STYLE, get(page::style))
        .route("/status.json", get(page::status))
        .route("/metrics", get(metrics::metrics))
        .route("/health", get(metrics::health))
        .route("/admin/metadata", get(admin::metadata))
        .fallback(elsewhere)
        .layer(middleware::from_fn(for_all_origins))
        .with_state(shared)
}

/// A broadcast, a playlist, or nothing.
async fn elsewhere(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let allowed = [(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"))];
        return (StatusCode::METHOD_NOT_ALLOWED, allowed, "here is only something to listen to\n")
            .into_response();
    }
    let path = request.uri().path();
    if let Some(playlist) = playlist::answer(&shared, path, request.headers()) {
        return playlist;
    }
    listen::answer(&shared, &request)
}

/// Pages of others may play what is here; browsers ask first whether they may.
async fn for_all_origins(request: Request, next: Next) -> Response {
    let is_question = request.method() == Method::OPTIONS;
    let is_admin = request.uri().path().starts_with("/admin/");
    let mut response =
        if is_question { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    if !is_admin {
        allow(response.headers_mut(), is_question);
    }
    response
}

fn allow(headers: &mut HeaderMap, is_question: bool) {
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    if is_question {
        say(header::ALLOW, "GET, HEAD, OPTIONS");
        say(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS");
        say(header::ACCESS_CONTROL_ALLOW_HEADERS, "Icy-MetaData, Range, Accept");
        say(header::ACCESS_CONTROL_MAX_AGE, "86400");
    } else {
        let exposed = "icy-metaint, icy-name, icy-description, icy-genre, icy-url, icy-br, icy-pub";
        say(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}
