//! AMF0: the values of `onMetaData` and of RTMP commands (Adobe, *Action Message Format – AMF 0*, 2007).
//!
//! ```
//! use brooklet_flv::amf0::{self, Value};
//!
//! let mut out = Vec::new();
//! amf0::write(&Value::Object(vec![("app".into(), "live".into())]), &mut out);
//! let values = amf0::read_all(&out)?;
//! assert_eq!(values[0].property("app").and_then(Value::as_str), Some("live"));
//! # Ok::<(), brooklet_media::Error>(())
//! ```

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use brooklet_media::{Error, Result};

const NAME: &str = "amf0";

/// How deep values may lie in one another.
const MAX_DEPTH: usize = 32;

/// The most values that one message may hold, those inside others included. An index of 36 hours of key frames, one
/// a second, fits.
const MAX_VALUES: usize = 1 << 18;

/// Markers (§2.1).
mod marker {
    pub(super) const NUMBER: u8 = 0x00;
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const STRING: u8 = 0x02;
    pub(super) const OBJECT: u8 = 0x03;
    pub(super) const NULL: u8 = 0x05;
    pub(super) const UNDEFINED: u8 = 0x06;
    pub(super) const REFERENCE: u8 = 0x07;
    pub(super) const ECMA_ARRAY: u8 = 0x08;
    pub(super) const OBJECT_END: u8 = 0x09;
    pub(super) const STRICT_ARRAY: u8 = 0x0A;
    pub(super) const DATE: u8 = 0x0B;
    pub(super) const LONG_STRING: u8 = 0x0C;
    pub(super) const UNSUPPORTED: u8 = 0x0D;
    pub(super) const XML: u8 = 0x0F;
    pub(super) const TYPED_OBJECT: u8 = 0x10;
}

/// One value.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A double.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// Text; one of over 65535 bytes is written as a long string. Bytes that are not UTF-8 read as U+FFFD.
    String(String),
    /// Named values, in the order of the wire.
    Object(Vec<(String, Value)>),
    /// Null.
    Null,
    /// Undefined.
    Undefined,
    /// An object that was sent before, by its number in the message.
    Reference(u16),
    /// Named values again: what `onMetaData` is made of.
    EcmaArray(Vec<(String, Value)>),
    /// Values without names.
    StrictArray(Vec<Value>),
    /// A moment.
    Date {
        /// Milliseconds since 1970-01-01 UTC.
        millis: f64,
        /// Reserved, 0.
        timezone: i16,
    },
    /// An XML document.
    Xml(String),
    /// An object of a named class.
    TypedObject {
        /// The class.
        class: String,
        /// Its values.
        properties: Vec<(String, Value)>,
    },
    /// A value that its sender could not express.
    Unsupported,
}

impl Value {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a number.
    pub const fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The value of a boolean.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The named values of an object, a typed object or an ECMA array; nothing for the others.
    pub fn properties(&self) -> &[(String, Self)] {
        match self {
            Self::Object(properties) | Self::EcmaArray(properties) | Self::TypedObject { properties, .. } => {
                properties
            }
            _ => &[],
        }
    }

    /// The first of [`Value::properties`] of this name.
    pub fn property(&self, name: &str) -> Option<&Self> {
        self.properties().iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

/// Reads one value and moves `bytes` past it. On an error `bytes` stays where it was.
///
/// # Errors
///
/// [`Error::Truncated`] where the bytes end inside the value, [`Error::Invalid`] for a marker that has no meaning,
/// [`Error::Limit`] for values too deep in one another or too many, [`Error::Unsupported`] for AMF3. Places are
/// counted from the start of `bytes`.
pub fn read(bytes: &mut &[u8]) -> Result<Value> {
    let mut reader = Reader::new(bytes);
    let value = reader.value(0)?;
    *bytes = reader.rest;
    Ok(value)
}

/// Reads values until the bytes end.
///
/// # Errors
///
/// As [`read`].
pub fn read_all(bytes: &[u8]) -> Result<Vec<Value>> {
    let mut reader = Reader::new(bytes);
    let mut values = Vec::new();
    while !reader.rest.is_empty() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

/// Appends one value. The names of properties are cut at 65535 bytes, the most that AMF0 has room for.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => {
            out.push(marker::NUMBER);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Boolean(flag) => out.extend_from_slice(&[marker::BOOLEAN, u8::from(*flag)]),
        Value::String(text) if text.len() > 0xFFFF => {
            out.push(marker::LONG_STRING);
            write_long_text(text, out);
        }
        Value::String(text) => {
            out.push(marker::STRING);
            write_text(text, out);
        }
        Value::Object(properties) => {
            out.push(marker::OBJECT);
            write_properties(properties, out);
        }
        Value::Null => out.push(marker::NULL),
        Value::Undefined => out.push(marker::UNDEFINED),
        Value::Reference(index) => {
            out.push(marker::REFERENCE);
            out.extend_from_slice(&index.to_be_bytes());
        }
        Value::EcmaArray(properties) => {
            out.push(marker::ECMA_ARRAY);
            out.extend_from_slice(&(properties.len() as u32).to_be_bytes());
            write_properties(properties, out);
        }
        Value::StrictArray(values) => {
            out.push(marker::STRICT_ARRAY);
            out.extend_from_slice(&(values.len() as u32).to_be_bytes());
            values.iter().for_each(|value| write(value, out));
        }
        Value::Date { millis, timezone } => {
            out.push(marker::DATE);
            out.extend_from_slice(&millis.to_be_bytes());
            out.extend_from_slice(&timezone.to_be_bytes());
        }
        Value::Xml(text) => {
            out.push(marker::XML);
            write_long_text(text, out);
        }
        Value::TypedObject { class, properties } => {
            out.push(marker::TYPED_OBJECT);
            write_text(class, out);
            write_properties(properties, out);
        }
        Value::Unsupported => out.push(marker::UNSUPPORTED),
    }
}

fn write_properties(properties: &[(String, Value)], out: &mut Vec<u8>) {
    for (name, value) in properties {
        write_text(name, out);
        write(value, out);
    }
    out.extend_from_slice(&[0, 0, marker::OBJECT_END]);
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    let text = &text[..text.floor_char_boundary(0xFFFF)];
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn write_long_text(text: &str, out: &mut Vec<u8>) {
    let text = &text[..text.floor_char_boundary(u32::MAX as usize)];
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
    values: usize,
}

impl<'a> Reader<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len(), values: 0 }
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        self.values += 1;
        Error::check_limit(NAME, "number of values", self.values as u64, MAX_VALUES as u64)?;
        Error::check_limit(NAME, "depth of values", depth as u64, MAX_DEPTH as u64)?;
        let at = self.at();
        let [marker] = self.take()?;
        Ok(match marker {
            marker::NUMBER => Value::Number(f64::from_be_bytes(self.take()?)),
            marker::BOOLEAN => Value::Boolean(self.take::<1>()? != [0]),
            marker::STRING => Value::String(self.text()?),
            marker::OBJECT => Value::Object(self.properties(depth, None)?),
            marker::NULL => Value::Null,
            marker::UNDEFINED => Value::Undefined,
            marker::REFERENCE => Value::Reference(u16::from_be_bytes(self.take()?)),
            marker::ECMA_ARRAY => {
                let count = u32::from_be_bytes(self.take()?);
                Value::EcmaArray(self.properties(depth, Some(count))?)
            }
            marker::STRICT_ARRAY => {
                let count = u32::from_be_bytes(self.take()?);
                Value::StrictArray((0..count).map(|_| self.value(depth + 1)).collect::<Result<_>>()?)
            }
            marker::DATE => Value::Date {
                millis: f64::from_be_bytes(self.take()?),
                timezone: i16::from_be_bytes(self.take()?),
            },
            marker::LONG_STRING => Value::String(self.long_text()?),
            marker::UNSUPPORTED => Value::Unsupported,
            marker::XML => Value::Xml(self.long_text()?),
            marker::TYPED_OBJECT => {
                Value::TypedObject { class: self.text()?, properties: self.properties(depth, None)? }
            }
            0x11 => return Err(Error::unsupported("AMF3", "AMF0")),
            other => return Err(Error::invalid(NAME, at, format!("marker {other:#04x} has no meaning"))),
        })
    }

    /// Named values up to the end marker. Some writers leave it out after an ECMA array that ends the message;
    /// its `count` tells, which otherwise means little.
    fn properties(&mut self, depth: usize, count: Option<u32>) -> Result<Vec<(String, Value)>> {
        let mut properties = Vec::new();
        loop {
            if self.rest.is_empty() && count.is_some_and(|count| properties.len() >= count as usize) {
                return Ok(properties);
            }
            let name = self.text()?;
            if name.is_empty() && self.rest.first() == Some(&marker::OBJECT_END) {
                self.bytes(1)?;
                return Ok(properties);
            }
            properties.push((name, self.value(depth + 1)?));
        }
    }

    fn text(&mut self) -> Result<String> {
        let length = u16::from_be_bytes(self.take()?);
        self.utf8(usize::from(length))
    }

    fn long_text(&mut self) -> Result<String> {
        let length = u32::from_be_bytes(self.take()?);
        self.utf8(length as usize)
    }

    fn utf8(&mut self, length: usize) -> Result<String> {
        Ok(String::from_utf8_lossy(self.bytes(length)?).into_owned())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| self.ended())?;
        self.rest = rest;
        Ok(*head)
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.ended())?;
        self.rest = rest;
        Ok(head)
    }

    const fn at(&self) -> u64 {
        (self.length - self.rest.len()) as u64
    }

    fn ended(&self) -> Error {
        Error::Truncated { format: NAME, what: "inside a value".into(), at: self.length as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        write(value, &mut out);
        out
    }

    #[test]
    fn a_connect_command_byte_by_byte() {
        let bytes = b"\x02\0\x07connect\0\x3f\xf0\0\0\0\0\0\0\x03\0\x03app\x02\0\x04live\0\0\x09\x05";
        let expected = vec![
            "connect".into(),
            Value::Number(1.0),
            Value::Object(vec![("app".into(), "live".into())]),
            Value::Null,
        ];
        assert_eq!(read_all(bytes).unwrap(), expected);
        assert_eq!(expected.iter().flat_map(written).collect::<Vec<_>>(), bytes);
    }

    #[test]
    fn an_array_without_its_end_marker_is_read_where_the_message_ends() {
        let bytes = b"\x08\0\0\0\x01\0\x01a\x01\x01";
        assert_eq!(read_all(bytes).unwrap(), [Value::EcmaArray(vec![("a".into(), Value::Boolean(true))])]);
        assert!(read_all(b"\x08\0\0\0\x02\0\x01a\x01\x01").is_err());
        assert!(read_all(b"\x03\0\x01a\x01\x01").is_err());
    }

    #[test]
    fn text_of_over_65535_bytes_is_a_long_string() {
        for length in [0xFFFF, 0x1_0000] {
            let text = Value::String("x".repeat(length));
            let bytes = written(&text);
            assert_eq!(bytes[0], if length > 0xFFFF { marker::LONG_STRING } else { marker::STRING });
            assert_eq!(read_all(&bytes).unwrap(), [text]);
        }
    }

    #[test]
    fn a_forged_count_and_a_tower_are_refused_early() {
        assert!(matches!(read_all(b"\x0a\xff\xff\xff\xff"), Err(Error::Truncated { .. })));
        assert!(matches!(read_all(&b"\x0a\0\0\0\x01".repeat(100)), Err(Error::Limit { .. })));
        let mut nulls = vec![marker::STRICT_ARRAY, 0xFF, 0, 0, 0];
        nulls.resize(MAX_VALUES + 5, marker::NULL);
        assert!(matches!(read_all(&nulls), Err(Error::Limit { .. })));
    }

    #[test]
    fn an_error_says_where_and_moves_nothing() {
        let mut bytes: &[u8] = b"\x02\0\x01a\x04";
        assert_eq!(read(&mut bytes).unwrap(), "a".into());
        assert!(matches!(read(&mut bytes), Err(Error::Invalid { at: 0, .. })));
        assert_eq!(bytes, [4]);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let number = prop::num::f64::NORMAL | prop::num::f64::ZERO;
        let leaf = prop_oneof![
            number.prop_map(Value::Number),
            any::<bool>().prop_map(Value::Boolean),
            ".{0,12}".prop_map(Value::String),
            ".{0,12}".prop_map(Value::Xml),
            any::<u16>().prop_map(Value::Reference),
            (number, any::<i16>()).prop_map(|(millis, timezone)| Value::Date { millis, timezone }),
            Just(Value::Null),
            Just(Value::Undefined),
            Just(Value::Unsupported),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let properties = prop::collection::vec((".{0,6}", inner.clone()), 0..6);
            prop_oneof![
                properties.clone().prop_map(Value::Object),
                properties.clone().prop_map(Value::EcmaArray),
                prop::collection::vec(inner, 0..6).prop_map(Value::StrictArray),
                (".{0,6}", properties)
                    .prop_map(|(class, properties)| Value::TypedObject { class, properties }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(values in prop::collection::vec(any_value(), 0..4)) {
            let bytes: Vec<u8> = values.iter().flat_map(written).collect();
            prop_assert_eq!(read_all(&bytes), Ok(values));
        }

        #[test]
        fn every_damaged_message_is_read_or_refused(
            value in any_value(), at in any::<prop::sample::Index>(), flip in 1u8..,
        ) {
            let mut bytes = written(&value);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let _ = read_all(&bytes);
            let _ = read_all(&bytes[..at]);
        }

        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes in prop::collection::vec(0u8..20, 0..200)) {
            let _ = read_all(&bytes);
        }
    }
}
