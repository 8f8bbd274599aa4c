//! How two peers find a way to each other (ICE): the servers that help.

/// How sessions of WebRTC find a way to their peers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IceOptions {
    /// STUN and TURN servers that a session asks for addresses before it says its own: 3 s at most.
    pub servers: Vec<IceServer>,
    /// Whether peers are reached by relays (TURN) alone, and learn no other address.
    pub relay_only: bool,
}

/// A STUN or TURN server (RFC 7064, RFC 7065; RFC 9725 §4.6).
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:host:port`, `turn:host:port?transport=udp`.
    pub url: String,
    /// Of TURN: user and password.
    pub login: Option<(String, String)>,
}

impl IceServer {
    /// From `stun:HOST:PORT`, or `turn:USER:PASSWORD@HOST:PORT`, where ports may be left out and `?transport=udp` or `tcp` may
    /// follow; `stuns:` and `turns:` are these within TLS. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
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
        let server = Self { url: format!("{scheme}:{host}"), login };
        (is_whole && server.place().is_some()).then_some(server)
    }

    /// Host and port, and whether they are asked by UDP alone, which is the way that sessions of ours speak.
    pub fn place(&self) -> Option<(&str, u16, bool)> {
        let (scheme, rest) = self.url.split_once(':')?;
        let (place, transport) = rest.split_once('?').unwrap_or((rest, "transport=udp"));
        let is_udp = match transport {
            "transport=udp" => !scheme.ends_with('s'),
            "transport=tcp" => false,
            _ => return None,
        };
        let default = if scheme.ends_with('s') { 5349 } else { 3478 };
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => place.split_at(place.find(':').unwrap_or(place.len())),
        };
        let port = if port.is_empty() { default } else { port.strip_prefix(':')?.parse().ok()? };
        (!host.is_empty()).then_some((host, port, is_udp))
    }
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer").field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_told_apart() {
        let stun = IceServer { url: "stun:stun.example.net:3478".into(), login: None };
        assert_eq!(IceServer::parse("stun:stun.example.net:3478"), Some(stun));
        let login = Some(("me".to_string(), "p@ss:word".to_string()));
        let turn = IceServer { url: "turn:h:3478?transport=udp".into(), login };
        assert_eq!(IceServer::parse("turn:me:p@ss:word@h:3478?transport=udp"), Some(turn));
        let wrong =
            ["", "h", "stun:", "turn:h:3478", "turn::p@h", "http://h", "stun:me:p@h", "stun::1", "stun:h:x"];
        for wrong in wrong.into_iter().chain(["stun:h:70000", "stun:[::1", "turn:me:p@h?transport=tls"]) {
            assert_eq!(IceServer::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn places_have_their_usual_ports() {
        let place = |text: &str| {
            let server = IceServer::parse(text).unwrap();
            server.place().map(|(host, port, is_udp)| (host.to_string(), port, is_udp)).unwrap()
        };
        assert_eq!(place("stun:h"), ("h".into(), 3478, true));
        assert_eq!(place("stun:[::1]:5"), ("::1".into(), 5, true));
        assert_eq!(place("turn:a:b@[fd00::2]?transport=udp"), ("fd00::2".into(), 3478, true));
        assert_eq!(place("turn:a:b@h:9?transport=tcp"), ("h".into(), 9, false));
        assert_eq!(place("turns:a:b@h"), ("h".into(), 5349, false));
    }
}
