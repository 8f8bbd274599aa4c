//! Who may come in: tokens, and pages of which origins.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use brooklet::protocol::IceServer;
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

/// The pages that may make sessions. A browser says whose page it shows (`Origin`); what is no browser says nothing, and may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Those of this server.
    #[default]
    Own,
    /// These too: `https://example.net`.
    Also(Vec<String>),
    /// All.
    Any,
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
        return refuse(StatusCode::FORBIDDEN, "pages of other servers may not come in here");
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
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = origin.split_once("://").map(|(_, host)| host);
    let is_own = host.is_some() && host == text(header::HOST);
    match origins {
        Origins::Own => is_own,
        Origins::Also(others) => is_own || others.iter().any(|other| other.eq_ignore_ascii_case(origin)),
        Origins::Any => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn pages_of_others_stay_outside() {
        let page = |origin| headers(&[(header::HOST, "127.0.0.1:8080"), (header::ORIGIN, origin)]);
        let also = Origins::Also(vec!["https://example.net".into()]);
        assert!(
            allowed(&Origins::Own, &page("http://127.0.0.1:8080")) && allowed(&Origins::Own, &headers(&[]))
        );
        for other in ["http://127.0.0.1:8081", "https://example.net", "null", "127.0.0.1:8080"] {
            assert!(!allowed(&Origins::Own, &page(other)), "{other}");
            assert!(allowed(&Origins::Any, &page(other)), "{other}");
        }
        assert!(
            allowed(&also, &page("https://Example.net")) && allowed(&also, &page("http://127.0.0.1:8080"))
        );
        assert!(!allowed(&also, &page("https://example.net.evil.org")));
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
