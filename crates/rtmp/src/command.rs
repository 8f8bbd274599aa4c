//! Commands: calls, answers and status reports in AMF0. RTMP 1.0, section 7.2.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use brooklet_flv::amf0::{self, Value};
use bytes::Bytes;

use crate::error::{Error, Place, Result};
use crate::message::{Message, MessageType};

/// The chunk stream that commands travel on, by custom.
const COMMAND_CHUNK_STREAM: u32 = 3;

/// A call (`connect`, `publish`), an answer (`_result`, `_error`) or a report (`onStatus`).
#[derive(Clone, PartialEq, Debug)]
pub struct Command {
    /// Its name.
    pub name: String,
    /// What joins an answer to its call; 0 where no answer is wanted.
    pub transaction: f64,
    /// An object or null, as the command has it.
    pub object: Value,
    /// What follows.
    pub arguments: Vec<Value>,
}

impl Command {
    /// A command without an object.
    pub fn new(name: &str, transaction: f64, arguments: Vec<Value>) -> Self {
        Self { name: name.to_owned(), transaction, object: Value::Null, arguments }
    }

    /// Reads a message of type 20, or 17, which is the same behind one byte. Arguments that can't be read, and all
    /// after them, are left out: peers put odd things there.
    pub(crate) fn read(message: &Message, place: Place) -> Result<Self> {
        let mut rest = amf0_part(message);
        let mut next = || amf0::read(&mut rest);
        let name = match next() {
            Ok(Value::String(name)) => name,
            Ok(_) => return Err(Error::invalid("a command does not begin with its name", place)),
            Err(error) => return Err(Error::invalid(format!("the name of a command: {error}"), place)),
        };
        let transaction = next().ok().and_then(|value| value.as_number()).unwrap_or(0.0);
        let object = next().unwrap_or(Value::Null);
        let mut arguments = Vec::new();
        while arguments.len() < MAX_ARGUMENTS {
            match next() {
                Ok(value) => arguments.push(value),
                Err(_) => break,
            }
        }
        Ok(Self { name, transaction, object, arguments })
    }

    /// The message of type 20 that carries it, on a message stream (0: the connection).
    pub fn message(&self, stream: u32) -> Message {
        let mut body = Vec::new();
        amf0::write(&self.name.as_str().into(), &mut body);
        amf0::write(&self.transaction.into(), &mut body);
        amf0::write(&self.object, &mut body);
        self.arguments.iter().for_each(|argument| amf0::write(argument, &mut body));
        let kind = MessageType::COMMAND;
        Message { chunk_stream: COMMAND_CHUNK_STREAM, kind, stream, timestamp: 0, body: Bytes::from(body) }
    }

    /// The text of an argument.
    pub(crate) fn text(&self, index: usize) -> Option<&str> {
        self.arguments.get(index).and_then(Value::as_str)
    }

    /// What `onStatus`, `_error` and the answer to `connect` say.
    pub(crate) fn status(&self) -> Status {
        Status::from_info(self.info())
    }

    /// The information object.
    pub(crate) fn info(&self) -> &Value {
        self.arguments.iter().find(|value| !value.properties().is_empty()).unwrap_or(&self.object)
    }
}

/// The code of a server that wants a client to connect anew (Enhanced RTMP v2, "Reconnect Request").
pub(crate) const RECONNECT_REQUEST: &str = "NetConnection.Connect.ReconnectRequest";

/// More than any command has.
const MAX_ARGUMENTS: usize = 32;

/// The body of a command or data message without the zero byte in front of types 15 and 17.
pub(crate) fn amf0_part(message: &Message) -> &[u8] {
    match (message.kind, &message.body[..]) {
        (MessageType::COMMAND_AMF3 | MessageType::DATA_AMF3, [0, rest @ ..]) => rest,
        (_, body) => body,
    }
}

/// An information object.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Status {
    pub(crate) level: String,
    pub(crate) code: String,
    pub(crate) description: String,
}

impl Status {
    pub(crate) fn new(level: &str, code: &str, description: &str) -> Self {
        Self { level: level.to_owned(), code: code.to_owned(), description: description.to_owned() }
    }

    pub(crate) fn from_info(info: &Value) -> Self {
        let text = |name| info.property(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { level: text("level"), code: text("code"), description: text("description") }
    }

    pub(crate) fn info(&self) -> Value {
        Value::Object(self.properties())
    }

    pub(crate) fn properties(&self) -> Vec<(String, Value)> {
        vec![
            ("level".to_owned(), self.level.as_str().into()),
            ("code".to_owned(), self.code.as_str().into()),
            ("description".to_owned(), self.description.as_str().into()),
        ]
    }

    /// The `onStatus` that reports it.
    pub(crate) fn command(&self) -> Command {
        Command::new("onStatus", 0.0, vec![self.info()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_read_back_as_type_20_and_17() {
        let command = Command::new("publish", 5.0, vec!["key".into(), "live".into()]);
        let mut message = command.message(1);
        assert_eq!(Command::read(&message, Place::default()).unwrap(), command);
        message.kind = MessageType::COMMAND_AMF3;
        message.body = [&[0], &message.body[..]].concat().into();
        assert_eq!(Command::read(&message, Place::default()).unwrap(), command);
    }

    #[test]
    fn arguments_that_cannot_be_read_are_left_out() {
        let mut message = Command::new("play", 4.0, vec!["key".into()]).message(1);
        message.body = [&message.body[..], &[0xEE, 1, 2]].concat().into();
        assert_eq!(Command::read(&message, Place::default()).unwrap().arguments, ["key".into()]);
        message.body = Bytes::from_static(&[0xEE]);
        assert!(Command::read(&message, Place::default()).is_err());
    }
}
