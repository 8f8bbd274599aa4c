//! Servers in virtual time: one that answers as it should, and those that do not.

use proptest::prelude::*;

use super::*;

const USER: &str = "me";
const PASSWORD: &str = "p@ss:word";
/// MD5 of `me:here:p@ss:word`.
const KEY: &[u8; 16] = b"\x73\x1d\x95\xcd\xd4\x71\xd1\x5c\x55\xdc\xaf\x96\x92\x76\x35\x6a";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn there() -> SocketAddr {
    address("192.0.2.1:3478")
}

fn mapped() -> SocketAddr {
    address("198.51.100.9:40000")
}

fn relayed() -> SocketAddr {
    address("192.0.2.1:50000")
}

fn peer() -> SocketAddr {
    address("203.0.113.5:6000")
}

fn turn() -> Server {
    let login = Login { user: USER.into(), password: PASSWORD.into() };
    Server { address: there(), login: Some(login) }
}

/// Servers that are asked, and the time.
struct Scene {
    servers: Servers,
    now: Instant,
    sent: Vec<Vec<u8>>,
    troubles: Vec<Trouble>,
    nonce: &'static str,
    lifetime: u32,
}

impl Scene {
    fn of(server: &Server) -> Self {
        let now = Instant::now();
        let servers = Servers::ask(std::slice::from_ref(server), now).unwrap();
        let mut scene =
            Self { servers, now, sent: Vec::new(), troubles: Vec::new(), nonce: "n1", lifetime: 600 };
        scene.drain();
        scene
    }

    /// A relay that was given.
    fn relaying() -> Self {
        let mut scene = Self::of(&turn());
        scene.serve();
        assert_eq!(scene.servers.found(), [Found::Reflexive(mapped()), Found::Relayed(relayed())]);
        scene
    }

    /// Takes what is to be done. When more is.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.servers.poll() {
                Output::Transmit { destination, bytes } => {
                    assert_eq!(destination, there());
                    self.sent.push(bytes);
                }
                Output::Trouble(server, trouble) => {
                    assert_eq!(server, there());
                    self.troubles.push(trouble);
                }
                Output::Timeout(at) => return at,
            }
        }
    }

    /// Lets time pass; what is sent meanwhile is lost, or answered.
    fn pass(&mut self, time: Duration, is_served: bool) {
        let end = self.now + time;
        loop {
            let next = self.drain().filter(|at| *at < end);
            self.now = next.unwrap_or(end);
            self.servers.handle_timeout(self.now);
            self.drain();
            if is_served {
                self.serve();
            }
            if next.is_none() {
                return;
            }
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        assert_eq!(self.servers.handle_datagram(self.now, there(), bytes), Arrival::Taken);
        self.drain();
    }

    /// Answers all that was sent, as a server does.
    fn serve(&mut self) {
        while !self.sent.is_empty() {
            for request in std::mem::take(&mut self.sent) {
                if let Some(answer) = self.answer(&request) {
                    self.receive(&answer);
                }
            }
        }
    }

    fn answer(&self, request: &[u8]) -> Option<Vec<u8>> {
        let request = Message::parse(request)?;
        assert_eq!(request.class, Class::Request);
        let draft = |class| Draft::new(request.method, class, request.id);
        if request.method == Method::Binding {
            let draft = draft(Class::Success);
            return Some(draft.with_address(Attribute::XorMappedAddress, mapped()).finish());
        }
        let refuse = |code: [u8; 2], words: &[u8]| {
            let draft = draft(Class::Error).with(Attribute::ErrorCode, &[&[0, 0], &code[..], words].concat());
            let draft = draft.with(Attribute::Realm, b"here").with(Attribute::Nonce, self.nonce.as_bytes());
            Some(draft.finish())
        };
        if request.is_signed_with(KEY) != Some(true) {
            return refuse([4, 1], b"Unauthorized");
        }
        assert_eq!(request.text(Attribute::Username), Some(USER));
        assert_eq!(request.text(Attribute::Realm), Some("here"));
        if request.text(Attribute::Nonce) != Some(self.nonce) {
            return refuse([4, 38], b"Stale Nonce");
        }
        let mut draft = draft(Class::Success);
        if request.method == Method::Allocate {
            assert_eq!(request.attribute(Attribute::RequestedTransport), Some(&[17, 0, 0, 0][..]));
            draft = draft
                .with_address(Attribute::XorMappedAddress, mapped())
                .with_address(Attribute::XorRelayedAddress, relayed());
        }
        if matches!(request.method, Method::Allocate | Method::Refresh) {
            draft = draft.with(Attribute::Lifetime, &self.lifetime.to_be_bytes());
        }
        Some(draft.signed(KEY).finish())
    }

    fn methods(&self) -> Vec<Method> {
        self.sent.iter().map(|bytes| Message::parse(bytes).unwrap().method).collect()
    }

    /// What a datagram to the peer becomes.
    fn relay(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        assert!(self.servers.relay(self.now, relayed(), peer(), bytes));
        self.drain();
        std::mem::take(&mut self.sent)
    }

    /// The same, once the peer has been let in.
    fn opened() -> Self {
        let mut scene = Self::relaying();
        let asked = scene.relay(b"lost");
        scene.sent = asked;
        scene.serve();
        scene
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_stun_server_says_what_it_sees_at_the_third_asking() {
    let mut scene = Scene::of(&Server { address: there(), login: None });
    scene.pass(SECOND * 3 / 2 + Duration::from_millis(1), false);
    assert_eq!(scene.methods(), [Method::Binding; 3]);
    assert!(scene.sent.iter().all(|bytes| *bytes == scene.sent[0]), "the same again");
    assert!(!scene.servers.is_done());
    scene.sent.truncate(1);
    scene.serve();
    assert_eq!((scene.servers.found(), scene.servers.is_done()), (vec![Found::Reflexive(mapped())], true));
    assert_eq!((scene.drain(), scene.troubles.len()), (None, 0));
}

#[test]
fn who_does_not_answer_is_given_up_after_two_seconds() {
    for login in [None, turn().login] {
        let mut scene = Scene::of(&Server { address: there(), login });
        scene.pass(SECOND * 2 - Duration::from_millis(1), false);
        assert!(!scene.servers.is_done());
        scene.pass(Duration::from_millis(1), false);
        assert_eq!((scene.servers.is_done(), &scene.troubles[..]), (true, &[Trouble::Silent][..]));
        assert_eq!((scene.drain(), scene.servers.found()), (None, Vec::new()));
    }
}

#[test]
fn a_relay_is_given_to_who_shows_the_login_when_asked() {
    let mut scene = Scene::of(&turn());
    let first = Message::parse(&scene.sent[0]).unwrap();
    assert_eq!((first.method, first.attribute(Attribute::Username)), (Method::Allocate, None));
    scene.serve();
    assert_eq!(scene.servers.found(), [Found::Reflexive(mapped()), Found::Relayed(relayed())]);
    assert!(scene.servers.is_done() && scene.troubles.is_empty());
}

#[test]
fn a_wrong_password_is_told_once() {
    let login = Login { user: USER.into(), password: "another".into() };
    let mut scene = Scene::of(&Server { address: there(), login: Some(login) });
    scene.serve();
    assert_eq!((scene.servers.is_done(), &scene.troubles[..]), (true, &[Trouble::Login][..]));
    scene.pass(SECOND * 60, true);
    assert_eq!((scene.troubles.len(), scene.servers.found()), (1, Vec::new()));
    assert_eq!(Trouble::Refused(486, "Quota".into()).to_string(), "it refuses: 486 Quota");
}

#[test]
fn what_has_become_stale_is_repeated_anew() {
    let mut scene = Scene::opened();
    scene.nonce = "n2";
    // The relay's and the channel's turn come with the old nonce.
    scene.pass(SECOND * 235, true);
    scene.relay(b"in use");
    scene.pass(SECOND * 200, true);
    assert!(scene.troubles.is_empty());
    assert_eq!(scene.relay(b"hi"), [b"\x40\0\0\x02hi"]);
}

#[test]
fn who_finds_everything_stale_is_given_up() {
    let mut scene = Scene::of(&turn());
    for nonce in ["n2", "n3", "n4", "n5", "n6", "n7", "n8"] {
        for request in std::mem::take(&mut scene.sent) {
            let answer = scene.answer(&request).unwrap();
            scene.receive(&answer);
        }
        scene.nonce = nonce;
    }
    assert_eq!(scene.troubles, [Trouble::Refused(438, "Stale Nonce".into())]);
}

#[test]
fn a_relay_is_kept_by_asking_before_it_ends() {
    let mut scene = Scene::of(&turn());
    scene.lifetime = 20;
    scene.serve();
    scene.pass(SECOND * 16 - Duration::from_millis(1), false);
    assert!(scene.sent.is_empty());
    scene.pass(Duration::from_millis(1), false);
    assert_eq!(scene.methods(), [Method::Refresh]);
    scene.serve();
    scene.pass(SECOND * 3_600, true);
    assert!(scene.troubles.is_empty() && scene.servers.found().len() == 2);
    // Nobody answers any more.
    scene.pass(SECOND * 60, false);
    assert_eq!((&scene.troubles[..], scene.servers.found()), (&[Trouble::Lost][..], Vec::new()));
    assert!(!scene.servers.relay(scene.now, relayed(), peer(), b"lost"));
}

#[test]
fn datagrams_go_by_a_channel_once_the_peer_is_let_in() {
    let mut scene = Scene::relaying();
    let asked = scene.relay(b"lost");
    let request = Message::parse(&asked[0]).unwrap();
    assert_eq!(
        (asked.len(), request.method, request.address(Attribute::XorPeerAddress)),
        (1, Method::ChannelBind, Some(peer()))
    );
    assert_eq!(request.attribute(Attribute::ChannelNumber), Some(&[0x40, 0, 0, 0][..]));
    assert!(scene.relay(b"lost too").is_empty(), "it is asked for once");
    scene.sent = asked;
    scene.serve();
    assert_eq!(scene.relay(b"hi"), [b"\x40\0\0\x02hi"]);
    assert!(!scene.servers.relay(scene.now, mapped(), peer(), b"no relay's address"));

    let (source, destination) = (peer(), relayed());
    let came = scene.servers.handle_datagram(scene.now, there(), b"\x40\0\0\x03hey");
    assert_eq!(came, Arrival::Relayed { source, destination, bytes: b"hey" });
    let source = address("203.0.113.5:6001");
    let indication = Draft::new(Method::Data, Class::Indication, [1; 12])
        .with_address(Attribute::XorPeerAddress, source)
        .with(Attribute::Data, b"from elsewhere")
        .finish();
    let came = scene.servers.handle_datagram(scene.now, there(), &indication);
    assert_eq!(came, Arrival::Relayed { source, destination, bytes: b"from elsewhere" });
    assert_eq!(scene.servers.handle_datagram(scene.now, peer(), b"\x40\0\0\x03hey"), Arrival::Direct);
}

#[test]
fn a_peer_is_kept_let_in_while_it_is_sent_to() {
    let mut scene = Scene::opened();
    for _ in 0..24 {
        scene.relay(b"hi");
        scene.pass(SECOND * 10, false);
    }
    assert_eq!(scene.methods(), [Method::ChannelBind], "within the 5 minutes of its permission");
    scene.serve();
    scene.pass(SECOND * 480, true);
    let asked = scene.relay(b"after a long rest");
    assert_eq!(Message::parse(&asked[0]).unwrap().method, Method::ChannelBind);
}

#[test]
fn what_others_say_in_a_servers_name_is_not_believed() {
    let mut scene = Scene::of(&turn());
    let request = scene.sent.remove(0);
    let refusal = scene.answer(&request).unwrap();
    scene.receive(&refusal);
    let request = scene.sent[0].clone();
    let request = Message::parse(&request).unwrap();
    let forged = Draft::new(Method::Allocate, Class::Success, request.id)
        .with_address(Attribute::XorRelayedAddress, address("198.51.100.66:6"));
    for forged in [forged.clone(), forged.signed(b"another key")] {
        let bytes = forged.finish();
        scene.receive(&bytes);
        assert!(!scene.servers.is_done());
    }
    let another = Draft::new(Method::Allocate, Class::Success, [7; 12]).finish();
    assert_eq!(scene.servers.handle_datagram(scene.now, there(), &another), Arrival::Direct);
    scene.serve();
    assert_eq!(scene.servers.found().len(), 2);
}

#[test]
fn a_relay_is_given_back() {
    let mut scene = Scene::opened();
    scene.servers.end();
    assert_eq!(scene.drain(), None);
    let last = Message::parse(&scene.sent[0]).unwrap();
    assert_eq!((scene.sent.len(), last.method), (1, Method::Refresh));
    assert_eq!((last.number(Attribute::Lifetime), last.is_signed_with(KEY)), (Some(0), Some(true)));
}

#[test]
fn one_server_is_asked_once_and_the_relay_wins() {
    let stun = Server { address: there(), login: None };
    for order in [[stun.clone(), turn()], [turn(), stun]] {
        let mut servers = Servers::ask(&order, Instant::now()).unwrap();
        let Output::Transmit { bytes, .. } = servers.poll() else { panic!("nothing is asked") };
        assert_eq!(Message::parse(&bytes).unwrap().method, Method::Allocate);
        assert!(matches!(servers.poll(), Output::Timeout(Some(_))));
    }
}

proptest! {
    #[test]
    fn garbage_does_no_harm(noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20)) {
        let mut scene = Scene::opened();
        for bytes in noise {
            let _ = scene.servers.handle_datagram(scene.now, there(), &bytes);
            scene.drain();
        }
        prop_assert!(scene.sent.is_empty() && scene.troubles.is_empty());
        prop_assert_eq!(scene.servers.found().len(), 2);
    }
}
