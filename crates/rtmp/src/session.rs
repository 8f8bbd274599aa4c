//! What client and server share: bytes to messages and back, acknowledgements, pings, deadlines.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::time::Duration;

use brooklet_media::Timestamp;
use bytes::Bytes;

use crate::chunk::{ChunkLimits, ChunkReader, ChunkWriter};
use crate::command::Command;
use crate::error::{Error, Place, Result, Stage};
use crate::handshake::Handshake;
use crate::message::{BandwidthLimit, Control, Message, UserControl};

/// Bytes between two acknowledgements where the other side names no number.
const DEFAULT_WINDOW: u32 = 2_500_000;

/// What a session wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output<E> {
    /// Send these bytes, after all before them. Several in a row are for one vectored write.
    Transmit(Bytes),
    /// Something happened.
    Event(E),
    /// Nothing more for now: call `handle_timeout` at this time ([`Timestamp::MAX`]: never) or something else
    /// before it.
    Timeout(Timestamp),
}

/// What came in.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// The handshake is done.
    Shaken,
    /// A user control event that is not a ping.
    User(UserControl),
    /// All but control.
    Message(Message),
}

/// One connection below its commands.
#[derive(Debug)]
pub(crate) struct Link {
    handshake: Option<Box<Handshake>>,
    reader: ChunkReader,
    writer: ChunkWriter,
    transmits: VecDeque<Bytes>,
    received: u64,
    acknowledged: u64,
    window: u32,
    announced_window: u32,
    heard: Timestamp,
    pinged: Option<Timestamp>,
    keep_alive: Option<KeepAlive>,
    deadline: Option<Deadline>,
}

/// When to ask whether the other side is still there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeepAlive {
    /// After so long a silence.
    pub(crate) silence: Duration,
    /// How long to wait for the answer.
    pub(crate) patience: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Timestamp,
    patience: Duration,
}

impl Link {
    pub(crate) fn new(mut handshake: Handshake, limits: ChunkLimits, now: Timestamp) -> Self {
        let transmits = handshake.poll_transmit().into_iter().collect();
        Self {
            handshake: Some(Box::new(handshake)),
            reader: ChunkReader::new(limits),
            writer: ChunkWriter::new(),
            transmits,
            received: 0,
            acknowledged: 0,
            window: DEFAULT_WINDOW,
            announced_window: 0,
            heard: now,
            pinged: None,
            keep_alive: None,
            deadline: None,
        }
    }

    /// Counts what has arrived, and acknowledges it when it is time to.
    pub(crate) fn arrived(&mut self, bytes: usize, now: Timestamp) {
        self.received += bytes as u64;
        self.heard = now;
        self.pinged = None;
        if self.handshake.is_none() && self.received - self.acknowledged >= u64::from(self.window) {
            self.acknowledged = self.received;
            // The count wraps, as it may.
            self.send_control(Control::Acknowledgement(self.received as u32));
        }
    }

    /// Takes from `input` up to the next thing that the session should know of; `None`: it is used up.
    pub(crate) fn receive(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>> {
        if let Some(mut handshake) = self.handshake.take() {
            let done = handshake.handle_input(input);
            self.transmits.extend(handshake.poll_transmit());
            if done? {
                self.reader.set_position(handshake.position());
                return Ok(Some(Incoming::Shaken));
            }
            self.handshake = Some(handshake);
            return Ok(None);
        }
        while let Some(message) = self.reader.read(input)? {
            let control = match Control::read(message.kind, &message.body) {
                None => return Ok(Some(Incoming::Message(message))),
                Some(Err(what)) => return Err(Error::invalid(what, self.place(&message))),
                Some(Ok(control)) => control,
            };
            if let Some(event) = self.carry_out(control) {
                return Ok(Some(Incoming::User(event)));
            }
        }
        Ok(None)
    }

    fn carry_out(&mut self, control: Control) -> Option<UserControl> {
        match control {
            // What the other side has received is known better by the socket.
            Control::Acknowledgement(_) => None,
            Control::WindowAckSize(size) => {
                self.window = size.max(1);
                None
            }
            Control::SetPeerBandwidth(size, limit) => {
                if limit != BandwidthLimit::Dynamic || self.announced_window == 0 {
                    self.announce_window(size);
                }
                None
            }
            Control::User(UserControl::PingRequest(number)) => {
                self.send_control(Control::User(UserControl::PingResponse(number)));
                None
            }
            Control::User(UserControl::PingResponse(_)) => None,
            Control::User(event) => Some(event),
        }
    }

    /// Asks for acknowledgements, once for each size.
    pub(crate) fn announce_window(&mut self, size: u32) {
        if self.announced_window != size {
            self.announced_window = size;
            self.send_control(Control::WindowAckSize(size));
        }
    }

    pub(crate) fn set_chunk_size(&mut self, size: u32) {
        self.writer.set_chunk_size(size, &mut self.transmits);
    }

    pub(crate) fn set_limits(&mut self, limits: ChunkLimits) {
        self.reader.set_limits(limits);
    }

    pub(crate) fn send(&mut self, message: &Message) {
        self.writer.write(message, &mut self.transmits);
    }

    pub(crate) fn send_control(&mut self, control: Control) {
        self.send(&control.message());
    }

    pub(crate) fn send_command(&mut self, command: &Command, stream: u32) {
        self.send(&command.message(stream));
    }

    /// Where in the connection `message` ended.
    pub(crate) fn place(&self, message: &Message) -> Place {
        Place {
            at: self.reader.position(),
            chunk_stream: Some(message.chunk_stream),
            message: Some(message.kind),
        }
    }

    /// [`Error::Limit`] at what has been read last.
    pub(crate) fn limit(&self, what: &'static str, value: u64, limit: u64) -> Error {
        let place = Place { at: self.reader.position(), ..Place::default() };
        Error::Limit { what, value, limit, place }
    }

    /// What it holds while nothing is to be sent.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> Vec<usize> {
        let own = vec![self.transmits.len(), self.transmits.capacity()];
        [own, self.reader.footprint(), self.writer.footprint()].concat()
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    /// What is waited for must have happened `patience` from `now` on.
    pub(crate) fn set_deadline(&mut self, now: Timestamp, patience: Duration) {
        self.deadline = Some(Deadline { at: now + patience, patience });
    }

    /// It has happened, or there is no hurry.
    pub(crate) const fn clear_deadline(&mut self) {
        self.deadline = None;
    }

    pub(crate) const fn set_keep_alive(&mut self, keep_alive: KeepAlive) {
        self.keep_alive = Some(keep_alive);
    }

    pub(crate) fn timeout(&self) -> Timestamp {
        let deadline = self.deadline.map_or(Timestamp::MAX, |deadline| deadline.at);
        self.next_ping().map_or(deadline, |(at, _)| at.min(deadline))
    }

    /// When the silence will have been too long; and how long the wait for an answer was, after a ping.
    fn next_ping(&self) -> Option<(Timestamp, Option<Duration>)> {
        let keep_alive = self.keep_alive.filter(|_| self.handshake.is_none())?;
        Some(match self.pinged {
            Some(pinged) => (pinged + keep_alive.patience, Some(keep_alive.silence + keep_alive.patience)),
            None => (self.heard + keep_alive.silence, None),
        })
    }

    pub(crate) fn handle_timeout(&mut self, now: Timestamp, stage: Stage) -> Result<()> {
        if let Some(deadline) = self.deadline.filter(|deadline| deadline.at <= now) {
            return Err(Error::TimedOut { stage, seconds: deadline.patience.as_secs() });
        }
        match self.next_ping() {
            Some((at, Some(silence))) if at <= now => {
                Err(Error::TimedOut { stage: Stage::Stream, seconds: silence.as_secs() })
            }
            Some((at, None)) if at <= now => {
                self.pinged = Some(now);
                let millis = (now.as_nanos() / 1_000_000) as u32;
                self.send_control(Control::User(UserControl::PingRequest(millis)));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::ChunkReader;
    use crate::message::MessageType;

    #[test]
    fn the_count_of_an_acknowledgement_wraps() {
        let mut link = Link::new(Handshake::client(&[1; 1528]), ChunkLimits::default(), Timestamp::ZERO);
        link.handshake = None;
        link.transmits.clear();
        link.received = u64::from(u32::MAX) - 10;
        link.acknowledged = link.received - u64::from(DEFAULT_WINDOW) + 20;
        for bytes in [19, 1, DEFAULT_WINDOW as usize] {
            link.arrived(bytes, Timestamp::ZERO);
        }
        let said: Vec<u8> = link.transmits.drain(..).flatten().collect();
        let (mut reader, mut said) = (ChunkReader::new(ChunkLimits::default()), &said[..]);
        for expected in [9, 9 + DEFAULT_WINDOW] {
            let message = reader.read(&mut said).unwrap().unwrap();
            assert_eq!(message.kind, MessageType::ACKNOWLEDGEMENT);
            assert_eq!(message.body[..], expected.to_be_bytes());
        }
        assert_eq!(reader.read(&mut said), Ok(None));
    }
}
