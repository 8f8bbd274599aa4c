//! Tags, written: `ilst` as iTunes has it, and QuickTime's user data.

use brooklet_media::Metadata;
use bytes::{BufMut, BytesMut};

use super::put::{put_box, put_full_box};
use super::{Mp4Brand, Mp4MuxerOptions};
use crate::boxes::FourCc;
use crate::language;
use crate::metadata::{Form, item_of, value_type};

/// QuickTime's user data text for what wrote a file.
const SOFTWARE: &FourCc = b"\xA9swr";
/// The longest text of QuickTime's user data, bytes.
const MAX_TEXT: usize = u16::MAX as usize;

/// Writes the tags that have a place, and who wrote the file, in a `udta`.
pub(super) fn put_tags(out: &mut BytesMut, options: &Mp4MuxerOptions, metadata: &Metadata) {
    let writer = concat!("brooklet ", env!("CARGO_PKG_VERSION"));
    let written = metadata.iter().filter(|(key, _)| key != "encoder");
    let own = (!options.bitexact).then_some(("encoder", writer));
    let tags = written.map(|(key, value)| (key.as_str(), value.as_str())).chain(own);
    let is_quicktime = options.brand == Mp4Brand::QuickTime;
    let items: Vec<_> = tags
        .filter_map(|(key, value)| match key {
            "encoder" if is_quicktime => Some(((SOFTWARE, Form::Text), value)),
            key => Some((item_of(key)?, value)),
        })
        .collect();
    if items.is_empty() {
        return;
    }
    put_box(out, b"udta", |out| {
        if is_quicktime {
            items.iter().for_each(|((kind, form), value)| put_text(out, kind, *form, value));
        } else {
            put_full_box(out, b"meta", 0, 0, |out| {
                put_full_box(out, b"hdlr", 0, 0, |out| out.put_slice(b"\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0"));
                put_box(out, b"ilst", |out| {
                    items.iter().for_each(|((kind, form), value)| put_item(out, kind, *form, value));
                });
            });
        }
    });
}

/// An item of `ilst`. One whose value is no number where it has to be is left out.
fn put_item(out: &mut BytesMut, kind: &FourCc, form: Form, value: &str) {
    let (value_type, bytes) = match form {
        Form::Text => (value_type::UTF8, value.as_bytes().to_vec()),
        Form::Number => match value.parse::<i32>() {
            Ok(number) if i8::try_from(number).is_ok() => (value_type::SIGNED, vec![number as u8]),
            Ok(number) => (value_type::SIGNED, number.to_be_bytes().to_vec()),
            Err(_) => return,
        },
        Form::OneOf => {
            let (number, all) = value.split_once('/').unwrap_or((value, "0"));
            let (Ok(number), Ok(all)) = (number.parse::<u16>(), all.parse::<u16>()) else { return };
            let (number, all) = (number.to_be_bytes(), all.to_be_bytes());
            // A track's has two bytes more than a disc's, which readers of either pass over.
            (0, [&[0; 2], &number[..], &all[..], &[0; 2]].concat())
        }
    };
    put_box(out, kind, |out| {
        put_box(out, b"data", |out| {
            out.put_u32(value_type);
            out.put_u32(0); // locale
            out.put_slice(&bytes);
        });
    });
}

/// A text of QuickTime's user data: a length, a language and the text (QuickTime File Format, "User Data Text Strings").
fn put_text(out: &mut BytesMut, kind: &FourCc, form: Form, value: &str) {
    if form != Form::Text || kind[0] != 0xA9 || value.len() > MAX_TEXT {
        return;
    }
    put_box(out, kind, |out| {
        out.put_u16(value.len() as u16);
        out.put_u16(language::code(None));
        out.put_slice(value.as_bytes());
    });
}
