//! `-listen 1 http://host:port/path` as an output of a job.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use brooklet::job::Listen;
use brooklet::protocol::http::Http;
use brooklet::protocol::{HttpOptions, Origin, Scheme, SinkOptions, SourceOptions, Target, TlsOptions};
use brooklet::radio::RadioOptions;
use brooklet::{Error, Hub, Result, Url};

use crate::{HttpServer, HttpServerOptions, Mount, MountOptions};

/// The protocol: the library's own, and listening.
pub(crate) struct Listening;

impl Scheme for Listening {
    fn names(&self) -> &'static [&'static str] {
        Http.names()
    }

    fn open_source(&self, url: &Url, options: &SourceOptions) -> Result<Origin> {
        Http.open_source(url, options)
    }

    fn open_sink(&self, url: &Url, options: &SinkOptions) -> Result<Target> {
        #[cfg(feature = "webrtc")]
        if options.format == "whep" {
            return Ok(Target::Packets(crate::webrtc::scheme::open_sink(url, options)?));
        }
        if options.listen == Listen::No {
            return Http.open_sink(url, options);
        }
        let tls = (url.scheme == "https").then(|| options.tls.clone());
        let (address, path) = place(url, options.format)?;
        let HttpOptions { headers, content_type, about, burst, listeners, admin, .. } = options.http.clone();
        let usual = RadioOptions::default();
        let radio = RadioOptions { burst: burst.unwrap_or(usual.burst), about, ..usual };
        let mount = MountOptions { radio, content_type, headers, listeners, admin };
        let mut mount = Mount::open(server(&address, tls)?, &url.text, &path, options, mount)?;
        if !options.is_realtime {
            mount.pace(&options.ending);
        }
        Ok(Target::Packets(Box::new(mount)))
    }
}

/// Host and port to listen on, and the path there.
pub(crate) fn place(url: &Url, format: &str) -> Result<(String, String)> {
    let (authority, path) = url.rest.split_at(url.rest.find('/').unwrap_or(url.rest.len()));
    if authority.contains('@') {
        let what = "a listening URL has no user; -admin user:password is for changing the title";
        return Err(Error::Usage(format!("{}: {what}", url.text)));
    }
    let usual = if url.scheme == "https" { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.to_string()),
        _ => (authority, usual.to_string()),
    };
    // Who wants others to come from outside says so: 0.0.0.0.
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    let path = match path {
        "" | "/" => format!("/stream.{}", ending(format)),
        path => path.to_string(),
    };
    Ok((format!("{host}:{port}"), path))
}

/// The usual ending of a format's names.
fn ending(format: &str) -> &str {
    match format {
        "adts" => "aac",
        other => other,
    }
}

/// The server of an address: one for all outputs that name it.
fn server(address: &str, tls: Option<TlsOptions>) -> Result<Arc<HttpServer>> {
    static SERVERS: OnceLock<Mutex<HashMap<String, Weak<HttpServer>>>> = OnceLock::new();
    let mut servers = SERVERS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = servers.get(address).and_then(Weak::upgrade) {
        return Ok(server);
    }
    let options = HttpServerOptions { tls, ..HttpServerOptions::default() };
    let server = Arc::new(HttpServer::bind(address, &Hub::default(), options)?);
    servers.retain(|_, server| server.strong_count() > 0);
    servers.insert(address.into(), Arc::downgrade(&server));
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_from_outside_unless_it_is_said() {
        let place = |url: &str| place(&Url::parse(url), "adts").unwrap();
        assert_eq!(place("http://:8000/a.mp3"), ("127.0.0.1:8000".into(), "/a.mp3".into()));
        assert_eq!(place("http://0.0.0.0:8000"), ("0.0.0.0:8000".into(), "/stream.aac".into()));
        assert_eq!(place("https://[::1]/x/y"), ("[::1]:443".into(), "/x/y".into()));
    }
}
