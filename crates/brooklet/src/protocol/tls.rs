//! TLS by rustls, for whatever protocol runs inside it.
//!
//! | file | holds |
//! |---|---|
//! | `own` | a certificate made here |
//! | `provider` | whose cryptography: chosen by what the processor can do |
//! | `verify` | which servers are trusted, and why one is not, in words |

use std::path::PathBuf;

#[cfg(feature = "tls")]
mod own;
#[cfg(feature = "tls")]
mod provider;
#[cfg(feature = "tls")]
mod verify;

/// How a TLS connection is made, in the terms of ffmpeg's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// `-tls_verify`: whether a server must prove who it is. Without, anyone on the way can listen.
    pub verify: bool,
    /// `-ca_file`: certificates (PEM) of those who are trusted to vouch for a server, in place of the usual ones; or
    /// the server's own.
    pub ca_file: Option<PathBuf>,
    /// `-cert_file`: our own certificate (PEM), followed by those between it and its root. Who listens needs one;
    /// who connects may have one.
    pub cert_file: Option<PathBuf>,
    /// `-key_file`: its private key (PEM), where that is not in `cert_file`.
    pub key_file: Option<PathBuf>,
    /// `-tls self`: where there is no `cert_file`, who listens makes a certificate and keeps it, in `brooklet/self.pem` of the
    /// user's settings. Clients must be told to trust it.
    pub self_made: bool,
}

impl Default for TlsOptions {
    /// Servers are verified against the usual roots; no certificate of our own.
    fn default() -> Self {
        Self { verify: true, ca_file: None, cert_file: None, key_file: None, self_made: false }
    }
}

#[cfg(feature = "tls")]
pub(crate) use with_rustls::{Acceptor, connect};

#[cfg(feature = "tls")]
mod with_rustls {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ServerConfig};
    use tokio::net::TcpStream;
    use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

    use super::{TlsOptions, own, provider, verify};
    use crate::{Error, Result};

    /// How long the other side may take to agree on a cipher.
    const HANDSHAKE: Duration = Duration::from_secs(10);

    /// How to make a certificate for trying things out.
    const MAKE_ONE: &str = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
        -keyout key.pem -out cert.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1";

    /// A certificate and those between it and its root, with its key.
    type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

    /// Makes a connection to `host` a private one. `url` is for messages.
    pub(crate) async fn connect(
        url: &str,
        host: &str,
        stream: TcpStream,
        options: &TlsOptions,
    ) -> Result<TlsStream<TcpStream>> {
        // Files are read, which must not hold up the runtime's other sockets.
        let (text, reading) = (url.to_owned(), options.clone());
        let config = tokio::task::spawn_blocking(move || client_config(&text, &reading)).await;
        let config = config.map_err(|_| Error::Stopped)??;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| tls_error(url, format!("'{host}' is no name that a certificate can be for")))?;
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let connected = tokio::time::timeout(HANDSHAKE, connecting).await;
        let connected = connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
        let stream = connected.map_err(|error| match verify::explain(&error, host) {
            Some(what) => tls_error(url, what),
            // A server that goes away may come back.
            None => {
                let what = "the server broke off the TLS handshake; does it speak TLS on this port?";
                Error::io(url, "cannot connect", std::io::Error::new(error.kind(), what))
            }
        })?;
        Ok(stream.into())
    }

    /// What visitors are let in by.
    #[derive(Clone)]
    pub(crate) struct Acceptor(TlsAcceptor);

    impl Acceptor {
        /// Reads the certificate and its key. `url` is for messages.
        pub(crate) fn new(url: &str, options: &TlsOptions) -> Result<Self> {
            let made = options.self_made && options.cert_file.is_none();
            let made = made.then(own::certificate).transpose().map_err(|what| tls_error(url, what))?;
            let cert_file = options.cert_file.clone().or(made);
            let Some((chain, key)) = identity(url, &TlsOptions { cert_file, ..options.clone() })? else {
                let why = "to listen for TLS takes -cert_file and -key_file, or -tls self, which makes them, as does";
                return Err(Error::Usage(format!("{url}: {why}: {MAKE_ONE}")));
            };
            let config = ServerConfig::builder_with_provider(provider::provider())
                .with_safe_default_protocol_versions()
                .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
                .map_err(|error| unusable(url, &error))?;
            Ok(Self(Arc::new(config).into()))
        }

        /// Makes a visitor's connection a private one.
        pub(crate) async fn accept(&self, url: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
            let late = |_| Error::Timeout { url: url.into(), what: "no TLS handshake", after: HANDSHAKE };
            let accepted = tokio::time::timeout(HANDSHAKE, self.0.accept(stream)).await.map_err(late)?;
            let stream =
                accepted.map_err(|error| tls_error(url, format!("a visitor left the handshake: {error}")))?;
            Ok(stream.into())
        }
    }

    fn client_config(url: &str, options: &TlsOptions) -> Result<ClientConfig> {
        let provider = provider::provider();
        let trusted = options.ca_file.as_deref().map(|path| certificates(url, path)).transpose()?;
        let verifier = verify::verifier(&provider, options.verify, trusted);
        let verifier = verifier.map_err(|what| tls_error(url, what))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(url, &error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        match identity(url, options)? {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, key)) => {
                builder.with_client_auth_cert(chain, key).map_err(|error| unusable(url, &error))
            }
        }
    }

    fn identity(url: &str, options: &TlsOptions) -> Result<Option<Identity>> {
        let (certificate, key) = match (&options.cert_file, &options.key_file) {
            (None, None) => return Ok(None),
            (None, Some(_)) => {
                return Err(Error::Usage(format!("{url}: -key_file needs its certificate: -cert_file FILE")));
            }
            (Some(certificate), key) => (certificate, key.as_ref().unwrap_or(certificate)),
        };
        let chain = certificates(url, certificate)?;
        let key =
            PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(url, key, "private key", &error))?;
        Ok(Some((chain, key)))
    }

    fn certificates(url: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
        let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let all = all.map_err(|error| unreadable(url, path, "certificate", &error))?;
        if all.is_empty() {
            let none = rustls::pki_types::pem::Error::NoItemsFound;
            return Err(unreadable(url, path, "certificate", &none));
        }
        Ok(all)
    }

    fn unreadable(url: &str, path: &Path, what: &str, error: &rustls::pki_types::pem::Error) -> Error {
        use rustls::pki_types::pem::Error as Pem;
        let why = match error {
            Pem::Io(error) => return tls_error(url, format!("cannot read {}: {error}", path.display())),
            Pem::NoItemsFound => format!("there is no {what} in it in PEM form"),
            other => format!("its {what} is damaged: {other}"),
        };
        tls_error(url, format!("cannot use {}: {why}", path.display()))
    }

    fn unusable(url: &str, error: &rustls::Error) -> Error {
        tls_error(url, format!("the certificate and key cannot be used: {error}; do they belong together?"))
    }

    fn tls_error(url: &str, what: String) -> Error {
        Error::Tls { url: url.into(), what }
    }
}
