//! Options of WebRTC: who comes to `brooklet serve --http`, and how a way to them is found.

use brooklet::protocol::IceOptions;
use brooklet::rtmp::{Access, Token};
use brooklet_server::webrtc::{IceServer, Origins};

use crate::args::error::UsageError;
use crate::args::flag::{Choices, Flag, Outcome};
use crate::args::given::Given;

const POLICIES: Choices = Choices::Words(&["all", "relay"]);

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
        allow(&mut options.camera.webrtc.origins, given)
    })
    .alias(&["allow-origin", "-allow-origin", "-allow_origin"])
    .value("ORIGIN")
    .help("pages of other servers that may use WHIP, WHEP and the camera: https://HOST, or * for all"),
    Flag::file(
        "allow_origin",
        |input, given| allow(&mut input.spec.http.origins, given),
        |output, given| allow(&mut output.spec.http.origins, given),
    )
    .value("ORIGIN")
    .help("pages of other servers that may come to -i whip:// and -f whep: https://HOST, or * for all")
    .details("Without it, only what is no browser may, and pages of the very host and port that are listened on."),
    Flag::serve("ice_server", |options, given| {
        let server = ice_server(given)?;
        options.camera.gateway.ice.servers.push(server.clone());
        options.camera.webrtc.ice_servers.push(server);
        Ok(())
    })
    .alias(&["ice-server", "-ice-server", "-ice_server"])
    .value("URL")
    .help("a STUN or TURN server for us and browsers: stun:HOST:PORT, turn:USER:PASSWORD@HOST:PORT")
    .details(
        "Each session asks it by UDP for the address that the world sees, or for a relay, before an offer is answered; one that \
         does not answer costs 2 s and a warning. With ?transport=tcp, turns: or stuns: only browsers are told of it. With \
         -public_ip our sessions ask nobody. May be given several times.",
    ),
    Flag::file(
        "ice_server",
        |input, given| help(&mut input.spec.http.ice, given),
        |output, given| help(&mut output.spec.http.ice, given),
    )
    .value("URL")
    .help("a STUN or TURN server for WebRTC: stun:HOST:PORT, turn:USER:PASSWORD@HOST:PORT")
    .details("It is asked by UDP, from the socket of the session. May be given several times."),
    Flag::serve("ice_policy", |options, given| policy(&mut options.camera.gateway.ice, given))
        .alias(&["ice-policy", "-ice-policy", "-ice_policy"])
        .value("WHICH")
        .choices(POLICIES)
        .help("which ways WebRTC takes: all, or relay: by the TURN server of -ice_server alone"),
    Flag::file(
        "ice_policy",
        |input, given| policy(&mut input.spec.http.ice, given),
        |output, given| policy(&mut output.spec.http.ice, given),
    )
    .value("WHICH")
    .choices(POLICIES)
    .help("which ways WebRTC takes: all, or relay: by the TURN server of -ice_server alone"),
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

/// A server that our own sessions ask.
fn help(ice: &mut IceOptions, given: &Given) -> Outcome {
    let server = ice_server(given)?;
    let is_udp = server.place().is_some_and(|(_, _, is_udp)| is_udp);
    ice.servers.push(
        given.read(is_udp.then_some(server), "a server that is asked by UDP: stun:HOST:PORT, or turn:")?,
    );
    Ok(())
}

fn policy(ice: &mut IceOptions, given: &Given) -> Outcome {
    let relay_only = match given.value.as_str() {
        "all" => Some(false),
        "relay" => Some(true),
        _ => None,
    };
    ice.relay_only = given.read(relay_only, "all, or relay")?;
    Ok(())
}

fn allow(origins: &mut Origins, given: &Given) -> Outcome {
    given.read(origins.add(&given.value).then_some(()), "https://HOST, or *")
}

/// As browsers are told it: the login apart from the URL.
fn ice_server(given: &Given) -> Result<IceServer, UsageError> {
    given.read(IceServer::parse(&given.value), "stun:HOST:PORT, or turn:USER:PASSWORD@HOST:PORT")
}
