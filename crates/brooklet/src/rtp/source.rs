//! Datagrams of all media of a session to packets.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_media::{DemuxEvent, StreamParams, Timestamp};
use brooklet_rtp::{PayloadFormat, RtpReceiver};
use bytes::{Bytes, BytesMut};
use tokio::net::UdpSocket;

use super::address::Address;
use super::lane::Lane;
use super::{cname, random};
use crate::job::Journal;
use crate::protocol::socket::wait_for;
use crate::protocol::{PacketSource, SourceOptions};
use crate::queue::{Popped, Queue};
use crate::{Error, Result, Url, runtime};

/// Datagrams that wait for whoever reads; when full, the kernel's buffer fills, and then it drops the newest.
const WAITING: usize = 2_048;
/// The largest datagram.
const LARGEST: usize = 65_536;
/// How long a description may be without a sender before a stream that it does not fully describe is left out.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the first packets are held for the reports that tell how media lie to each other.
const SYNCHRONY: Duration = Duration::from_millis(500);

/// A datagram, of RTP or of RTCP.
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) control: bool,
    pub(crate) bytes: Bytes,
}

/// The sockets of one medium, and the tasks that receive from them.
pub(crate) struct Door {
    pub(crate) queue: Queue<io::Result<Arrival>>,
    pub(crate) receiver: RtpReceiver,
    pub(crate) formats: Vec<PayloadFormat>,
    pub(crate) timeout: Option<Duration>,
    rtcp: Option<Arc<UdpSocket>>,
    /// Where the source's RTP comes from; reports go to the next port.
    peer: Arc<std::sync::Mutex<Option<SocketAddr>>>,
}

impl Door {
    /// Binds, and starts to receive.
    pub(crate) fn open(
        address: &Address,
        formats: Vec<PayloadFormat>,
        options: &SourceOptions,
    ) -> Result<Self> {
        let url = Url::parse(&address.text);
        let to_bind = address.clone();
        let pair = wait_for(&url, &options.stopper, None, async move { to_bind.receive().await })?;
        let queue = Queue::new(WAITING);
        let stopped = queue.clone();
        options.stopper.on_stop(move || stopped.close());
        let runtime =
            runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
        let peer: Arc<std::sync::Mutex<Option<SocketAddr>>> = Arc::default();
        runtime.spawn(receive(Arc::new(pair.rtp), false, queue.clone(), Some(peer.clone())));
        let rtcp = pair.rtcp.map(Arc::new);
        if let Some(socket) = &rtcp {
            runtime.spawn(receive(socket.clone(), true, queue.clone(), None));
        }
        let timeout = address.timeout.map(Duration::from_micros).or(options.timeout);
        let receiver = RtpReceiver::new(formats.clone(), random() as u32, &cname());
        Ok(Self { queue, receiver, formats, timeout, rtcp, peer })
    }

    /// Sends a report, where one is due.
    pub(crate) fn report(&mut self, now: Timestamp) {
        if let Some(report) = self.receiver.report(now) {
            self.send(&report);
        }
    }

    /// Says goodbye.
    pub(crate) fn leave(&mut self, now: Timestamp) {
        if let Some(bye) = self.receiver.bye(now) {
            self.send(&bye);
        }
        self.queue.close();
    }

    fn send(&self, report: &[u8]) {
        let peer = *self.peer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let (Some(socket), Some(mut to)) = (&self.rtcp, peer) {
            to.set_port(to.port().wrapping_add(1));
            // One that can't be sent now is followed by another in 5 s.
            let _ = socket.try_send_to(report, to);
        }
    }
}

async fn receive(
    socket: Arc<UdpSocket>,
    control: bool,
    queue: Queue<io::Result<Arrival>>,
    peer: Option<Arc<std::sync::Mutex<Option<SocketAddr>>>>,
) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(LARGEST);
        let received = tokio::select! {
            received = socket.recv_buf_from(&mut buffer) => received,
            () = queue.closed() => return,
        };
        let received = match received {
            Ok((_, from)) => {
                if let Some(peer) = &peer {
                    *peer.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(from);
                }
                Ok(Arrival { at: Instant::now(), control, bytes: buffer.split().freeze() })
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
            Err(error) => Err(error),
        };
        let failed = received.is_err();
        if queue.send(received).await.is_err() || failed {
            return queue.end();
        }
    }
}

/// All media of a session.
pub(super) struct RtpSource {
    url: String,
    journal: Arc<Journal>,
    epoch: Instant,
    lanes: Vec<Lane>,
    /// Streams were told of.
    announced: bool,
    /// How media lie to each other is settled.
    aligned: bool,
    timeout: Option<Duration>,
    last: Instant,
    events: VecDeque<DemuxEvent>,
    warnings: Vec<String>,
}

impl RtpSource {
    pub(super) fn new(url: &Url, doors: Vec<Door>, options: &SourceOptions) -> Self {
        let timeout = doors.iter().filter_map(|door| door.timeout).max();
        let now = Instant::now();
        Self {
            url: url.text.clone(),
            journal: options.journal.clone(),
            epoch: now,
            lanes: doors.into_iter().map(Lane::new).collect(),
            announced: false,
            aligned: false,
            timeout,
            last: now,
            events: VecDeque::new(),
            warnings: Vec::new(),
        }
    }

    /// Waits for datagrams of any medium, for a little while.
    fn gather(&mut self) -> Result<()> {
        let nap = if self.lanes.len() == 1 { Duration::from_millis(20) } else { Duration::from_millis(5) };
        for lane in &mut self.lanes {
            // With several media each is waited for a little; what came meanwhile is taken at once.
            let mut popped = lane.door.queue.pop_until(Some(Instant::now() + nap));
            loop {
                match popped {
                    Popped::Item(Ok(arrival)) => {
                        self.last = arrival.at;
                        lane.take(&arrival, self.epoch);
                    }
                    Popped::Item(Err(source)) => return Err(Error::io(&self.url, "cannot receive", source)),
                    Popped::Late => break,
                    Popped::End => return Err(Error::Stopped),
                }
                popped = lane.door.queue.try_pop().map_or(Popped::Late, Popped::Item);
            }
        }
        Ok(())
    }

    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.epoch.elapsed()
    }

    /// Tells of the streams when all are known, or it is too late for those that are not.
    fn announce(&mut self) -> Result<()> {
        let now = self.now();
        let late =
            self.lanes.iter().any(|lane| lane.began().is_some_and(|began| now.since(began) > PATIENCE));
        let all = self.lanes.iter().all(|lane| lane.params().is_some());
        if self.announced || !all && !late {
            return Ok(());
        }
        self.announced = true;
        let mut number = 0;
        for lane in &mut self.lanes {
            match lane.params().cloned() {
                Some(params) => {
                    lane.number = Some(number);
                    number += 1;
                    self.events.push_back(DemuxEvent::StreamAdded(params));
                }
                None => self
                    .warnings
                    .push("a medium of it sent nothing that can be decoded, and is left out".into()),
            }
        }
        self.events.push_back(DemuxEvent::HeaderRead);
        Ok(())
    }

    /// Settles how media lie to each other: by their senders' reports, or by when each began.
    fn align(&mut self) {
        let now = self.now();
        let live: Vec<&Lane> = self.lanes.iter().filter(|lane| lane.number.is_some()).collect();
        let reported = live.iter().all(|lane| lane.wall_clock().is_some());
        let waited = live
            .iter()
            .filter_map(|lane| lane.began())
            .min()
            .is_some_and(|began| now.since(began) > SYNCHRONY);
        if self.aligned || !self.announced || live.len() > 1 && !reported && !waited {
            return;
        }
        self.aligned = true;
        let zero = live.iter().filter_map(|lane| lane.wall_clock()).min();
        let first = live.iter().filter_map(|lane| lane.began()).min().unwrap_or_default();
        for lane in &mut self.lanes {
            let start = match (reported, lane.wall_clock(), zero) {
                (true, Some(at), Some(zero)) => Duration::from_nanos(u64::try_from(at - zero).unwrap_or(0)),
                _ => lane.began().map_or(Duration::ZERO, |began| began.since(first)),
            };
            lane.start_at(start);
        }
    }

    /// What the lanes have ready.
    fn collect(&mut self, last: bool) {
        let now = self.now();
        for lane in &mut self.lanes {
            lane.door.report(now);
            lane.order(now, last);
        }
        if self.announce().is_err() {
            return;
        }
        self.align();
        if self.aligned {
            for lane in &mut self.lanes {
                lane.give(&mut self.events);
            }
        }
    }
}

impl PacketSource for RtpSource {
    fn is_live(&self) -> bool {
        true
    }

    fn next(&mut self) -> Result<Option<DemuxEvent>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let gone = self.lanes.iter().all(|lane| lane.door.receiver.has_ended());
            let silent = self.timeout.filter(|timeout| self.last.elapsed() >= *timeout);
            if gone || silent.is_some() {
                self.collect(true);
                if let Some(event) = self.events.pop_front() {
                    return Ok(Some(event));
                }
                return match silent.filter(|_| !gone) {
                    Some(after) => Err(Error::Timeout { url: self.url.clone(), what: "nothing came", after }),
                    None => Ok(None),
                };
            }
            self.gather()?;
            self.collect(false);
        }
    }

    fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}

impl Drop for RtpSource {
    fn drop(&mut self) {
        let now = self.now();
        for lane in &mut self.lanes {
            if let Some(line) = lane.account() {
                self.journal.warn(format!("{}: {line}", self.url));
            }
            lane.door.leave(now);
        }
    }
}

/// What is known of a stream whose description says it all.
pub(super) fn described(formats: &[PayloadFormat]) -> Option<StreamParams> {
    let [format] = formats else { return None };
    format.stream_params().ok().filter(|params| format.is_audio() || !params.extradata.is_empty())
}
