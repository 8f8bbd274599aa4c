//! `-i whip://host:port/path`, where a publisher comes, and `-f whep http://host:port/path`, where viewers do.

use std::sync::Arc;

use brooklet::job::Journal;
use brooklet::protocol::{HttpOptions, LivePacketSink, Origin, Scheme, SinkOptions, SourceOptions, Target};
use brooklet::webrtc::{Gateway, GatewayOptions};
use brooklet::{Error, Hub, Result, Url};

use super::{Verb, WebRtcOptions, endpoint};
use crate::{HttpServer, HttpServerOptions};

/// The protocol of a publisher who comes to us.
#[derive(Debug)]
pub(crate) struct Whip;

impl Scheme for Whip {
    fn names(&self) -> &'static [&'static str] {
        if cfg!(feature = "tls") { &["whip", "whips"] } else { &["whip"] }
    }

    fn directions(&self) -> (bool, bool) {
        (true, false)
    }

    fn open_source(&self, url: &Url, options: &SourceOptions) -> Result<Origin> {
        let tls = (url.scheme == "whips").then(|| options.tls.clone());
        let house = (&options.http, &options.journal);
        let (server, gateway, path) = open(url, Verb::Publish, tls, house)?;
        Ok(Origin::Packets(gateway.source(&path, url, options, Box::new(Polite(server)))?))
    }

    fn open_sink(&self, url: &Url, _: &SinkOptions) -> Result<Target> {
        let what =
            "whip:// is where a publisher comes; to publish to a server write -f whip http://… or https://…";
        Err(Error::Usage(format!("{}: {what}", url.text)))
    }
}

/// An output that viewers come to.
pub(crate) fn open_sink(url: &Url, options: &SinkOptions) -> Result<Box<dyn LivePacketSink>> {
    let tls = (url.scheme == "https").then(|| options.tls.clone());
    let (server, gateway, path) = open(url, Verb::Watch, tls, (&options.http, &options.journal))?;
    gateway.sink(&path, url, options, Box::new(Polite(server)))
}

/// A server that lets everybody have the answers that it owes before it goes: a publisher's goodbye ends the job, and is answered.
struct Polite(HttpServer);

impl Drop for Polite {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// A server of its own with one endpoint, at the URL's path.
fn open(
    url: &Url,
    verb: Verb,
    tls: Option<brooklet::protocol::TlsOptions>,
    (http, journal): (&HttpOptions, &Arc<Journal>),
) -> Result<(HttpServer, Gateway, String)> {
    let (address, path) = crate::scheme::place(url, "")?;
    if crate::routes::is_ours(&path) || path.contains(['{', '}']) || path.starts_with(super::SESSIONS) {
        let what = "is a path of the server's own; choose another, as /live";
        return Err(Error::Usage(format!("{}: {path} {what}", url.text)));
    }
    let hub = Hub::default();
    let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    // A name is one of this machine's addresses; all of them are as good.
    let ip = host.parse().unwrap_or(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
    let (ice, ice_servers) = (http.ice.clone(), http.ice.servers.clone());
    let options = GatewayOptions { ip, publish: verb == Verb::Publish, ice, ..Default::default() };
    let gateway = Gateway::new(&hub, options).with_journal(journal);
    // What is sent to this machine, or shown on it, is no other page's business unless the user says so.
    let options = WebRtcOptions { origins: http.origins.clone(), ice_servers, ..WebRtcOptions::default() };
    let router = endpoint(&path, verb, gateway.clone(), options);
    let server =
        HttpServer::bind_with(&address, &hub, HttpServerOptions { tls, ..Default::default() }, router)?;
    Ok((server, gateway, path))
}
