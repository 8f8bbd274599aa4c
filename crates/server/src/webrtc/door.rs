//! Who may come in: tokens, and pages of which origins.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use brooklet::protocol::IceServer;
pub use brooklet::protocol::http::Origins;
use brooklet::rtmp::Access;

use super::{Desk, SDP, refuse};

/// How offers are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebRtcOptions {
    /// Who may publish, watch, and have a camera's pictures processed. A token stands in `Authorization: Bearer …`.
    pub publish: Access,
    /// See `publish`.
    pub watch: Access,
    /// See `publish`.
    pub camera: Access,
    /// Which pages may come.
    pub origins: Origins,
    /// STUN and TURN servers that peers are told of.
    pub ice_servers: Vec<IceServer>,
}

/// What is said to one who does not show the token.
pub(super) fn refused(access: &Access, headers: &HeaderMap) -> Option<Response> {
    if access.admits(token(headers)) {
        return None;
    }
    if *access == Access::Nobody {
        return Some(refuse(StatusCode::FORBIDDEN, "this is not offered here"));
    }
    let mut refused = refuse(StatusCode::UNAUTHORIZED, "a token is needed here (Authorization: Bearer …)");
    refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Some(refused)
}

/// The token that a request shows.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Lets in pages of the origins that may, and tells browsers so, who ask first.
pub(super) async fn origins(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = allowed(&desk.options.origins, request.headers());
    let is_question = request.method() == Method::OPTIONS;
    if !allowed {
        return refuse(
            StatusCode::FORBIDDEN,
            "pages of other servers may not come in here unless they are let in (-allow_origin)",
        );
    }
    let mut response =
        if is_question { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    // A page of our own needs no permission.
    let permitted = match (&desk.options.origins, origin) {
        (Origins::Any, _) => HeaderValue::from_static("*"),
        (Origins::Also(_), Some(origin)) => origin,
        _ => HeaderValue::from_static("null"),
    };
    if permitted != "null" {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, permitted);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    if is_question {
        say(HeaderName::from_static("accept-post"), SDP);
        say(header::ACCESS_CONTROL_ALLOW_METHODS, "POST, PATCH, DELETE, GET, OPTIONS");
        say(header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, If-Match");
        say(header::ACCESS_CONTROL_MAX_AGE, "86400");
    } else {
        say(header::ACCESS_CONTROL_EXPOSE_HEADERS, "Location, ETag, Link, Accept-Patch");
    }
    response
}

fn allowed(origins: &Origins, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().ok());
    match text(header::ORIGIN) {
        None => true,
        Some(origin) => origin.is_some_and(|origin| origins.allow(origin, text(header::HOST).flatten())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn who_is_no_browser_says_no_origin_and_may() {
        let host = (header::HOST, "127.0.0.1:8080");
        let page = |origin| headers(&[host.clone(), (header::ORIGIN, origin)]);
        assert!(allowed(&Origins::Own, &headers(std::slice::from_ref(&host))));
        assert!(allowed(&Origins::Own, &page("http://127.0.0.1:8080")));
        assert!(!allowed(&Origins::Own, &page("https://example.net")));
    }

    #[test]
    fn tokens_are_shown_as_bearer() {
        let access = Access::Token(brooklet::rtmp::Token::new("s3cret").unwrap());
        let shows = |value| headers(&[(header::AUTHORIZATION, value)]);
        assert!(refused(&access, &shows("Bearer s3cret")).is_none());
        assert!(refused(&access, &shows("bearer  s3cret ")).is_none());
        for wrong in ["Bearer s3cre", "Basic s3cret", "s3cret", "Bearer"] {
            assert_eq!(
                refused(&access, &shows(wrong)).unwrap().status(),
                StatusCode::UNAUTHORIZED,
                "{wrong}"
            );
        }
        assert_eq!(refused(&Access::Nobody, &headers(&[])).unwrap().status(), StatusCode::FORBIDDEN);
        assert!(refused(&Access::Anyone, &headers(&[])).is_none());
    }
}
