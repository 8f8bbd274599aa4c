//! Offers of peers to sessions: what WHIP and WHEP do, without their HTTP.

mod refusal;
mod sessions;

use std::any::Any;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_media::{CodecId, MediaKind, StreamParams};
use brooklet_webrtc::{Session, SessionOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::arrive;
use super::helpers::Helpers;
use super::line::{Line, Place, certificate};
use super::rendition;
use super::round_trip::{self, Choice, Desk, Report};
use super::sink::{Audience, SessionSink};
use super::source::{PublishedSource, arrivals, hand_on};
use super::watch::{self, Feed};
use crate::job::Journal;
use crate::processor::Task;
use crate::protocol::{IceOptions, LivePacketSink, PacketSource, SinkOptions, SourceOptions};
use crate::queue::Queue;
use crate::{Error, Hub, Url, runtime};
pub use refusal::Refusal;
use sessions::{Entry, Sessions, name};

/// Fragments of descriptions that wait for one session.
const ORDERS: usize = 8;
/// Bytes of one.
const FRAGMENT: usize = 16 << 10;

/// How a [`Gateway`] treats peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayOptions {
    /// Where media come and go: an address of this machine, or all of them.
    pub ip: IpAddr,
    /// The address by which the world reaches this machine, where that is another: peers are told this one, and look for the
    /// way alone (ICE-lite).
    pub public_ip: Option<IpAddr>,
    /// Sessions at once, with those whose offer is not answered yet. More are refused.
    pub sessions: usize,
    /// Bit/s that a way is believed to carry before it has been measured.
    pub bandwidth: u64,
    /// How long a viewer waits for a stream that nobody publishes yet.
    pub wait: Duration,
    /// Whether peers may publish.
    pub publish: bool,
    /// How a way to peers is found; of no use with `public_ip`.
    pub ice: IceOptions,
}

impl Default for GatewayOptions {
    /// 127.0.0.1; 100 sessions, 3 Mbit/s, 2 s; peers may publish; no servers.
    fn default() -> Self {
        Self {
            ip: Ipv4Addr::LOCALHOST.into(),
            public_ip: None,
            sessions: 100,
            bandwidth: 3_000_000,
            wait: Duration::from_secs(2),
            publish: true,
            ice: IceOptions::default(),
        }
    }
}

/// Makes sessions of the offers of peers: publishers become streams of a [`Hub`], viewers get one of them, and who sends
/// pictures to be processed gets them back. Cloning shares it.
///
/// Sessions run on the library's own runtime, each with a UDP socket of its own, and end with their peer, their stream, or the
/// gateway's last clone.
#[derive(Clone, Debug)]
pub struct Gateway {
    hub: Hub,
    options: GatewayOptions,
    sessions: Arc<Sessions>,
    /// For sessions, from their offer on.
    seats: Arc<Semaphore>,
    tasks: Arc<[Task]>,
    helpers: Helpers,
}

/// An answer to an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The session's name, for [`Gateway::add_candidates`] and [`Gateway::end`]; nobody can guess it.
    pub id: String,
    /// The description to send back.
    pub sdp: String,
}

impl Gateway {
    /// One without sessions.
    pub fn new(hub: &Hub, options: GatewayOptions) -> Self {
        let seats = Arc::new(Semaphore::new(options.sessions.min(Semaphore::MAX_PERMITS)));
        let gateway = Self {
            hub: hub.clone(),
            options,
            sessions: Arc::default(),
            seats,
            tasks: Arc::default(),
            helpers: Helpers::default(),
        };
        gateway.with_journal(&Arc::default())
    }

    /// The same, telling a journal what is wrong with its servers.
    #[must_use]
    pub fn with_journal(mut self, journal: &Arc<Journal>) -> Self {
        // Who has a public address needs none (ICE-lite).
        if self.options.public_ip.is_some() {
            self.options.ice = IceOptions::default();
        }
        self.helpers = Helpers::new(&self.options.ice, journal);
        self
    }

    /// The same, offering to do these things to the pictures of peers ([`Gateway::process`]); the first is what a session begins
    /// with that does not choose.
    #[must_use]
    pub fn with_tasks(mut self, tasks: Vec<Task>) -> Self {
        self.tasks = tasks.into();
        self
    }

    /// What it offers to do to pictures.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The sessions that there are.
    pub fn sessions(&self) -> usize {
        self.sessions.lock().len()
    }

    /// A peer offers to publish `name`.
    ///
    /// # Errors
    ///
    /// Why it may not.
    pub async fn publish(&self, name: &str, offer: &str) -> Result<Answer, Refusal> {
        if !self.options.publish {
            return Err(Refusal::Forbidden("here is something to watch; nothing is taken".into()));
        }
        let ready = self.prepare().await?;
        let publication = self.hub.publish(name);
        let publication =
            publication.map_err(|_| Refusal::Busy(format!("somebody publishes {name} already")))?;
        let answered = ready.answer(offer, &[]);
        let (session, sdp) = match answered {
            Ok(answered) => answered,
            Err(error) => {
                publication.end();
                return Err(Refusal::of(error));
            }
        };
        self.start(session, ready, sdp, None, |line| arrive::publish(line, publication))
    }

    /// A peer offers to send pictures, sound or both, and wants back what becomes of them.
    ///
    /// # Errors
    ///
    /// Why it can't.
    pub async fn process(&self, choice: &Choice, offer: &str) -> Result<Answer, Refusal> {
        let desk = Arc::new(Desk::new(&self.tasks, choice).map_err(Refusal::Offer)?);
        let ready = self.prepare().await?;
        let picture = round_trip::picture_params().map_err(|error| Refusal::System(error.to_string()))?;
        let send = [picture, round_trip::sound_params()];
        let answered = ready.answer(offer, &send);
        let (mut session, sdp) = answered.map_err(Refusal::of)?;
        session.set_wanted_bandwidth(self.options.bandwidth.saturating_mul(2));
        let at_work = desk.clone();
        self.start(session, ready, sdp, Some(desk), |line| round_trip::round_trip(line, at_work))
    }

    /// Changes what a session of [`Gateway::process`] does, from its next picture on.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoStream`] where there is no such session, [`Refusal::Offer`] for what can't be chosen.
    pub fn choose(&self, id: &str, choice: &Choice) -> Result<(), Refusal> {
        self.desk(id)?.choose(choice).map_err(Refusal::Offer)
    }

    /// How a session of [`Gateway::process`] goes.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoStream`] where there is no such session.
    pub fn report(&self, id: &str) -> Result<Report, Refusal> {
        Ok(self.desk(id)?.report())
    }

    /// A peer offers to watch `name`.
    ///
    /// # Errors
    ///
    /// Why it can't.
    pub async fn watch(&self, name: &str, offer: &str) -> Result<Answer, Refusal> {
        let ready = self.prepare().await?;
        let feed = Feed::open(self.hub.subscribe(name), self.options.wait).await;
        let missing = || Refusal::NoStream(format!("nobody publishes {name}"));
        let mut feed = feed.ok_or_else(missing)?;
        if !rendition::is_carried(&feed) {
            feed = rendition::open(&self.hub, name, feed).await.ok_or_else(missing)?;
        }
        let mut numbers = vec![None; feed.streams.len()];
        let mut send = Vec::new();
        for kind in [MediaKind::Video, MediaKind::Audio] {
            let found = feed.streams.iter().position(|params| params.media() == kind);
            let Some(number) = found else { continue };
            // Sound that it can't carry costs the sound alone.
            let params = &feed.streams[number];
            if kind == MediaKind::Audio && params.codec != CodecId::Opus {
                continue;
            }
            numbers[number] = Some(send.len());
            send.push(params.clone());
        }
        if send.is_empty() {
            let codecs: Vec<_> = feed.streams.iter().map(|params| params.codec.name()).collect();
            return Err(Refusal::Media(format!(
                "{name} is {}; WebRTC here carries h264 and opus",
                codecs.join(", ")
            )));
        }
        let answered = ready.answer(offer, &send);
        let (mut session, sdp) = answered.map_err(Refusal::of)?;
        session.set_wanted_bandwidth(self.options.bandwidth.saturating_mul(2));
        self.start(session, ready, sdp, None, |line| watch::watch(line, feed, numbers))
    }

    /// A sink for the packets of an output, which whoever comes may watch as `name`. `keeper` is kept as long as the sink is:
    /// what answers the viewers.
    ///
    /// # Errors
    ///
    /// Where somebody publishes that already.
    pub fn sink(
        &self,
        name: &str,
        url: &Url,
        options: &SinkOptions,
        keeper: Box<dyn Any + Send>,
    ) -> Result<Box<dyn LivePacketSink>, Error> {
        let publication = self.hub.publish(name);
        let publication =
            publication.map_err(|_| Error::Usage(format!("{}: somebody publishes it already", url.text)))?;
        let tally = publication.tally();
        let publication = Some(publication);
        let audience = Audience { gateway: self.clone(), publication, tally, _keeper: keeper };
        Ok(Box::new(SessionSink::new(&url.text, true, options, audience)))
    }

    /// What somebody will publish as `name`, as an input; it ends when that is over. `keeper` is kept as long as the source
    /// is: what answers the publisher.
    ///
    /// # Errors
    ///
    /// Where the system gives no thread for the sockets.
    pub fn source(
        &self,
        name: &str,
        url: &Url,
        options: &SourceOptions,
        keeper: Box<dyn Any + Send>,
    ) -> Result<Box<dyn PacketSource>, Error> {
        let runtime =
            runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
        let arrivals = arrivals(options);
        let subscription = self.hub.subscribe(name);
        runtime.spawn(hand_on(url.text.clone(), subscription, arrivals.clone(), options.clone()));
        Ok(Box::new(PublishedSource::new(url, options, arrivals, keeper)))
    }

    /// More candidates of a session's peer, as a fragment of a description.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoStream`] where there is no such session, [`Refusal::Offer`] for what it can't take.
    pub fn add_candidates(&self, id: &str, fragment: &str) -> Result<(), Refusal> {
        let orders = self.sessions.lock().get(id).map(|entry| entry.orders.clone());
        let orders = orders.ok_or_else(Refusal::no_session)?;
        if fragment.len() > FRAGMENT {
            return Err(Refusal::Offer("that is too long to be candidates".into()));
        }
        // One that has more waiting than it takes is lost anyhow.
        let _ = orders.try_push(fragment.to_string());
        Ok(())
    }

    /// Ends a session; false where there is none.
    pub fn end(&self, id: &str) -> bool {
        let entry = self.sessions.lock().remove(id);
        entry.inspect(|entry| entry.orders.close()).is_some()
    }

    /// Whether there is such a session.
    pub fn has(&self, id: &str) -> bool {
        self.sessions.lock().contains_key(id)
    }
}

impl Gateway {
    /// What one more session needs.
    async fn prepare(&self) -> Result<Ready, Refusal> {
        let full = |_| Refusal::Full(format!("there are {} sessions already", self.options.sessions));
        let seat = self.seats.clone().try_acquire_owned().map_err(full)?;
        let certificate = certificate().map_err(|error| Refusal::System(error.to_string()))?;
        let place = Place::open(self.options.ip, self.options.public_ip).await;
        let mut place = place.map_err(|error| Refusal::System(format!("no socket for media: {error}")))?;
        let mut options = SessionOptions::new(certificate);
        options.ice_lite = self.options.public_ip.is_some();
        options.bandwidth = self.options.bandwidth;
        place.ask(&self.helpers, &mut options).await;
        Ok(Ready { seat, place, options })
    }

    fn desk(&self, id: &str) -> Result<Arc<Desk>, Refusal> {
        self.sessions.lock().get(id).and_then(|entry| entry.desk.clone()).ok_or_else(Refusal::no_session)
    }

    /// Runs a session until it ends; its place is free then.
    fn start<F>(
        &self,
        session: Session,
        ready: Ready,
        sdp: String,
        desk: Option<Arc<Desk>>,
        run: impl FnOnce(Line) -> F,
    ) -> Result<Answer, Refusal>
    where
        F: Future<Output = Result<(), brooklet_webrtc::Error>> + Send + 'static,
    {
        let runtime = runtime::handle().map_err(|error| Refusal::System(error.to_string()))?;
        let id = name().map_err(|error| Refusal::System(error.to_string()))?;
        let orders = Queue::new(ORDERS);
        let Ready { seat, place, .. } = ready;
        self.sessions.lock().insert(id.clone(), Entry { orders: orders.clone(), desk, _seat: seat });
        let task = run(Line::new(session, place, orders));
        let (sessions, own) = (Arc::downgrade(&self.sessions), id.clone());
        runtime.spawn(async move {
            // Why it ended is the peer's to know: it has seen it, or is gone.
            let _ = task.await;
            if let Some(sessions) = sessions.upgrade() {
                sessions.lock().remove(&own);
            }
        });
        Ok(Answer { id, sdp })
    }
}

/// What a session needs before its offer is answered.
struct Ready {
    seat: OwnedSemaphorePermit,
    place: Place,
    options: SessionOptions,
}

impl Ready {
    fn answer(
        &self,
        offer: &str,
        send: &[StreamParams],
    ) -> Result<(Session, String), brooklet_webrtc::Error> {
        Session::answer(&self.options, Instant::now(), offer, send, self.place.addresses())
    }
}

#[cfg(test)]
mod tests;
