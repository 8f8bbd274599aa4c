//! The cryptography of a session, in Rust alone: str0m's own providers bring C with them.
//!
//! | file | holds |
//! |---|---|
//! | `certificate` | the self-signed certificate that DTLS shows |
//! | `dtls` | DTLS 1.2 by dimpl |
//! | `srtp` | the ciphers of media |

pub(crate) mod certificate;
mod dtls;
mod srtp;

use std::sync::{Arc, OnceLock};

use hmac::{Hmac, Mac};
use rand_core::{OsRng, RngCore};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use str0m::crypto::{CryptoProvider, Sha1HmacProvider, Sha256Provider};

use crate::{Error, Result};

/// Bytes that nobody can guess, for names that let those in who know them.
///
/// # Errors
///
/// [`Error::Crypto`] where the system gives none.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = OsRng.try_fill_bytes(&mut bytes);
    filled.map(|()| bytes).map_err(|error| Error::Crypto(format!("no random numbers: {error}")))
}

/// What all sessions share.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || {
        Arc::new(CryptoProvider {
            srtp_provider: &srtp::Srtp,
            sha1_hmac_provider: &Hashes,
            sha256_provider: &Hashes,
            dtls_provider: &dtls::Dtls,
        })
    };
    PROVIDER.get_or_init(make).clone()
}

/// HMAC-SHA1, which STUN and SRTP sign with, and SHA-256, which certificates are known by.
#[derive(Debug)]
struct Hashes;

impl Sha1HmacProvider for Hashes {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        // HMAC takes a key of any length, so this is never the empty answer.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else { return [0; 20] };
        payloads.iter().for_each(|payload| mac.update(payload));
        mac.finalize().into_bytes().into()
    }
}

impl Sha256Provider for Hashes {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        Sha256::digest(data).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_of_rfc_2202() {
        let tag = Hashes.sha1_hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(tag[..4], [0xef, 0xfc, 0xdf, 0x6a]);
    }
}
