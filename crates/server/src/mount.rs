//! A broadcast at a path of a server: the sink that an output writes to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet::media::{Metadata, Packet, PacketSink, StreamParams};
use brooklet::protocol::{LivePacketSink, SinkOptions};
use brooklet::radio::{Broadcast, RadioOptions, Station};
use brooklet::{Error, Result, Stopper};

use crate::HttpServer;
use crate::routes::is_ours;
use crate::shared::Mounted;

/// How long listeners may take to get the rest when a broadcast is over.
const TAIL: Duration = Duration::from_secs(5);

/// How a broadcast is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// What listeners begin with, how far they may be behind, and what the station says of itself.
    pub radio: RadioOptions,
    /// The MIME type, in place of what the format says.
    pub content_type: Option<String>,
    /// More lines of each answer.
    pub headers: Vec<(String, String)>,
    /// Listeners at once; none is without limit but the server's own.
    pub listeners: Option<usize>,
    /// `user:password` of who may change the title over HTTP; without it nobody may.
    pub admin: Option<String>,
}

/// A broadcast at a path of an [`HttpServer`]: what is written here is heard there. Dropping it takes it away.
#[derive(Debug)]
pub struct Mount {
    server: Arc<HttpServer>,
    broadcast: Broadcast,
    path: String,
}

impl Mount {
    pub(crate) fn open(
        server: Arc<HttpServer>,
        url: &str,
        path: &str,
        sink: &SinkOptions,
        options: MountOptions,
    ) -> Result<Self> {
        if is_ours(path) {
            let what = "is a path of the server's own; choose another, as /stream.mp3";
            return Err(Error::Usage(format!("{url}: {path} {what}")));
        }
        let broadcast = Broadcast::open_as(
            &server.shared().hub,
            path,
            url,
            sink.format,
            options.radio.clone(),
            sink.playing.clone(),
        )?;
        server.shared().add(Arc::new(Mounted { station: broadcast.station(), options }));
        Ok(Self { server, broadcast, path: path.into() })
    }

    /// From now on, what is written waits until it is due, unless `stopper` is stopped.
    pub fn pace(&mut self, stopper: &Stopper) {
        self.broadcast.pace(stopper);
    }

    /// What others see of it.
    pub fn station(&self) -> Station {
        self.broadcast.station()
    }
}

impl PacketSink<Error> for Mount {
    fn start(&mut self, streams: &[StreamParams], metadata: &Metadata) -> Result<()> {
        self.broadcast.start(streams, metadata)
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        self.broadcast.write(packet)
    }

    fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<()> {
        self.broadcast.change_params(stream, params)
    }

    /// Returns when listeners have had the rest, or enough time for it.
    fn finish(&mut self) -> Result<()> {
        self.broadcast.finish()?;
        let (station, until) = (self.station(), Instant::now() + TAIL);
        // Nobody comes any more.
        self.server.shared().remove(&self.path);
        while station.statistics().viewers > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        if Arc::strong_count(&self.server) == 1 {
            self.server.stop();
        }
        Ok(())
    }
}

impl LivePacketSink for Mount {
    fn bytes(&self) -> u64 {
        self.broadcast.sent()
    }

    fn skipped(&self) -> u64 {
        self.broadcast.skipped()
    }

    fn is_listening(&self) -> bool {
        true
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.server.shared().remove(&self.path);
    }
}
