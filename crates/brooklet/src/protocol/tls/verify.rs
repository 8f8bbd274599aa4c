//! Which servers are trusted; and why one is not, in one line that says what to do.

use std::fs;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Where systems keep the certificates that they trust: Debian, Fedora, openSUSE, Alpine and the BSDs.
const SYSTEM_STORES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What rustls asks whether a server is who it should be. `trusted`, where given, takes the place of the usual roots;
/// a server that shows exactly one of these certificates is believed, for whoever handed it over knows it.
pub(super) fn verifier(
    provider: &Arc<CryptoProvider>,
    verify: bool,
    trusted: Option<Vec<CertificateDer<'static>>>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let chains = match (verify, &trusted) {
        (false, _) => None,
        (true, None) => Some(chains(usual_roots(), provider)?),
        (true, Some(certificates)) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates.iter().cloned());
            if roots.is_empty() {
                return Err("no certificate of -ca_file can be read".into());
            }
            Some(chains(Arc::new(roots), provider)?)
        }
    };
    let known = trusted.unwrap_or_default();
    Ok(Arc::new(Verifier { chains, known, provider: provider.clone() }))
}

/// Why a handshake with `host` failed; `None` where TLS has no say in it.
pub(super) fn explain(error: &io::Error, host: &str) -> Option<String> {
    let reason = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>())?;
    Some(match reason {
        Error::InvalidCertificate(reason) => distrust(reason, host),
        Error::InvalidMessage(_) => {
            "the server does not speak TLS on this port; is it an rtmp:// URL?".into()
        }
        Error::AlertReceived(alert) => format!("the server ended the TLS handshake: {alert:?}"),
        Error::PeerIncompatible(_) => {
            "the server offers no version or cipher that is safe (TLS 1.2 or 1.3 with ECDHE)".into()
        }
        other => format!("the TLS handshake failed: {other}"),
    })
}

/// What is wrong with a certificate, and what to do.
fn distrust(reason: &CertificateError, host: &str) -> String {
    let trust_it = "to trust it all the same, hand its certificate with -ca_file FILE, or switch the check off with \
                    -tls_verify 0";
    match reason {
        CertificateError::Other(other) if other.0.is::<SelfSigned>() => {
            format!("its certificate is signed by nobody but itself; {trust_it}")
        }
        CertificateError::UnknownIssuer => {
            format!("its certificate is signed by nobody who is trusted here; {trust_it}")
        }
        CertificateError::ExpiredContext { time, not_after } => {
            let since = distance(*time, *not_after);
            format!("its certificate expired {since} ago; if it did not, the clock of this machine is wrong")
        }
        CertificateError::Expired => "its certificate has expired".into(),
        CertificateError::NotValidYetContext { time, not_before } => {
            let until = distance(*not_before, *time);
            format!("its certificate begins to be valid in {until}; is the clock of this machine right?")
        }
        CertificateError::NotValidYet => "its certificate is not valid yet".into(),
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            let names: Vec<_> = presented.iter().map(|name| plain_name(name)).collect();
            format!("its certificate is not for {host} but for {}: use that in the URL", names.join(", "))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("its certificate is not for {host}")
        }
        CertificateError::Revoked => "its certificate was revoked".into(),
        other => format!("its certificate cannot be believed: {other}; {trust_it}"),
    }
}

/// The roots that are compiled in, and those of the system; read once.
fn usual_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let named = std::env::var("SSL_CERT_FILE").ok();
        let system =
            named.iter().map(String::as_str).chain(SYSTEM_STORES).find_map(|path| fs::read(path).ok());
        let certificates = system.iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem)).flatten();
        roots.add_parsable_certificates(certificates);
        Arc::new(roots)
    };
    ROOTS.get_or_init(read).clone()
}

fn chains(
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .map_err(|error| error.to_string())
}

#[derive(Debug)]
struct Verifier {
    /// `None` believes everybody.
    chains: Option<Arc<WebPkiServerVerifier>>,
    /// Believed whatever they say.
    known: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

/// Signed by itself: rustls has several other words for that.
#[derive(Debug, thiserror::Error)]
#[error("self-signed")]
struct SelfSigned;

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chains) = &self.chains else { return Ok(ServerCertVerified::assertion()) };
        if self.known.iter().any(|known| known == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).map_err(
            |error| {
                let parsed = webpki::EndEntityCert::try_from(end_entity);
                match (&error, parsed) {
                    // Its date or its name would be the next to fail, but this comes first.
                    (
                        Error::InvalidCertificate(
                            CertificateError::UnknownIssuer | CertificateError::Other(_),
                        ),
                        Ok(it),
                    ) if it.issuer() == it.subject() => {
                        CertificateError::Other(rustls::OtherError(Arc::new(SelfSigned))).into()
                    }
                    _ => error,
                }
            },
        )
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// From `earlier` to `later`, for people.
fn distance(later: UnixTime, earlier: UnixTime) -> String {
    const DAY: u64 = 86_400;
    let between = Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs())).as_secs();
    match (between / DAY, between / 3600) {
        (0, 0) => "less than an hour".into(),
        (0, 1) | (1, _) if between < 2 * 3600 => "an hour".into(),
        (0, hours) => format!("{hours} hours"),
        (1, _) => "a day".into(),
        (days, _) => format!("{days} days"),
    }
}

/// `DnsName("localhost")` as rustls shows it, in plain.
fn plain_name(name: &str) -> &str {
    name.split('(').nth(1).map_or(name, |inner| inner.trim_end_matches(')').trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_for_people() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        for (seconds, words) in [
            (59, "less than an hour"),
            (3_600, "an hour"),
            (7_200, "2 hours"),
            (86_400, "a day"),
            (86_400 * 3 + 5, "3 days"),
        ] {
            assert_eq!(distance(at(1_000_000 + seconds), at(1_000_000)), words);
        }
    }

    #[test]
    fn names_are_told_without_rusts_dress() {
        assert_eq!(plain_name("DnsName(\"localhost\")"), "localhost");
        assert_eq!(plain_name("IpAddress(127.0.0.1)"), "127.0.0.1");
        assert_eq!(plain_name("localhost"), "localhost");
    }

    #[test]
    fn the_usual_roots_are_there() {
        assert!(usual_roots().len() >= webpki_roots::TLS_SERVER_ROOTS.len());
    }
}
