//! The page that sends a camera through a processor, and its sessions. All of it is in the program.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the page |
//! | `GET /camera.json` | the tasks with their settings; ICE servers, for who shows the token |
//! | `POST /camera?task=blur&radius=5`, an offer | a session, as WHIP's |
//! | `PATCH` to it, `{"task": "clock", "settings": {"size": 4}}` | `204`: from the next picture on |
//! | `GET` it | how it goes: pictures received, sent and dropped, time of processing, what failed |

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use brooklet::processor::{Control, Setting, Task};
use brooklet::rtmp::Access;
use brooklet::webrtc::Choice;
use serde_json::{Value, json};

use super::{Desk, IceServer, SDP, another_kind, door, refuse, status};
use crate::page::file;

/// How a choice is sent.
pub(super) const CHOICE: &str = "application/json";

/// The page's own paths.
pub(super) fn paths() -> Router<Arc<Desk>> {
    let script = |text| move || async move { file("text/javascript; charset=utf-8", text) };
    let style = || async { file("text/css; charset=utf-8", include_str!("camera/camera.css")) };
    let page = || async { file("text/html; charset=utf-8", include_str!("camera/index.html")) };
    Router::new()
        .route("/", get(page))
        .route("/camera.css", get(style))
        .route("/camera.js", get(script(include_str!("camera/camera.js"))))
        .route("/graphs.js", get(script(include_str!("camera/graphs.js"))))
        .route("/settings.js", get(script(include_str!("camera/settings.js"))))
        .route("/streams.js", get(script(include_str!("camera/streams.js"))))
        .route("/camera.json", get(offered))
        .route("/camera", post(start))
}

async fn offered(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let access = &desk.options.camera;
    let may = access.admits(door::token(&headers));
    let servers: &[IceServer] = if may { &desk.options.ice_servers } else { &[] };
    plain(&json!({
        "tasks": desk.gateway.tasks().iter().map(task).collect::<Vec<_>>(),
        "iceServers": servers.iter().map(ice_server).collect::<Vec<_>>(),
        "token": matches!(access, Access::Token(_)),
    }))
}

async fn start(
    State(desk): State<Arc<Desk>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let refused = door::refused(&desk.options.camera, &headers);
    if let Some(refused) = refused.or_else(|| another_kind(&headers, SDP)) {
        return refused;
    }
    let Ok(offer) = std::str::from_utf8(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "an offer is text");
    };
    let (tasks, settings): (Vec<_>, _) = query.into_iter().partition(|(name, _)| name == "task");
    let task = tasks.into_iter().next_back().map(|(_, task)| task);
    match desk.gateway.process(&Choice { task, settings }, offer).await {
        Ok(answer) => desk.created(answer),
        Err(refusal) => refuse(status(&refusal), refusal.reason()),
    }
}

/// Something else to do to the pictures of a session.
pub(super) fn choose(desk: &Desk, id: &str, body: &[u8]) -> Response {
    let Some(choice) = serde_json::from_slice(body).ok().and_then(|value| choice(&value)) else {
        return refuse(StatusCode::BAD_REQUEST, r#"a choice is {"task": "…", "settings": {"…": "…"}}"#);
    };
    match desk.gateway.choose(id, &choice) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refuse(status(&refusal), refusal.reason()),
    }
}

/// How a session goes.
pub(super) async fn report(State(desk): State<Arc<Desk>>, Path(id): Path<String>) -> Response {
    match desk.gateway.report(&id) {
        Ok(report) => plain(&json!({
            "task": report.task,
            "received": report.received,
            "sent": report.sent,
            "dropped": report.dropped,
            "soundDropped": report.sound_dropped,
            "processing": report.processing.as_secs_f64() * 1e3,
            "delay": report.delay.as_secs_f64() * 1e3,
            "bitRate": report.bit_rate,
            "failure": report.failure,
        })),
        Err(refusal) => refuse(status(&refusal), refusal.reason()),
    }
}

fn choice(value: &Value) -> Option<Choice> {
    let value = value.as_object()?;
    let task = match value.get("task") {
        None | Some(Value::Null) => None,
        Some(task) => Some(task.as_str()?.to_string()),
    };
    let settings = match value.get("settings") {
        None => Vec::new(),
        Some(settings) => settings
            .as_object()?
            .iter()
            .map(|(name, value)| {
                Some((name.clone(), value.as_str().map_or_else(|| value.to_string(), String::from)))
            })
            .collect::<Option<_>>()?,
    };
    Some(Choice { task, settings })
}

fn task(task: &Task) -> Value {
    json!({
        "name": task.name(),
        "title": task.title(),
        "settings": task.settings().iter().map(setting).collect::<Vec<_>>(),
    })
}

fn setting(setting: &Setting) -> Value {
    let (name, title) = (setting.name, setting.title);
    match &setting.control {
        Control::Selector(choices) => {
            let choices: Vec<_> =
                choices.iter().map(|(name, title)| json!({ "name": name, "title": title })).collect();
            json!({ "name": name, "title": title, "choices": choices })
        }
        Control::Slider { range, step, start } => json!({
            "name": name, "title": title,
            "least": range.start(), "most": range.end(), "step": step, "start": start,
        }),
    }
}

fn ice_server(server: &IceServer) -> Value {
    match &server.login {
        Some((user, password)) => json!({ "urls": server.url, "username": user, "credential": password }),
        None => json!({ "urls": server.url }),
    }
}

fn plain(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, CHOICE), (header::CACHE_CONTROL, "no-store")], value.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_or_refused() {
        let read = |text: &str| choice(&serde_json::from_str(text).unwrap());
        let settings = vec![("radius".to_string(), "4.5".to_string()), ("style".into(), "ink".into())];
        let whole = read(r#"{"task": "blur", "settings": {"radius": 4.5, "style": "ink"}}"#);
        assert_eq!(whole, Some(Choice { task: Some("blur".into()), settings }));
        assert_eq!(read("{}"), Some(Choice::default()));
        for wrong in ["[]", "1", r#"{"task": 1}"#, r#"{"settings": []}"#] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn settings_are_told_as_they_are_declared() {
        let slider = setting(&Setting::slider("radius", "Radius", 1.0..=9.0, 0.5, 3.0));
        assert_eq!(
            slider,
            json!({"name": "radius", "title": "Radius", "least": 1.0, "most": 9.0, "step": 0.5, "start": 3.0})
        );
        let selector = setting(&Setting::selector("a", "A", &[("b", "B")]));
        assert_eq!(selector, json!({"name": "a", "title": "A", "choices": [{"name": "b", "title": "B"}]}));
    }
}
