//! WHIP (RFC 9725), WHEP (draft-ietf-wish-whep) and the camera page: offers in, answers out, around a [`Gateway`].
//!
//! | request | answer |
//! |---|---|
//! | `POST` an offer (`application/sdp`) to an endpoint | `201` with the answer, `Location` of the session, `ETag`, `Link` for each ICE server |
//! | `PATCH` candidates (`application/trickle-ice-sdpfrag`) to the session | `204`; `412` with another `If-Match` |
//! | `DELETE` the session | `200` |
//! | `OPTIONS` | `204` with what is taken (`Accept-Post`), and which origins may |
//!
//! | file | holds |
//! |---|---|
//! | `door` | who may come in: tokens, and pages of which origins |
//! | `camera` | the page, and its sessions: what to do to pictures, and how it goes |
//! | `scheme` | `-i whip://` and `-f whep` |
//!
//! ICE is not begun anew within a session: a new offer makes a new one.

mod camera;
mod door;
pub(crate) mod scheme;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use brooklet::webrtc::{Answer, Gateway, Refusal};

pub use brooklet::protocol::IceServer;
pub use door::{Origins, WebRtcOptions};

/// Bytes of an offer.
const BODY: usize = 64 << 10;
/// Where sessions are.
const SESSIONS: &str = "/session/";
const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// What the paths share.
#[derive(Debug)]
struct Desk {
    gateway: Gateway,
    options: WebRtcOptions,
}

/// What an endpoint does with an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// The peer publishes.
    Publish,
    /// The peer watches.
    Watch,
}

/// The paths of all streams of a gateway: `/whip/NAME` to publish, `/whep/NAME` to watch, and of their sessions. Names may
/// have slashes, as `live/app`. Where the gateway has tasks, the page at `/` sends a camera through them.
pub fn router(gateway: Gateway, options: WebRtcOptions) -> Router {
    let has_tasks = !gateway.tasks().is_empty();
    let desk = Arc::new(Desk { gateway, options });
    let mut paths = Router::new().route("/whip/{*name}", post(publish)).route("/whep/{*name}", post(watch));
    if has_tasks {
        paths = paths.merge(camera::paths());
    }
    with_sessions(paths, desk)
}

/// One endpoint at a path of its own.
pub(crate) fn endpoint(path: &str, verb: Verb, gateway: Gateway, options: WebRtcOptions) -> Router {
    let desk = Arc::new(Desk { gateway, options });
    let name = path.to_string();
    let answer = move |State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes| {
        let name = name.clone();
        async move { offered(&desk, verb, &name, &headers, &body).await }
    };
    with_sessions(Router::new().route(path, post(answer)), desk)
}

fn with_sessions(streams: Router<Arc<Desk>>, desk: Arc<Desk>) -> Router {
    streams
        .route("/session/{id}", patch(change).delete(end).get(camera::report))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(desk.clone(), door::origins))
        .with_state(desk)
}

async fn publish(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    offered(&desk, Verb::Publish, &name, &headers, &body).await
}

async fn watch(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    offered(&desk, Verb::Watch, &name, &headers, &body).await
}

async fn offered(desk: &Desk, verb: Verb, name: &str, headers: &HeaderMap, body: &[u8]) -> Response {
    let access = match verb {
        Verb::Publish => &desk.options.publish,
        Verb::Watch => &desk.options.watch,
    };
    if let Some(refused) = door::refused(access, headers).or_else(|| another_kind(headers, SDP)) {
        return refused;
    }
    let Ok(offer) = std::str::from_utf8(body) else {
        return refuse(StatusCode::BAD_REQUEST, "an offer is text");
    };
    let answered = match verb {
        Verb::Publish => desk.gateway.publish(name, offer).await,
        Verb::Watch => desk.gateway.watch(name, offer).await,
    };
    match answered {
        Ok(answer) => desk.created(answer),
        Err(refusal) => refuse(status(&refusal), refusal.reason()),
    }
}

/// More candidates, or something else to do to the pictures. Who knows a session's name may: nobody else can.
async fn change(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if another_kind(&headers, camera::CHOICE).is_none() {
        return camera::choose(&desk, &id, &body);
    }
    if let Some(refused) = another_kind(&headers, FRAGMENT) {
        return refused;
    }
    let expected = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    if expected.is_some_and(|expected| expected != "*" && expected != tag(&id)) {
        return refuse(StatusCode::PRECONDITION_FAILED, "that is another session's ETag");
    }
    match desk.gateway.add_candidates(&id, &String::from_utf8_lossy(&body)) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refuse(status(&refusal), refusal.reason()),
    }
}

async fn end(State(desk): State<Arc<Desk>>, Path(id): Path<String>) -> Response {
    if desk.gateway.end(&id) {
        StatusCode::OK.into_response()
    } else {
        refuse(StatusCode::NOT_FOUND, "there is no such session")
    }
}

/// What is said to one who brings something else.
fn another_kind(headers: &HeaderMap, kind: &str) -> Option<Response> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    (!said.eq_ignore_ascii_case(kind)).then(|| {
        refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, &format!("what is taken here is {kind}, not '{said}'"))
    })
}

impl Desk {
    fn created(&self, answer: Answer) -> Response {
        let mut response = (StatusCode::CREATED, answer.sdp).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP));
        headers.insert(HeaderName::from_static("accept-patch"), HeaderValue::from_static(FRAGMENT));
        let own = [(header::LOCATION, format!("{SESSIONS}{}", answer.id)), (header::ETAG, tag(&answer.id))];
        for (name, value) in own {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        for server in &self.options.ice_servers {
            if let Ok(value) = HeaderValue::from_str(&link(server)) {
                headers.append(header::LINK, value);
            }
        }
        response
    }
}

/// The session's version: always the first, because ICE is not begun anew.
fn tag(id: &str) -> String {
    format!("\"{}-1\"", id.get(..8).unwrap_or(id))
}

fn link(server: &IceServer) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut link = format!("<{}>; rel=\"ice-server\"", server.url);
    if let Some((user, password)) = &server.login {
        let (user, password) = (quoted(user), quoted(password));
        link += &format!("; username=\"{user}\"; credential=\"{password}\"; credential-type=\"password\"");
    }
    link
}

const fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Offer(_) => StatusCode::BAD_REQUEST,
        Refusal::NoStream(_) => StatusCode::NOT_FOUND,
        Refusal::Busy(_) => StatusCode::CONFLICT,
        Refusal::Forbidden(_) => StatusCode::FORBIDDEN,
        Refusal::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Media(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::System(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, format!("{why}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_in_links() {
        let stun = IceServer { url: "stun:stun.example.net".into(), login: None };
        assert_eq!(link(&stun), "<stun:stun.example.net>; rel=\"ice-server\"");
        let login = Some(("me".into(), "p\"w".into()));
        let turn = IceServer { url: "turn:turn.example.net?transport=udp".into(), login };
        assert_eq!(
            link(&turn),
            "<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; username=\"me\"; credential=\"p\\\"w\"; \
             credential-type=\"password\""
        );
    }
}
