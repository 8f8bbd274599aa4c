//! `brooklet serve`: a server until it is stopped, and a line for each who comes and goes.

use std::time::Duration;

use brooklet::{Hub, RtmpServer, Stopper};

use crate::Exit;
use crate::args::{Globals, ServeOptions};
use crate::console::Console;
use crate::failure::Failure;
use crate::keyboard::Keyboard;
use crate::signals::Signals;

/// The longest that a stop or a message goes unnoticed.
const NAP: Duration = Duration::from_millis(50);

/// Serves until a signal comes, or `q` on a terminal.
pub(crate) fn run(options: ServeOptions, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let stopper = Stopper::new();
    let signals =
        Signals::watch(stopper.clone()).map_err(|reason| Failure::system("can't watch signals", reason))?;
    let server = RtmpServer::bind(&options.rtmp, &Hub::new(options.hub), options.server)?;
    let keyboard = globals.stdin.then(|| Keyboard::watch(stopper.clone())).flatten();
    for address in server.local_addrs() {
        console.info(&format!("Serving rtmp://{address}/APP/STREAM to whoever publishes and plays"));
    }
    if keyboard.is_some() {
        console.info("Press [q] to stop");
    }
    while !stopper.is_stopped() {
        tell(&server, console);
        std::thread::sleep(NAP);
    }
    server.stop();
    tell(&server, console);
    Ok(if signals.caught() { Exit::Signal } else { Exit::Done })
}

fn tell(server: &RtmpServer, console: &Console) {
    server.reports().iter().for_each(|report| console.info(&report.to_string()));
}
