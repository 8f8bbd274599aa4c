//! STUN messages (RFC 8489 §5, §14), and the methods and attributes that TURN adds (RFC 8656 §17, §18).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hmac::{Hmac, Mac};
use sha1::Sha1;

/// Bytes before the attributes.
pub const HEADER: usize = 20;
/// What all messages have in the same place.
const COOKIE: u32 = 0x2112_A442;
/// Bytes of a signature.
const SIGNATURE: usize = 20;

/// Which request a message is, or is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// What is my address?
    Binding,
    /// Relay for me.
    Allocate,
    /// For longer, or no more.
    Refresh,
    /// A datagram for a peer.
    Send,
    /// A datagram of a peer.
    Data,
    /// A short name for a peer, who may also send then.
    ChannelBind,
}

impl Method {
    const ALL: [(Self, u16); 6] = [
        (Self::Binding, 0x001),
        (Self::Allocate, 0x003),
        (Self::Refresh, 0x004),
        (Self::Send, 0x006),
        (Self::Data, 0x007),
        (Self::ChannelBind, 0x009),
    ];
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Asks for an answer.
    Request,
    /// Wants none.
    Indication,
    /// Yes.
    Success,
    /// No.
    Error,
}

impl Class {
    const ALL: [(Self, u16); 4] =
        [(Self::Request, 0x000), (Self::Indication, 0x010), (Self::Success, 0x100), (Self::Error, 0x110)];
}

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Attribute {
    /// Who asks.
    Username = 0x0006,
    /// HMAC-SHA1 over what comes before it.
    MessageIntegrity = 0x0008,
    /// Why not.
    ErrorCode = 0x0009,
    /// The number of a channel.
    ChannelNumber = 0x000C,
    /// Seconds.
    Lifetime = 0x000D,
    /// A peer.
    XorPeerAddress = 0x0012,
    /// A datagram.
    Data = 0x0013,
    /// Where the login holds.
    Realm = 0x0014,
    /// What a request must repeat.
    Nonce = 0x0015,
    /// Where the server relays from.
    XorRelayedAddress = 0x0016,
    /// IPv4 or IPv6.
    RequestedAddressFamily = 0x0017,
    /// UDP.
    RequestedTransport = 0x0019,
    /// From where the server saw the request come.
    XorMappedAddress = 0x0020,
}

/// A message that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Which request it belongs to.
    pub method: Method,
    /// What it is.
    pub class: Class,
    /// The request's name.
    pub id: [u8; 12],
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// A datagram as a message; `None` where it is none, or one of another method.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, attributes) = bytes.split_first_chunk::<HEADER>()?;
        let [t0, t1, l0, l1, c0, c1, c2, c3, id @ ..] = *header;
        let (kind, length) = (u16::from_be_bytes([t0, t1]), u16::from_be_bytes([l0, l1]));
        let is_whole = usize::from(length) == attributes.len() && length.is_multiple_of(4);
        if !is_whole || u32::from_be_bytes([c0, c1, c2, c3]) != COOKIE {
            return None;
        }
        let (class, class_bits) = *Class::ALL.iter().find(|(_, bits)| *bits == kind & 0x110)?;
        let method = Method::ALL.iter().find(|(_, bits)| *bits == kind & !class_bits);
        Some(Self { method: method?.0, class, id, bytes })
    }

    /// What an attribute holds: the first of its kind. What stands behind the signature is left out: anybody can have added it
    /// (RFC 8489 §14.5).
    pub fn attribute(&self, wanted: Attribute) -> Option<&'a [u8]> {
        self.attributes().find(|(_, kind, _)| *kind == wanted as u16).map(|(_, _, value)| value)
    }

    /// An address that is hidden from those who change any they see (RFC 8489 §14.2).
    pub fn address(&self, wanted: Attribute) -> Option<SocketAddr> {
        let [_, family, p0, p1, rest @ ..] = self.attribute(wanted)? else { return None };
        let port = u16::from_be_bytes([*p0, *p1]) ^ (COOKIE >> 16) as u16;
        let mask = mask(&self.id);
        let ip: IpAddr = match family {
            1 => Ipv4Addr::from(xor(rest.try_into().ok()?, &mask)).into(),
            2 => Ipv6Addr::from(xor::<16>(rest.try_into().ok()?, &mask)).into(),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// A number of 32 bits.
    pub fn number(&self, wanted: Attribute) -> Option<u32> {
        Some(u32::from_be_bytes(self.attribute(wanted)?.try_into().ok()?))
    }

    /// Text of at most 763 bytes, which is as long as any may be (RFC 8489 §14).
    pub fn text(&self, wanted: Attribute) -> Option<&'a str> {
        let text = self.attribute(wanted).filter(|text| text.len() <= 763)?;
        std::str::from_utf8(text).ok()
    }

    /// The code of an error, 300 to 699, and its words (RFC 8489 §14.8).
    pub fn error(&self) -> Option<(u16, &'a str)> {
        let [_, _, class, number, words @ ..] = self.attribute(Attribute::ErrorCode)? else { return None };
        let code = u16::from(class & 7) * 100 + u16::from(*number);
        Some((code, std::str::from_utf8(words).unwrap_or_default()))
    }

    /// Whether who knows the key has signed it; `None` where it is not signed.
    pub fn is_signed_with(&self, key: &[u8]) -> Option<bool> {
        let signature = |(_, kind, _): &(usize, u16, _)| *kind == Attribute::MessageIntegrity as u16;
        let (at, _, signature) = self.attributes().find(signature)?;
        let mac = hmac(self.bytes.get(..at)?, at, key)?;
        Some(mac.verify_slice(signature).is_ok())
    }

    /// Where each attribute begins, its kind and its value, up to the signature.
    fn attributes(&self) -> impl Iterator<Item = (usize, u16, &'a [u8])> {
        let (bytes, mut at, mut is_over) = (self.bytes, HEADER, false);
        std::iter::from_fn(move || {
            let ([k0, k1, l0, l1], rest) = bytes.get(at..)?.split_first_chunk()?;
            let (kind, length) =
                (u16::from_be_bytes([*k0, *k1]), usize::from(u16::from_be_bytes([*l0, *l1])));
            let found = (at, kind, rest.get(..length).filter(|_| !is_over)?);
            at += 4 + length.next_multiple_of(4);
            is_over = kind == Attribute::MessageIntegrity as u16;
            Some(found)
        })
    }
}

/// A message that is being written.
#[derive(Clone, Debug)]
pub struct Draft {
    bytes: Vec<u8>,
    id: [u8; 12],
}

impl Draft {
    /// One without attributes.
    pub fn new(method: Method, class: Class, id: [u8; 12]) -> Self {
        let bits = |found: Option<u16>| found.unwrap_or_default();
        let method = bits(Method::ALL.iter().find(|(known, _)| *known == method).map(|(_, bits)| *bits));
        let class = bits(Class::ALL.iter().find(|(known, _)| *known == class).map(|(_, bits)| *bits));
        let mut bytes = Vec::with_capacity(128);
        bytes.extend((method | class).to_be_bytes());
        bytes.extend([0; 2]);
        bytes.extend(COOKIE.to_be_bytes());
        bytes.extend(id);
        Self { bytes, id }
    }

    /// Adds an attribute. A value beyond 65,535 bytes is cut there, which none of ours is.
    #[must_use]
    pub fn with(mut self, kind: Attribute, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.bytes.extend((kind as u16).to_be_bytes());
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(&value[..usize::from(length)]);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// Adds an address, hidden as [`Message::address`] reads it.
    #[must_use]
    pub fn with_address(self, kind: Attribute, address: SocketAddr) -> Self {
        let (mask, port) = (mask(&self.id), (address.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
        let mut value = vec![0, if address.is_ipv4() { 1 } else { 2 }];
        value.extend(port);
        match address.ip() {
            IpAddr::V4(ip) => value.extend(xor(ip.octets(), &mask)),
            IpAddr::V6(ip) => value.extend(xor(ip.octets(), &mask)),
        }
        self.with(kind, &value)
    }

    /// Signs what there is.
    #[must_use]
    pub fn signed(self, key: &[u8]) -> Self {
        // HMAC takes keys of any length.
        let Some(signature) = signature(&self.bytes, key) else { return self };
        self.with(Attribute::MessageIntegrity, &signature)
    }

    /// The datagram.
    pub fn finish(mut self) -> Vec<u8> {
        let length = u16::try_from(self.bytes.len() - HEADER).unwrap_or(u16::MAX);
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
        self.bytes
    }
}

/// The signature that a message bears which was written so far.
pub fn signature(bytes: &[u8], key: &[u8]) -> Option<[u8; SIGNATURE]> {
    hmac(bytes, bytes.len(), key).map(|mac| mac.finalize().into_bytes().into())
}

/// Over a message up to its signature at `at`, with the length that it has with that (RFC 8489 §14.5).
fn hmac(bytes: &[u8], at: usize, key: &[u8]) -> Option<Hmac<Sha1>> {
    let (length, (kind, rest)) = (at + 4 + SIGNATURE - HEADER, bytes.split_first_chunk::<2>()?);
    let mut mac = Hmac::<Sha1>::new_from_slice(key).ok()?;
    mac.update(kind);
    mac.update(&u16::try_from(length).ok()?.to_be_bytes());
    mac.update(rest.get(2..)?);
    Some(mac)
}

/// The cookie and the name.
fn mask(id: &[u8; 12]) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(id);
    mask
}

fn xor<const N: usize>(mut value: [u8; N], mask: &[u8; 16]) -> [u8; N] {
    value.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    value
}

#[cfg(test)]
mod tests;
