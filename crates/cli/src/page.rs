//! The web servers of `brooklet serve` and `brooklet demo`: with WebRTC, the page for a camera and for what is live.

#[cfg(feature = "webrtc")]
pub(crate) use with_webrtc::{House, Show, WITH};
#[cfg(not(feature = "webrtc"))]
pub(crate) use without::{House, WITH};

#[cfg(feature = "webrtc")]
mod with_webrtc {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use brooklet::job::Journal;
    use brooklet::protocol::{Origin, Scheme, SinkOptions, SourceOptions, Target};
    use brooklet::webrtc::{Gateway, GatewayOptions};
    use brooklet::{Error, Hub, Result, Url, processor};
    use brooklet_server::webrtc::{WebRtcOptions, router};
    use brooklet_server::{HttpServer, HttpServerOptions};

    use crate::args::ServeOptions;

    /// What else the page is for.
    pub(crate) const WITH: &str = ", and what becomes of your camera";

    /// The scheme by which a job writes to [`Show`].
    const SCHEME: &str = "show";

    /// What the servers of one hub have in common.
    pub(crate) struct House {
        hub: Hub,
        gateway: GatewayOptions,
        webrtc: WebRtcOptions,
        journal: Arc<Journal>,
    }

    impl House {
        /// Of `brooklet serve`: who publishes and plays by RTMP may by WebRTC.
        pub(crate) fn new(hub: &Hub, options: &ServeOptions) -> Self {
            let mut webrtc = options.camera.webrtc.clone();
            webrtc.publish = options.server.publish.clone();
            webrtc.watch = options.server.play.clone();
            let gateway = options.camera.gateway.clone();
            Self { hub: hub.clone(), gateway, webrtc, journal: Arc::default() }
        }

        /// A server at an address.
        pub(crate) fn open(&self, address: &str, options: HttpServerOptions) -> Result<HttpServer> {
            Ok(self.open_with_gateway(address, options)?.0)
        }

        /// Lines of warning since the last call.
        pub(crate) fn warnings(&self) -> Vec<String> {
            self.journal.take()
        }

        fn open_with_gateway(
            &self,
            address: &str,
            options: HttpServerOptions,
        ) -> Result<(HttpServer, Gateway)> {
            let gateway = GatewayOptions { ip: ip_of(address), ..self.gateway.clone() };
            let gateway = Gateway::new(&self.hub, gateway).with_journal(&self.journal);
            let gateway = gateway.with_tasks(processor::built_in());
            let paths = router(gateway.clone(), self.webrtc.clone());
            Ok((HttpServer::bind_with(address, &self.hub, options, paths)?, gateway))
        }
    }

    /// The page of a job that runs here, whose output `show:NAME` browsers watch.
    pub(crate) struct Show {
        gateway: Gateway,
        server: HttpServer,
    }

    impl Show {
        /// Opens it.
        pub(crate) fn open(address: &str) -> Result<Self> {
            let house = House {
                hub: Hub::default(),
                gateway: GatewayOptions { publish: false, ..GatewayOptions::default() },
                webrtc: WebRtcOptions::default(),
                journal: Arc::default(),
            };
            let (server, gateway) = house.open_with_gateway(address, HttpServerOptions::default())?;
            Ok(Self { gateway, server })
        }

        /// Where it is.
        pub(crate) fn url(&self) -> String {
            format!("http://{}/", self.server.local_addr())
        }

        /// Makes it an output of jobs: the URL to write to.
        pub(crate) fn register(self, name: &str) -> String {
            brooklet::protocol::register(std::sync::Arc::new(self));
            format!("{SCHEME}:{name}")
        }
    }

    impl Scheme for Show {
        fn names(&self) -> &'static [&'static str] {
            &[SCHEME]
        }

        fn directions(&self) -> (bool, bool) {
            (false, true)
        }

        fn open_source(&self, url: &Url, _: &SourceOptions) -> Result<Origin> {
            Err(Error::Usage(format!("{}: there is nothing to read", url.text)))
        }

        fn open_sink(&self, url: &Url, options: &SinkOptions) -> Result<Target> {
            Ok(Target::Packets(self.gateway.sink(&url.rest, url, options, Box::new(()))?))
        }
    }

    /// Where media come and go: a name is one of this machine's addresses, all of them are as good.
    fn ip_of(address: &str) -> IpAddr {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        host.parse().unwrap_or(Ipv4Addr::UNSPECIFIED.into())
    }
}

#[cfg(not(feature = "webrtc"))]
mod without {
    use brooklet::Hub;
    use brooklet_server::{HttpServer, HttpServerOptions};

    use crate::args::ServeOptions;

    /// What else the page is for.
    pub(crate) const WITH: &str = "";

    /// What the servers of one hub have in common.
    pub(crate) struct House {
        hub: Hub,
    }

    impl House {
        /// Of `brooklet serve`.
        pub(crate) fn new(hub: &Hub, _: &ServeOptions) -> Self {
            Self { hub: hub.clone() }
        }

        /// A server at an address.
        pub(crate) fn open(&self, address: &str, options: HttpServerOptions) -> brooklet::Result<HttpServer> {
            HttpServer::bind(address, &self.hub, options)
        }

        /// Lines of warning since the last call.
        pub(crate) fn warnings(&self) -> Vec<String> {
            Vec::new()
        }
    }
}
