//! A server that asks publishers for a user and a password, as Adobe's and Limelight's do; no peer that installs from
//! a package does.

#[path = "../../crates/rtmp/tests/support/gate.rs"]
mod gate;

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use brooklet_media::Timestamp;
use brooklet_rtmp::{Output, Server, ServerEvent, ServerOptions};

pub use gate::Gate;

/// The server, which serves one publisher and then is done.
#[derive(Debug)]
pub struct Gatekeeper {
    port: u16,
    served: JoinHandle<Admitted>,
}

/// What the gatekeeper has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Admitted {
    /// Attempts that it turned away.
    pub refused: usize,
    /// Tags of the publisher that it let in.
    pub tags: usize,
}

impl Gatekeeper {
    /// Waits on a port of its own.
    pub fn start(gate: Gate) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        Self { port, served: thread::spawn(move || serve(&listener, &gate)) }
    }

    /// The address of a stream, with a login: `me:secret`.
    pub fn url(&self, login: &str) -> String {
        format!("rtmp://{login}@127.0.0.1:{}/live/key", self.port)
    }

    /// What it has seen, once it has let one in and that one has left.
    pub fn admitted(self) -> Admitted {
        self.served.join().expect("the gatekeeper")
    }
}

fn serve(listener: &TcpListener, gate: &Gate) -> Admitted {
    let mut admitted = Admitted::default();
    loop {
        let (socket, _) = listener.accept().expect("a visitor");
        match visit(socket, gate) {
            Some(tags) => return Admitted { tags, ..admitted },
            None => admitted.refused += 1,
        }
    }
}

/// How many tags a visitor sent; `None` where it was turned away.
fn visit(mut socket: TcpStream, gate: &Gate) -> Option<usize> {
    let begin = Instant::now();
    let now = || Timestamp::ZERO + begin.elapsed();
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let mut random = [0; brooklet_rtmp::handshake::RANDOM];
    random.fill_with(|| RandomState::new().hash_one(0) as u8);
    let mut server = Server::new(ServerOptions::default(), &random, now());
    let (mut buffer, mut tags, mut refused) = (vec![0; 65_536], None, false);
    loop {
        let event = match server.poll_output() {
            Output::Transmit(bytes) => {
                // Who has heard what it must know leaves without hearing all.
                if socket.write_all(&bytes).is_err() {
                    return tags;
                }
                continue;
            }
            Output::Event(event) => event,
            Output::Timeout(_) => {
                if refused {
                    let _ = socket.shutdown(Shutdown::Write);
                }
                match socket.read(&mut buffer) {
                    Ok(count) if count > 0 => server.handle_input(&buffer[..count], now()).expect("RTMP"),
                    _ => return tags,
                }
                continue;
            }
        };
        match event {
            ServerEvent::ConnectRequested(request) => match gate.refusal(&request) {
                None => server.accept().expect("a request"),
                Some(words) => {
                    server.refuse("NetConnection.Connect.Rejected", &words).expect("a request");
                    refused = true;
                }
            },
            ServerEvent::PublishRequested(_) => {
                server.accept().expect("a request");
                tags = Some(0);
            }
            ServerEvent::Tag(_) => tags = tags.map(|count| count + 1),
            _ => {}
        }
    }
}
