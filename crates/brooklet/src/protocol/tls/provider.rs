//! Whose cryptography rustls uses. Neither builds nor links C.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

/// graviola where the processor has what its assembler takes (x86-64 since about 2015, 64-bit ARM with the
/// cryptographic extensions), else rustls-rustcrypto, which runs on everything: slower, and by its own word an alpha.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(fast().unwrap_or_else(rustls_rustcrypto::provider))).clone()
}

/// graviola checks by itself and panics, so this asks first for all that it may need.
#[cfg(target_arch = "x86_64")]
fn fast() -> Option<CryptoProvider> {
    let has_all = is_x86_feature_detected!("aes")
        && is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("ssse3")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("adx")
        && is_x86_feature_detected!("avx")
        && is_x86_feature_detected!("avx2");
    has_all.then(rustls_graviola::default_provider)
}

#[cfg(target_arch = "aarch64")]
fn fast() -> Option<CryptoProvider> {
    use std::arch::is_aarch64_feature_detected;
    let has_all = is_aarch64_feature_detected!("neon")
        && is_aarch64_feature_detected!("aes")
        && is_aarch64_feature_detected!("pmull")
        && is_aarch64_feature_detected!("sha2");
    has_all.then(rustls_graviola::default_provider)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn fast() -> Option<CryptoProvider> {
    None
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, ProtocolVersion, ServerConfig, ServerConnection, version};

    use super::super::verify::verifier;
    use super::*;

    /// A certificate for localhost that signed itself, and a key that is used for nothing else.
    const CERT: &[u8] = b"-----BEGIN CERTIFICATE-----
MIIBlDCCATugAwIBAgIULLkjchX6jg85V+MD44fLA6Xcux0wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA1MTkxMloYDzIxMjYxMDI4
MDUxOTEyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAR5OggIoqgJj+cDCQaAbvEJxJjcEXvM1m9zE1/N2kZYhWbrFQK1Oqfg
ERIugfqrt7TqhYq00GjKU3Gvqj65c5cSo2kwZzAdBgNVHQ4EFgQUkcuO6wX5jVC3
3l97GC7UwBiAZY0wHwYDVR0jBBgwFoAUkcuO6wX5jVC33l97GC7UwBiAZY0wDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
RwAwRAIgNnPFardwd+P9TcC4G8ZPIzPKHaCaTXVnb7LGAjwGwzoCICl6zt1RVFmQ
N+z17scGDkmOwM7CJHEg8BoUDP8n6tyr
-----END CERTIFICATE-----";
    const KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgoydBZMVH5Ft55NZj
sykyAhf5c+FEaW8dixGLw2NZ8JGhRANCAAR5OggIoqgJj+cDCQaAbvEJxJjcEXvM
1m9zE1/N2kZYhWbrFQK1OqfgERIugfqrt7TqhYq00GjKU3Gvqj65c5cS
-----END PRIVATE KEY-----";

    #[test]
    fn every_provider_speaks_with_every_other() {
        let fallback = || Arc::new(rustls_rustcrypto::provider());
        for (ours, theirs) in [(provider(), fallback()), (fallback(), provider()), (fallback(), fallback())] {
            for (version, name) in
                [(&version::TLS13, ProtocolVersion::TLSv1_3), (&version::TLS12, ProtocolVersion::TLSv1_2)]
            {
                let chain = vec![CertificateDer::from_pem_slice(CERT).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
                let server = ServerConfig::builder_with_provider(theirs.clone())
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_no_client_auth()
                    .with_single_cert(chain.clone(), key)
                    .unwrap();
                let client = ClientConfig::builder_with_provider(ours.clone())
                    .with_protocol_versions(&[version])
                    .unwrap()
                    .dangerous()
                    .with_custom_certificate_verifier(verifier(&ours, true, Some(chain)).unwrap())
                    .with_no_client_auth();
                let host = ServerName::try_from("localhost").unwrap();
                let mut client = ClientConnection::new(Arc::new(client), host).unwrap();
                let mut server = ServerConnection::new(Arc::new(server)).unwrap();
                client.writer().write_all(b"to and").unwrap();
                server.writer().write_all(b" fro").unwrap();
                while client.wants_write() || server.wants_write() {
                    let (mut said, mut answered) = (Vec::new(), Vec::new());
                    client.write_tls(&mut said).unwrap();
                    server.write_tls(&mut answered).unwrap();
                    feed(&said, |bytes| server.read_tls(bytes));
                    server.process_new_packets().unwrap();
                    feed(&answered, |bytes| client.read_tls(bytes));
                    client.process_new_packets().unwrap();
                }
                let mut heard = [0; 10];
                server.reader().read_exact(&mut heard[..6]).unwrap();
                client.reader().read_exact(&mut heard[6..]).unwrap();
                assert_eq!((&heard, client.protocol_version()), (b"to and fro", Some(name)));
            }
        }
    }

    fn feed(mut bytes: &[u8], mut read: impl FnMut(&mut &[u8]) -> std::io::Result<usize>) {
        while !bytes.is_empty() {
            assert!(read(&mut bytes).unwrap() > 0);
        }
    }
}
