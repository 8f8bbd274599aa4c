//! The digest handshake: HMAC-SHA256 over what is otherwise random.
//!
//! Adobe never wrote it down; this is what Flash Player 9 and Flash Media Server 3 and all that followed them do.
//! C1 and S1 each hold, at a place that four of their own bytes choose, a digest of all their other bytes; C2 and
//! S2 end with a digest made with the other side's.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::PACKET;

/// Length of a digest in bytes.
const DIGEST: usize = 32;

/// A half of C1 or S1: four bytes of offset, a digest or a key somewhere behind them.
const HALF: usize = 764;

/// Where the halves begin, behind the time and the version.
const HALVES: usize = 8;

const CRUD: [u8; 32] = [
    0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57, 0x6E,
    0xEC, 0x5D, 0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
];

/// One of the two sides, by the text that it signs with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Signer {
    Player,
    Server,
}

impl Signer {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::Player => b"Genuine Adobe Flash Player 001",
            Self::Server => b"Genuine Adobe Flash Media Server 001",
        }
    }
}

/// Which half holds the digest; the other one holds a Diffie-Hellman key, which only RTMPE uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scheme {
    /// Scheme 0: the first half.
    DigestFirst,
    /// Scheme 1: the second half.
    KeyFirst,
}

/// Puts the digest into a C1 or S1 that is otherwise complete.
pub(super) fn sign(packet: &mut [u8; PACKET], signer: Signer, scheme: Scheme) {
    let at = place(packet, scheme);
    let digest = digest_of(packet, at, signer);
    packet[at..at + DIGEST].copy_from_slice(&digest);
}

/// The scheme and the digest of a C1 or S1; `None` where it was not signed.
pub(super) fn verify(packet: &[u8; PACKET], signer: Signer) -> Option<(Scheme, [u8; DIGEST])> {
    [Scheme::DigestFirst, Scheme::KeyFirst].into_iter().find_map(|scheme| {
        let at = place(packet, scheme);
        let digest = digest_of(packet, at, signer);
        (packet[at..at + DIGEST] == digest).then_some((scheme, digest))
    })
}

/// Ends a C2 or S2 with the digest that answers `theirs`.
pub(super) fn sign_answer(packet: &mut [u8; PACKET], signer: Signer, theirs: &[u8; DIGEST]) {
    let key = hmac(&[signer.text(), &CRUD].concat(), &[theirs]);
    let (random, end) = packet.split_at_mut(PACKET - DIGEST);
    end.copy_from_slice(&hmac(&key, &[random]));
}

/// Where the digest is. Four bytes can add up to 1020; the digest stays inside its half.
fn place(packet: &[u8; PACKET], scheme: Scheme) -> usize {
    let half = match scheme {
        Scheme::DigestFirst => HALVES,
        Scheme::KeyFirst => HALVES + HALF,
    };
    let sum: usize = packet[half..half + 4].iter().map(|&byte| usize::from(byte)).sum();
    half + 4 + sum % (HALF - 4 - DIGEST)
}

fn digest_of(packet: &[u8; PACKET], at: usize, signer: Signer) -> [u8; DIGEST] {
    hmac(signer.text(), &[&packet[..at], &packet[at + DIGEST..]])
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST] {
    // HMAC takes a key of any length; the error type is there for other constructions.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; DIGEST] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let digest = hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(digest[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(digest[28..], [0x64, 0xec, 0x38, 0x43]);
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_nothing_else(
            fill in any::<u64>(), flip in 0usize..PACKET, server in any::<bool>(), first in any::<bool>(),
        ) {
            let mut packet = [0; PACKET];
            let mut state = fill;
            for byte in &mut packet {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = (state >> 56) as u8;
            }
            let (signer, other) = if server { (Signer::Server, Signer::Player) } else { (Signer::Player, Signer::Server) };
            let scheme = if first { Scheme::DigestFirst } else { Scheme::KeyFirst };
            prop_assert_eq!(verify(&packet, signer), None);
            sign(&mut packet, signer, scheme);
            prop_assert_eq!(verify(&packet, signer).map(|(scheme, _)| scheme), Some(scheme));
            prop_assert_eq!(verify(&packet, other), None);
            packet[flip] ^= 1;
            prop_assert_eq!(verify(&packet, signer), None);
        }
    }
}
