//! Packets of one stream to datagrams, each sent when it is due.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use brooklet_media::{Metadata, Packet, PacketSink, StreamParams, TimeBase, Timestamp};
use brooklet_rtp::{Media, Packetizer, Payload, PayloadFormat, RtpSender};
use tokio::net::UdpSocket;

use super::address::{Address, Pair};
use super::{SdpFile, cname, random};
use crate::protocol::pace::Pace;
use crate::protocol::socket::wait_for;
use crate::protocol::udp::is_passing;
use crate::protocol::{LivePacketSink, SinkOptions};
use crate::queue::Queue;
use crate::{Error, Result, Stopper, Url, runtime};

/// Payloads that wait for their time; when full, whoever writes blocks.
const WAITING: usize = 256;

/// Resolves and binds.
pub(super) fn open(url: &Url, options: &SinkOptions) -> Result<Box<dyn LivePacketSink>> {
    let address = Address::of(url)?;
    let (to, text) = (address.clone(), url.text.clone());
    let binding = async move { to.send().await.map_err(|source| Error::io(&text, "cannot send", source)) };
    let sockets = wait_for(url, &options.stopper, None, binding)?;
    Ok(Box::new(RtpSink {
        address,
        sockets: Some(sockets),
        stopper: options.stopper.clone(),
        sdp: options.sdp.clone(),
        stream: None,
        queue: Queue::new(WAITING),
        outcome: Queue::new(1),
        sent: Arc::default(),
    }))
}

struct RtpSink {
    address: Address,
    sockets: Option<(Pair, SocketAddr, SocketAddr)>,
    stopper: Stopper,
    /// The description, and which of its media this is.
    sdp: Option<(Arc<SdpFile>, usize)>,
    stream: Option<Stream>,
    queue: Queue<(Payload, Timestamp)>,
    outcome: Queue<io::Result<()>>,
    sent: Arc<AtomicU64>,
}

struct Stream {
    packetizer: Packetizer,
    time_base: TimeBase,
    clock: TimeBase,
    audio: bool,
}

impl RtpSink {
    fn failed(&self, source: brooklet_rtp::Error) -> Error {
        Error::Rtp { url: self.address.text.clone(), source }
    }

    /// The format with the URL's `ptime`, where packets of that length can be.
    fn with_ptime(&self, format: PayloadFormat, room: usize) -> Result<PayloadFormat> {
        let Some(ptime) = self.address.ptime else { return Ok(format) };
        let format = PayloadFormat { ptime: Some(ptime), ..format };
        let (url, codec) = (&self.address.text, format.codec);
        match format.run_bytes() {
            None => Err(Error::Usage(format!(
                "{url}: ptime cuts samples, and {codec} comes in packets of its own length (of Opus -frame_duration)"
            ))),
            Some(bytes) if bytes > room => Err(Error::Usage(format!(
                "{url}: {ptime} ms of {} are {bytes} bytes where a packet has room for {room}: a shorter ptime or a larger pkt_size",
                format.map()
            ))),
            Some(_) => Ok(format),
        }
    }

    fn drain(&mut self, dts: Timestamp) -> Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while let Some(payload) = stream.packetizer.poll() {
            // Sound is there when its last sample is; a picture when it is to be decoded.
            let due = if stream.audio { stream.clock.at(payload.end) } else { dts };
            if self.queue.push((payload, due)).is_err() {
                self.verdict()?;
                return Err(Error::io(&self.address.text, "cannot send", io::ErrorKind::BrokenPipe.into()));
            }
        }
        Ok(())
    }

    fn verdict(&mut self) -> Result<()> {
        match self.outcome.pop() {
            Some(Err(source)) => Err(Error::io(&self.address.text, "cannot send", source)),
            _ if self.stopper.is_stopped() => Err(Error::Stopped),
            _ => Ok(()),
        }
    }
}

impl PacketSink<Error> for RtpSink {
    fn start(&mut self, streams: &[StreamParams], _: &Metadata) -> Result<()> {
        let [params] = streams else {
            return Err(Error::Usage(format!(
                "{}: RTP carries one stream to a port; give each its own, as in -map 0:v -f rtp URL -map 0:a -f rtp URL",
                self.address.text
            )));
        };
        let room = self.address.pkt_size - brooklet_rtp::packet::HEADER;
        let format = PayloadFormat::for_stream(params).map_err(|source| self.failed(source))?;
        let format = self.with_ptime(format, room)?;
        let packetizer = Packetizer::new(&format, params, room).map_err(|source| self.failed(source))?;
        if let Some((file, number)) = &self.sdp {
            file.add(*number, describe(&self.address, &format))?;
        }
        let Some((pair, to, control)) = self.sockets.take() else { return Ok(()) };
        let clock = format.clock();
        let task = Task {
            pair,
            to,
            control,
            sender: RtpSender::new(format.payload_type, clock, random(), &cname()),
            queue: self.queue.clone(),
            pace: Pace::default(),
            epoch: Instant::now(),
            sent: self.sent.clone(),
        };
        self.stream =
            Some(Stream { packetizer, time_base: params.time_base, clock, audio: format.is_audio() });
        let (report, stopped) = (self.outcome.clone(), self.queue.clone());
        self.stopper.on_stop(move || stopped.close());
        let runtime = runtime::handle()
            .map_err(|source| Error::io(&self.address.text, "cannot start the network", source))?;
        runtime.spawn(async move {
            let queue = task.queue.clone();
            let sent = task.run().await;
            queue.close();
            let _ = report.send(sent).await;
        });
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mut timed = packet.clone();
        let scale = |ticks| stream.time_base.rescale(ticks, stream.clock);
        (timed.pts, timed.dts, timed.duration) =
            (scale(packet.pts), scale(packet.dts), scale(packet.duration));
        let dts = stream.clock.at(timed.dts);
        let pushed = stream.packetizer.push(&timed);
        pushed.map_err(|source| self.failed(source))?;
        self.drain(dts)
    }

    fn change_params(&mut self, _: usize, params: &StreamParams) -> Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let same = PayloadFormat::for_stream(params).is_ok_and(|format| {
            let known = stream.packetizer.format();
            (format.codec, format.clock_rate, format.channels)
                == (known.codec, known.clock_rate, known.channels)
        });
        if !same {
            let what =
                format!("{}: a change of codec, rate or channels within an RTP session", self.address.text);
            return Err(Error::Usage(what));
        }
        // The parameter sets of a picture go with its key frames.
        let format = stream.packetizer.format().clone();
        let room = self.address.pkt_size - brooklet_rtp::packet::HEADER;
        let made = Packetizer::new(&format, params, room);
        let url = &self.address.text;
        stream.packetizer = made.map_err(|source| Error::Rtp { url: url.clone(), source })?;
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(stream) = &mut self.stream {
            stream.packetizer.finish();
            self.drain(Timestamp::ZERO)?;
            self.queue.end();
            return self.verdict();
        }
        Ok(())
    }
}

impl LivePacketSink for RtpSink {
    fn bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn is_listening(&self) -> bool {
        false
    }
}

impl Drop for RtpSink {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn describe(address: &Address, format: &PayloadFormat) -> Media {
    let usual = address.rtcp_port == address.port.wrapping_add(1);
    Media {
        audio: format.is_audio(),
        address: address.host.clone(),
        ttl: address.ttl,
        port: address.port,
        rtcp_port: (!usual).then_some(address.rtcp_port),
        formats: vec![format.clone()],
        left_out: Vec::new(),
    }
}

/// The task that sends.
struct Task {
    pair: Pair,
    to: SocketAddr,
    control: SocketAddr,
    sender: RtpSender,
    queue: Queue<(Payload, Timestamp)>,
    pace: Pace,
    epoch: Instant,
    sent: Arc<AtomicU64>,
}

impl Task {
    async fn run(mut self) -> io::Result<()> {
        while let Some((payload, at)) = self.queue.receive().await {
            let due = self.pace.due(at, self.now());
            tokio::time::sleep_until(tokio::time::Instant::from_std(self.epoch + due.since(Timestamp::ZERO)))
                .await;
            let now = self.now();
            let packet = self.sender.packet(&payload, now).write();
            send(&self.pair.rtp, &packet, self.to).await?;
            self.sent.fetch_add(packet.len() as u64, Ordering::Relaxed);
            if let (Some(report), Some(socket)) = (self.sender.report(now, unix()), &self.pair.rtcp) {
                send(socket, &report, self.control).await?;
            }
            self.forget_replies();
        }
        if let Some(socket) = &self.pair.rtcp {
            send(socket, &self.sender.bye(self.now(), unix()), self.control).await?;
        }
        Ok(())
    }

    /// Receivers report; nothing is done with that yet, but the kernel's buffer must not fill with it.
    fn forget_replies(&self) {
        let mut report = [0; 1_500];
        if let Some(socket) = &self.pair.rtcp {
            while socket.try_recv(&mut report).is_ok() {}
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.epoch.elapsed()
    }
}

async fn send(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
    match socket.send_to(datagram, to).await {
        // Nobody listens yet, or a router has no way for now: a live sender goes on.
        Err(error) if !is_passing(&error) => Err(error),
        _ => Ok(()),
    }
}

fn unix() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
