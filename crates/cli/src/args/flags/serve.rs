//! Options of `brooklet serve`.

use brooklet::rtmp::{Access, Token};

use crate::args::UsageError;
use crate::args::flag::{Choices, Flag};
use crate::args::given::Given;

pub(super) const FLAGS: &[Flag] = &[
    Flag::serve("rtmp", |options, given| {
        options.rtmp = address(given, "rtmp://");
        Ok(())
    })
    .alias(&["-rtmp"])
    .value("HOST:PORT")
    .common()
    .help("where to listen: 127.0.0.1:1935; 0.0.0.0:1935 for all the network"),
    Flag::serve("rtmps", |options, given| {
        options.rtmps = Some(address(given, "rtmps://"));
        Ok(())
    })
    .alias(&["-rtmps"])
    .value("HOST:PORT")
    .help("where to listen within TLS as well; needs -cert_file"),
    Flag::serve("cert_file", |options, given| {
        options.tls.cert_file = Some(given.value.clone().into());
        Ok(())
    })
    .alias(&["cert"])
    .value("FILE")
    .choices(Choices::Files)
    .help("the certificate (PEM) for -rtmps, and those above it"),
    Flag::serve("key_file", |options, given| {
        options.tls.key_file = Some(given.value.clone().into());
        Ok(())
    })
    .alias(&["key"])
    .value("FILE")
    .choices(Choices::Files)
    .help("its private key (PEM), where it is not in the same file"),
    Flag::serve("publish_token", |options, given| {
        options.server.publish = token(given)?;
        Ok(())
    })
    .alias(&["publish-token", "-publish-token", "-publish_token"])
    .value("TOKEN")
    .common()
    .help("who publishes must show it: rtmp://host/live/app?token=TOKEN"),
    Flag::serve("play_token", |options, given| {
        options.server.play = token(given)?;
        Ok(())
    })
    .alias(&["play-token", "-play-token", "-play_token"])
    .value("TOKEN")
    .common()
    .help("who plays must show it, in the same way"),
    Flag::serve("max_connections", |options, given| {
        options.server.connections = given.positive()?;
        Ok(())
    })
    .value("N")
    .help("connections at once: 10000"),
    Flag::serve("max_connections_per_address", |options, given| {
        options.server.connections_of_one = given.positive()?;
        Ok(())
    })
    .value("N")
    .help("connections at once from one address: 1000"),
    Flag::serve("handshake_timeout", |options, given| {
        options.server.handshake = given.duration()?;
        Ok(())
    })
    .value("TIME")
    .help("how long a client may take to say what it wants: 10"),
    Flag::serve("idle_timeout", |options, given| {
        options.server.idle = given.duration()?;
        Ok(())
    })
    .value("TIME")
    .help("how long a publisher may send no media: 30"),
    Flag::serve("wait", |options, given| {
        options.server.wait = given.duration()?;
        Ok(())
    })
    .value("TIME")
    .help("how long a viewer waits for a stream that nobody publishes: 60"),
    Flag::serve("grace", |options, given| {
        options.hub.grace = given.duration()?;
        Ok(())
    })
    .value("TIME")
    .help("how long viewers are kept when a publisher vanishes: 10")
    .details("When it is back in that time they go on. A publisher that says that it has finished ends its stream."),
    Flag::serve("max_delay", |options, given| {
        options.hub.delay = given.duration()?;
        Ok(())
    })
    .value("TIME")
    .help("how far a viewer may be behind before it skips to a key frame: 3"),
    Flag::serve("slow_timeout", |options, given| {
        options.server.patience = given.duration()?;
        Ok(())
    })
    .value("TIME")
    .help("how long a viewer may be behind before it is cut off: 30"),
    Flag::serve("max_message", |options, given| {
        options.server.message = given.positive()?;
        Ok(())
    })
    .value("BYTES")
    .help("the longest message, such as a picture: 8388608"),
];

/// Host and port, however much of a URL they stand in.
fn address(given: &Given, scheme: &str) -> String {
    given.value.strip_prefix(scheme).unwrap_or(&given.value).trim_end_matches('/').to_string()
}

fn token(given: &Given) -> Result<Access, UsageError> {
    Token::new(&given.value).map(Access::Token).map_err(|error| given.refuse(error.to_string()))
}
