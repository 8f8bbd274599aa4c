//! One connection to a sound server: questions and answers, and what the server says by itself.

use std::collections::HashMap;
use std::ffi::CString;
use std::io::{self, BufReader, Cursor, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, CommandReply, Descriptor, DescriptorFlags, Prop, Props,
    ProtocolError, PulseError, SetClientNameReply, TagStructReader,
};

use super::server::{self, Socket};
use crate::{Error, Result};

/// How long an answer may take that depends on nothing but the server.
const ANSWER: Duration = Duration::from_secs(5);
/// The longest message that is believed; a server sends sound in pieces of at most this size.
const MOST: u32 = 16 << 20;
/// The most sound in one message to the server.
const BLOCK: usize = 64 << 10;
/// The channel of messages that carry no sound.
const CONTROL: u32 = u32::MAX;

/// What the server says by itself. Called in the connection's own thread, in order.
pub(super) trait Listener: Send {
    /// Something happened.
    fn event(&mut self, event: Command);

    /// Sound of a stream that records.
    fn sound(&mut self, bytes: &[u8]);

    /// The connection is gone.
    fn gone(&mut self);
}

/// For questions alone.
pub(super) struct Deaf;

impl Listener for Deaf {
    fn event(&mut self, _: Command) {}
    fn sound(&mut self, _: &[u8]) {}
    fn gone(&mut self) {}
}

/// A connection that has been agreed on; dropping it ends it, and all its streams.
#[derive(Debug)]
pub(super) struct Connection {
    wire: Arc<Wire>,
}

/// The way to the server. Threads and listeners share it.
#[derive(Debug)]
pub(super) struct Wire {
    socket: Mutex<Socket>,
    /// The same, to end it without waiting for who writes.
    closer: Socket,
    version: u16,
    next: AtomicU32,
    /// Who waits for which answer.
    waiting: Mutex<HashMap<u32, SyncSender<Answer>>>,
    gone: AtomicBool,
}

/// The body of a reply, or a refusal.
type Answer = Result<Vec<u8>, PulseError>;

/// Why a question has no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The connection is gone.
    Gone,
    /// The server said no.
    Refused(PulseError),
    /// It said nothing, or something that makes no sense.
    Strange(String),
}

impl Connection {
    /// Connects to the user's server and makes itself known to it.
    pub(super) fn open() -> Result<(Self, BufReader<Socket>)> {
        let socket = server::connect()?;
        let failed = |error: String| Error::NoServer {
            what: "sound server",
            why: format!("one is there, but {error}"),
        };
        Self::agree(socket).map_err(|error| failed(error.to_string()))
    }

    fn agree(mut socket: Socket) -> Result<(Self, BufReader<Socket>), ProtocolError> {
        let newest = protocol::MAX_VERSION;
        let mut reader = BufReader::new(socket.try_clone()?);
        let auth = AuthParams {
            version: newest,
            supports_shm: false,
            supports_memfd: false,
            cookie: server::cookie(),
        };
        protocol::write_command_message(&mut socket, 0, &Command::Auth(auth), newest)?;
        let (_, reply) = protocol::read_reply_message::<AuthReply>(&mut reader, newest)?;
        let version = reply.version.min(newest);
        if version < protocol::MIN_VERSION {
            return Err(ProtocolError::UnsupportedVersion(version));
        }
        protocol::write_command_message(&mut socket, 1, &Command::SetClientName(own_name()), version)?;
        protocol::read_reply_message::<SetClientNameReply>(&mut reader, version)?;
        let wire = Arc::new(Wire {
            closer: socket.try_clone()?,
            socket: Mutex::new(socket),
            version,
            next: AtomicU32::new(2),
            waiting: Mutex::default(),
            gone: AtomicBool::new(false),
        });
        Ok((Self { wire }, reader))
    }

    /// Starts the thread that reads, for `listener`.
    pub(super) fn listen(
        &self,
        reader: BufReader<Socket>,
        mut listener: impl Listener + 'static,
    ) -> Result<()> {
        let wire = self.wire.clone();
        let read = move || {
            let mut end = Farewell { wire: &wire, listener: &mut listener };
            // What went wrong is that it is gone.
            let _ = end.read_all(reader);
        };
        match thread::Builder::new().name("sound server".into()).spawn(read) {
            Ok(_) => Ok(()),
            Err(source) => {
                Err(Error::Device { device: "sound server".into(), what: "cannot start a thread", source })
            }
        }
    }

    pub(super) const fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.wire.hang_up();
    }
}

impl Wire {
    /// Asks, and waits for the answer.
    pub(super) fn ask<R: CommandReply>(&self, command: &Command) -> Result<R, Trouble> {
        self.answer(self.send(command)?)
    }

    /// Waits for the answer to a question, and reads it.
    pub(super) fn answer<R: CommandReply>(&self, question: Question<'_>) -> Result<R, Trouble> {
        let mut body = Cursor::new(self.wait(question, Some(ANSWER))?);
        let mut reader = TagStructReader::new(&mut body, self.version);
        R::read(&mut reader, self.version).map_err(|error| Trouble::Strange(error.to_string()))
    }

    /// Tells, and waits until it is done; without a limit, where that takes as long as sound lasts.
    pub(super) fn tell(&self, command: &Command, limit: Option<Duration>) -> Result<(), Trouble> {
        self.wait(self.send(command)?, limit).map(drop)
    }

    /// The usual limit of [`Wire::tell`].
    pub(super) fn order(&self, command: &Command) -> Result<(), Trouble> {
        self.tell(command, Some(ANSWER))
    }

    /// Sends a question, whose answer [`Wire::answer`] waits for.
    pub(super) fn send(&self, command: &Command) -> Result<Question<'_>, Trouble> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = sync_channel(1);
        lock(&self.waiting).insert(number, sender);
        let question = Question { wire: self, number, answer };
        // Looked at after the question stands in the list, which is emptied after the mark is set.
        if self.gone.load(Ordering::SeqCst) {
            return Err(Trouble::Gone);
        }
        let mut message = Vec::new();
        protocol::write_command_message(&mut message, number, command, self.version)
            .map_err(|error| Trouble::Strange(error.to_string()))?;
        self.write(&message)?;
        Ok(question)
    }

    /// Sends sound for the stream with the number `channel`, all of it in whole frames.
    pub(super) fn send_sound(&self, channel: u32, bytes: &[u8], frame_bytes: usize) -> Result<(), Trouble> {
        let whole = (BLOCK / frame_bytes).max(1) * frame_bytes;
        for block in bytes.chunks(whole) {
            let mut head = [0; protocol::DESCRIPTOR_SIZE];
            let length = block.len() as u32;
            let descriptor = Descriptor { length, channel, offset: 0, flags: DescriptorFlags::empty() };
            protocol::encode_descriptor(&mut head, &descriptor);
            self.write(&[&head, block].concat())?;
        }
        Ok(())
    }

    fn wait(&self, question: Question<'_>, limit: Option<Duration>) -> Result<Vec<u8>, Trouble> {
        let answer = match limit {
            None => question.answer.recv().map_err(|_| Trouble::Gone)?,
            Some(limit) => question.answer.recv_timeout(limit).map_err(|error| match error {
                RecvTimeoutError::Disconnected => Trouble::Gone,
                RecvTimeoutError::Timeout => Trouble::Strange(format!("no answer within {limit:?}")),
            })?,
        };
        answer.map_err(Trouble::Refused)
    }

    /// Ends the connection: whoever waits hears that it is gone.
    pub(super) fn hang_up(&self) {
        self.gone.store(true, Ordering::SeqCst);
        lock(&self.waiting).clear();
        self.closer.shut_down();
    }

    fn write(&self, message: &[u8]) -> Result<(), Trouble> {
        let outcome = lock(&self.socket).write_all(message);
        outcome.map_err(|_| {
            self.hang_up();
            Trouble::Gone
        })
    }

    /// Hands a message to whoever it is for.
    fn receive(&self, body: &[u8], listener: &mut dyn Listener) {
        let mut cursor = Cursor::new(body);
        // What a newer server says, and what is damaged, is left out.
        let Ok((number, command)) = Command::read_tag_prefixed(&mut cursor, self.version) else { return };
        let answer = match command {
            Command::Reply => Ok(body[(cursor.position() as usize).min(body.len())..].to_vec()),
            Command::Error(why) => Err(why),
            event => return listener.event(event),
        };
        if let Some(sender) = lock(&self.waiting).remove(&number) {
            // One that waits no longer needs no answer.
            let _ = sender.try_send(answer);
        }
    }
}

/// A question that was sent. Dropping it forgets the answer.
pub(super) struct Question<'a> {
    wire: &'a Wire,
    number: u32,
    answer: std::sync::mpsc::Receiver<Answer>,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        lock(&self.wire.waiting).remove(&self.number);
    }
}

impl Trouble {
    /// The error of a user of `device` who was doing `what`.
    pub(super) fn about(self, device: &str, what: &'static str) -> Error {
        let device = device.to_string();
        match self {
            Self::Gone | Self::Refused(PulseError::ConnectionTerminated | PulseError::Killed) => {
                Error::Gone { device }
            }
            Self::Refused(why) => {
                Error::Device { device, what, source: io::Error::other(why.to_string().to_lowercase()) }
            }
            Self::Strange(why) => Error::Device { device, what, source: io::Error::other(why) },
        }
    }
}

/// Tells all when the thread that reads ends, however it does.
struct Farewell<'a> {
    wire: &'a Wire,
    listener: &'a mut dyn Listener,
}

impl Farewell<'_> {
    fn read_all(&mut self, mut reader: BufReader<Socket>) -> Result<(), ProtocolError> {
        let mut body = Vec::new();
        loop {
            let head = protocol::read_descriptor(&mut reader)?;
            if head.length > MOST {
                return Err(ProtocolError::Invalid(format!("a message of {} bytes", head.length)));
            }
            body.clear();
            reader.by_ref().take(head.length.into()).read_to_end(&mut body)?;
            if body.len() < head.length as usize {
                return Ok(());
            }
            if head.channel == CONTROL {
                self.wire.receive(&body, self.listener);
            } else if head.flags.is_empty() {
                self.listener.sound(&body);
            }
        }
    }
}

impl Drop for Farewell<'_> {
    fn drop(&mut self) {
        self.wire.hang_up();
        self.listener.gone();
    }
}

/// How mixers call us.
fn own_name() -> Props {
    let mut props = Props::new();
    props.set(Prop::ApplicationName, c"brooklet");
    props.set(Prop::ApplicationProcessBinary, c"brooklet");
    if let Ok(id) = CString::new(std::process::id().to_string()) {
        props.set(Prop::ApplicationProcessId, id);
    }
    props
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these is changed by one call each.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
