//! `brooklet serve`: a server until it is stopped, and a line for each who comes and goes.

use std::time::Duration;

use brooklet::rtmp::RtmpServerOptions;
use brooklet::{Hub, RtmpServer, Stopper};
use brooklet_server::HttpServerOptions;

use crate::Exit;
use crate::args::{Globals, ServeOptions};
use crate::console::Console;
use crate::failure::Failure;
use crate::keyboard::Keyboard;
use crate::page;
use crate::signals::Signals;
use crate::supervisor::Supervisor;

/// The longest that a stop or a message goes unnoticed.
const NAP: Duration = Duration::from_millis(50);

/// Serves until a signal comes, or `q`.
pub(crate) fn run(options: ServeOptions, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let stopper = Stopper::new();
    let signals =
        Signals::watch(stopper.clone()).map_err(|reason| Failure::system("can't watch signals", reason))?;
    let hub = Hub::new(options.hub.clone());
    let mut servers = Vec::new();
    crate::descriptors::raise();
    let mut pages = Vec::new();
    let house = page::House::new(&hub, &options);
    for (scheme, address) in [("http", &options.http), ("https", &options.https)] {
        if let Some(address) = address {
            let tls = (scheme == "https").then(|| options.tls.clone());
            let server = house.open(address, HttpServerOptions { tls, ..Default::default() })?;
            pages.push((scheme, server));
        }
    }
    if let Some(address) = &options.rtmps {
        let within_tls = RtmpServerOptions { tls: Some(options.tls), ..options.server.clone() };
        servers.push(("rtmps", RtmpServer::bind(address, &hub, within_tls)?));
    }
    servers.insert(0, ("rtmp", RtmpServer::bind(&options.rtmp, &hub, options.server)?));
    let keyboard = globals.stdin.then(|| Keyboard::watch(stopper.clone())).flatten();
    for (scheme, server) in &servers {
        for address in server.local_addrs() {
            console.info(&format!("Serving {scheme}://{address}/APP/STREAM to whoever publishes and plays"));
        }
    }
    for (scheme, server) in &pages {
        for address in server.local_addrs() {
            console.info(&format!("Showing them at {scheme}://{address}/{}", page::WITH));
        }
    }
    if keyboard.is_some() {
        console.info("Press [q] to stop");
    }
    let mut supervisor = Supervisor::find();
    supervisor.started();
    for turn in 0.. {
        if stopper.is_stopped() {
            break;
        }
        tell(&servers, &house, console);
        supervisor.alive(turn, || streams(&hub));
        std::thread::sleep(NAP);
    }
    supervisor.stopping();
    servers.iter().for_each(|(_, server)| server.stop());
    pages.iter().for_each(|(_, server)| server.stop());
    tell(&servers, &house, console);
    Ok(if signals.caught() { Exit::Signal } else { Exit::Done })
}

fn streams(hub: &Hub) -> String {
    let streams = hub.streams();
    let viewers: usize = streams.iter().map(|stream| stream.viewers).sum();
    format!("{} streams, {viewers} viewers", streams.iter().filter(|stream| stream.is_live).count())
}

fn tell(servers: &[(&str, RtmpServer)], house: &page::House, console: &Console) {
    house.warnings().iter().for_each(|line| console.warning(line));
    let reports = servers.iter().flat_map(|(_, server)| server.reports());
    reports.for_each(|report| console.info(&report.to_string()));
}
