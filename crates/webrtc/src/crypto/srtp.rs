//! The ciphers of SRTP: AES-128 in counter mode (RFC 3711), AES-GCM (RFC 7714).

use std::fmt;

use aes::{Aes128, Aes256};
use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes128Gcm, Aes256Gcm, Nonce, Tag};
use ctr::cipher::consts::{U12, U16};
use ctr::cipher::{BlockCipher, BlockEncrypt, BlockSizeUser, KeyInit, KeyIvInit, StreamCipher};
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider,
    SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

/// Bytes of the tag that stands after what AES-GCM encrypted.
const TAG: usize = 16;

/// Makes ciphers.
#[derive(Debug)]
pub(super) struct Srtp;

impl SrtpProvider for Srtp {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &Self
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Self
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Self
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        block::<Aes128>(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        block::<Aes256>(key, input, output);
    }
}

impl SupportedAes128CmSha1_80 for Srtp {
    fn create_cipher(&self, key: [u8; 16], _: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(Counter(key))
    }
}

impl SupportedAeadAes128Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 16], _: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Gcm(Aes128Gcm::new(&key.into())))
    }
}

impl SupportedAeadAes256Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 32], _: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Gcm(Aes256Gcm::new(&key.into())))
    }
}

/// One block, from which keys are derived. Whoever gives none of the right length gets zeros.
fn block<C>(key: &[u8], input: &[u8], output: &mut [u8])
where
    C: BlockEncrypt + BlockCipher + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    output.fill(0);
    let (Ok(cipher), Some(input), Some(output)) =
        (C::new_from_slice(key), input.first_chunk::<16>(), output.first_chunk_mut::<16>())
    else {
        return;
    };
    cipher.encrypt_block_b2b(input.into(), output.into());
}

struct Counter([u8; 16]);

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counter")
    }
}

impl Aes128CmSha1_80Cipher for Counter {
    fn encrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let output = room(output, input.len())?;
        let mut cipher = ctr::Ctr128BE::<Aes128>::new(&self.0.into(), iv.into());
        cipher
            .apply_keystream_b2b(input, output)
            .map_err(|_| CryptoError::Other("srtp: the counter is used up".into()))
    }

    fn decrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.encrypt(iv, input, output)
    }
}

struct Gcm<C>(C);

impl<C> fmt::Debug for Gcm<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gcm")
    }
}

impl<C: AeadInPlace<NonceSize = U12, TagSize = U16>> Gcm<C> {
    fn seal(&self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let output = room(output, input.len() + TAG)?;
        let (text, tag) = output.split_at_mut(input.len());
        text.copy_from_slice(input);
        let made = self.0.encrypt_in_place_detached(Nonce::from_slice(iv), aad, text);
        tag.copy_from_slice(&made.map_err(|_| CryptoError::Other("srtp: too long to encrypt".into()))?);
        Ok(())
    }

    fn open(
        &self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let short = || CryptoError::Other("srtp: too short for its tag".into());
        let length = input.len().checked_sub(TAG).ok_or_else(short)?;
        let (text, tag) = input.split_at(length);
        let output = room(output, length)?;
        output.copy_from_slice(text);
        let joined;
        let aad = match aads {
            [one] => one,
            several => {
                joined = several.concat();
                &joined[..]
            }
        };
        self.0
            .decrypt_in_place_detached(Nonce::from_slice(iv), aad, output, Tag::from_slice(tag))
            .map_err(|_| CryptoError::Other("srtp: not from this peer".into()))?;
        Ok(length)
    }
}

impl<C: AeadInPlace<NonceSize = U12, TagSize = U16> + Send + Sync + 'static> AeadAes128GcmCipher for Gcm<C>
where
    Self: fmt::Debug + std::panic::UnwindSafe + std::panic::RefUnwindSafe,
{
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.seal(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.open(iv, aads, input, output)
    }
}

impl<C: AeadInPlace<NonceSize = U12, TagSize = U16> + Send + Sync + 'static> AeadAes256GcmCipher for Gcm<C>
where
    Self: fmt::Debug + std::panic::UnwindSafe + std::panic::RefUnwindSafe,
{
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.seal(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.open(iv, aads, input, output)
    }
}

fn room(output: &mut [u8], length: usize) -> Result<&mut [u8], CryptoError> {
    output.get_mut(..length).ok_or_else(|| CryptoError::Other("srtp: no room for what was coded".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_and_nothing_else() {
        let mut gcm = Gcm(Aes128Gcm::new(&[7; 16].into()));
        let (mut sealed, mut opened) = ([0; 21], [0; 5]);
        AeadAes128GcmCipher::encrypt(&mut gcm, &[1; 12], b"header", b"media", &mut sealed).unwrap();
        let length =
            AeadAes128GcmCipher::decrypt(&mut gcm, &[1; 12], &[b"hea", b"der"], &sealed, &mut opened);
        assert_eq!((length.unwrap(), &opened), (5, b"media"));
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(gcm.open(&[1; 12], &[b"header"], &damaged, &mut opened).is_err());
        }
        for length in 0..TAG {
            assert!(gcm.open(&[1; 12], &[b"header"], &sealed[..length], &mut opened).is_err());
        }
        assert!(gcm.open(&[1; 12], &[b"header"], &sealed, &mut [0; 4]).is_err());
    }

    #[test]
    fn counter_mode_of_nist_sp_800_38a() {
        let key =
            [0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c];
        let iv: [u8; 16] = std::array::from_fn(|n| 0xf0 + n as u8);
        let text = [0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96];
        let mut out = [0; 8];
        Counter(key).encrypt(&iv, &text, &mut out).unwrap();
        assert_eq!(out, [0x87, 0x4d, 0x61, 0x91, 0xb6, 0x20, 0xe3, 0x26]);
    }
}
