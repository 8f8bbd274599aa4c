//! The addresses behind the names of candidates, by multicast DNS.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use brooklet_webrtc::HiddenCandidate;
use brooklet_webrtc::mdns::{GROUP, Question};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout};

use crate::queue::Queue;

/// When the question is put, from the beginning; it may be lost on a wireless network.
const ASKED: [Duration; 3] = [Duration::ZERO, Duration::from_millis(400), Duration::from_millis(1_200)];
/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Bytes of an answer (RFC 6762 §17).
const ANSWER: usize = 9_000;

/// Asks for the names of candidates where this machine is reached by `addresses`, and hands each on with its address to
/// `orders`. Names that nobody answers for in 2.5 s are left out. Networks of IPv4 alone are asked.
pub(super) async fn resolve(hidden: Vec<HiddenCandidate>, addresses: Vec<SocketAddr>, orders: Queue<String>) {
    let _ = timeout(PATIENCE, ask_for(hidden, &addresses, &orders)).await;
}

async fn ask_for(hidden: Vec<HiddenCandidate>, addresses: &[SocketAddr], orders: &Queue<String>) {
    let is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let mut asked: Vec<_> =
        hidden.into_iter().filter_map(|hidden| Some((Question::new(&hidden.name, is_v4)?, hidden))).collect();
    let begin = Instant::now();
    let ips = addresses.iter().map(SocketAddr::ip).filter_map(v4).collect::<Vec<_>>();
    if ips.is_empty() {
        return;
    }
    let Ok(socket) = open(&ips) else { return };
    let mut buffer = vec![0; ANSWER];
    let mut times = ASKED.into_iter().map(|time| begin + time).peekable();
    while !asked.is_empty() {
        tokio::select! {
            () = sleep_until(times.peek().copied().unwrap_or(begin)), if times.peek().is_some() => {
                times.next();
                ask(&socket, &ips, asked.iter().map(|(question, _)| question)).await;
            }
            came = socket.recv_from(&mut buffer) => {
                let Ok((length, _)) = came else { continue };
                let mut found = Vec::new();
                asked.retain(|(question, hidden)| {
                    let ip = question.answer(&buffer[..length]);
                    found.extend(ip.map(|ip| hidden.at(ip)));
                    ip.is_none()
                });
                for candidate in found {
                    // The session is over where nobody takes it.
                    if orders.send(candidate).await.is_err() {
                        return;
                    }
                }
            }
            () = orders.closed() => return,
        }
    }
}

/// A socket where answers to the group come, beside those of others on this machine.
fn open(ips: &[Ipv4Addr]) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, GROUP.port())).into())?;
    let socket = UdpSocket::from_std(socket.into())?;
    if let Some(group) = v4(GROUP.ip()) {
        for ip in ips {
            // Where it fails there is no such network.
            let _ = socket.join_multicast_v4(group, *ip);
        }
    }
    Ok(socket)
}

/// Asks on each network.
async fn ask<'a>(socket: &UdpSocket, ips: &[Ipv4Addr], questions: impl Iterator<Item = &'a Question>) {
    let mut datagrams: Vec<_> = questions.map(Question::datagram).collect();
    // Each section of a description may have the same.
    datagrams.sort();
    datagrams.dedup();
    for ip in ips {
        let _ = socket2::SockRef::from(socket).set_multicast_if_v4(ip);
        for datagram in &datagrams {
            let _ = socket.send_to(datagram, GROUP).await;
        }
    }
}

fn v4(ip: IpAddr) -> Option<Ipv4Addr> {
    if let IpAddr::V4(ip) = ip { Some(ip) } else { None }
}
