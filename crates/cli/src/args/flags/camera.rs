//! Options of WebRTC: who comes to `brooklet serve --http`, and how a way to them is found.

use brooklet::rtmp::{Access, Token};
use brooklet_server::webrtc::{IceServer, Origins};

use crate::args::flag::Flag;

pub(super) const FLAGS: &[Flag] = &[
    Flag::serve("camera_token", |options, given| {
        let token = Token::new(&given.value).map_err(|error| given.refuse(error.to_string()))?;
        options.camera.webrtc.camera = Access::Token(token);
        Ok(())
    })
    .alias(&["camera-token", "-camera-token", "-camera_token"])
    .value("TOKEN")
    .help("who sends a camera to the page of -http must type it there")
    .details("Who publishes by WHIP shows -publish_token, who watches by WHEP -play_token: Authorization: Bearer TOKEN."),
    Flag::serve("allow_origin", |options, given| {
        let origins = &mut options.camera.webrtc.origins;
        if given.value == "*" {
            *origins = Origins::Any;
            return Ok(());
        }
        let is_one = given.value.starts_with("http://") || given.value.starts_with("https://");
        let origin = given.read(is_one.then(|| given.value.trim_end_matches('/').to_string()), "https://HOST, or *")?;
        match origins {
            Origins::Also(others) => others.push(origin),
            _ => *origins = Origins::Also(vec![origin]),
        }
        Ok(())
    })
    .alias(&["allow-origin", "-allow-origin", "-allow_origin"])
    .value("ORIGIN")
    .help("pages of other servers that may use WHIP, WHEP and the camera: https://HOST, or * for all"),
    Flag::serve("ice_server", |options, given| {
        let server = given.read(ice_server(&given.value), "stun:HOST:PORT, or turn:USER:PASSWORD@HOST:PORT")?;
        options.camera.webrtc.ice_servers.push(server);
        Ok(())
    })
    .alias(&["ice-server", "-ice-server", "-ice_server"])
    .value("URL")
    .help("a STUN or TURN server that browsers are told of: stun:HOST:PORT, turn:USER:PASSWORD@HOST:PORT"),
    Flag::serve("public_ip", |options, given| {
        options.camera.gateway.public_ip = Some(given.read(given.value.parse().ok(), "an IP address")?);
        Ok(())
    })
    .alias(&["public-ip", "-public-ip", "-public_ip"])
    .value("IP")
    .help("the address by which the world reaches this machine; peers then look for the way alone (ICE-lite)"),
    Flag::serve("max_sessions", |options, given| {
        options.camera.gateway.sessions = given.positive()?;
        Ok(())
    })
    .alias(&["max-sessions", "-max-sessions", "-max_sessions"])
    .value("N")
    .help("cameras, publishers and viewers by WebRTC at once: 100"),
    Flag::demo("http", |options, given| {
        options.http = Some(given.value.strip_prefix("http://").unwrap_or(&given.value).trim_end_matches('/').into());
        Ok(())
    })
    .alias(&["-http"])
    .value("HOST:PORT")
    .help("where to show it to browsers, with the page for your camera: 127.0.0.1:8080"),
];

/// As browsers are told it: the login apart from the URL.
fn ice_server(text: &str) -> Option<IceServer> {
    let (scheme, rest) = text.split_once(':')?;
    let (login, host) = match rest.rsplit_once('@') {
        Some((login, host)) => (Some(login.split_once(':')?), host),
        None => (None, rest),
    };
    let is_whole = match scheme {
        "stun" | "stuns" => login.is_none(),
        "turn" | "turns" => login.is_some_and(|(user, _)| !user.is_empty()),
        _ => false,
    };
    let login = login.map(|(user, password)| (user.to_string(), password.to_string()));
    (is_whole && !host.is_empty()).then(|| IceServer { url: format!("{scheme}:{host}"), login })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_told_apart() {
        let stun = IceServer { url: "stun:stun.example.net:3478".into(), login: None };
        assert_eq!(ice_server("stun:stun.example.net:3478"), Some(stun));
        let login = Some(("me".to_string(), "p@ss:word".to_string()));
        let turn = IceServer { url: "turn:h:3478?transport=udp".into(), login };
        assert_eq!(ice_server("turn:me:p@ss:word@h:3478?transport=udp"), Some(turn));
        for wrong in ["", "h", "stun:", "turn:h:3478", "turn::p@h", "http://h", "stun:me:p@h"] {
            assert_eq!(ice_server(wrong), None, "{wrong}");
        }
    }
}
