//! Goes from box to box at the top level, and reads those that describe the media.

use brooklet_media::{Error, Result};
use bytes::Bytes;

use crate::boxes::{Body, Header, NAME, show};
use crate::input::{Fetch, Input};

/// The largest `moov` that is read: some days of media.
const MAX_MOOV: u64 = 128 << 20;

/// The largest `moof`.
const MAX_MOOF: u64 = 32 << 20;

/// The largest `ftyp` that is looked into.
const MAX_FTYP: u64 = 4 << 10;

/// Media that is held in memory while a source that can't seek has not come to its `moov`.
pub(crate) const MAX_HELD: u64 = 64 << 20;

/// The place of the reading among the boxes at the top level.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Where the next box stands.
    at: u64,
    done: bool,
    has_moov: bool,
    fragmented: bool,
    /// Where the first fragment stands.
    first_moof: Option<u64>,
    /// Where the media ends that has been passed: samples from here on need more boxes first.
    media_end: u64,
    /// Where the media begins that is held until the `moov` comes.
    held_from: Option<u64>,
}

/// What a step of the scan found.
#[derive(Debug)]
pub(crate) enum Found {
    /// The source must be read from this place on first.
    Ask(u64),
    /// A box that says nothing, passed.
    Nothing,
    /// The file's brands.
    Ftyp(Body),
    /// The first `moov`.
    Moov(Body),
    /// A fragment, and where it stands.
    Moof(Body, u64),
    /// The end of the boxes.
    End,
}

impl Scan {
    pub(crate) const fn new() -> Self {
        Self {
            at: 0,
            done: false,
            has_moov: false,
            fragmented: false,
            first_moof: None,
            media_end: 0,
            held_from: None,
        }
    }

    pub(crate) const fn is_done(&self) -> bool {
        self.done
    }

    /// Whether there are or may be fragments.
    pub(crate) const fn is_fragmented(&self) -> bool {
        self.fragmented
    }

    /// In a source that can't seek: samples from here on are not due yet.
    pub(crate) const fn media_end(&self) -> u64 {
        self.media_end
    }

    /// The `moov` has been read. Without fragments nothing else is of interest where samples can be sought out.
    pub(crate) const fn moov_is_read(&mut self, fragmented: bool, seekable: bool) {
        (self.has_moov, self.fragmented) = (true, fragmented);
        self.media_end = self.at;
        self.done = seekable && !fragmented;
    }

    /// Goes on from a fragment, or from the first.
    pub(crate) fn go_to(&mut self, moof: Option<u64>) {
        if let Some(at) = moof.or(self.first_moof) {
            (self.at, self.done) = (at, false);
        }
    }

    /// Reads the next box.
    ///
    /// # Errors
    ///
    /// Where there is no `moov` to be had. After it, a damaged box is the end.
    pub(crate) fn next(&mut self, input: &mut Input) -> Result<Found> {
        self.forget(input)?;
        let head = match input.peek(self.at, 8, Header::MAX_BYTES) {
            Fetch::Here(head) => head,
            Fetch::Ask(at) => return Ok(Found::Ask(at)),
            Fetch::Gone => Bytes::new(),
        };
        let header = match Header::parse(&head, self.at) {
            Ok(Some(header)) => header,
            Ok(None) if head.len() >= 8 => {
                return match input.peek(self.at, Header::MAX_BYTES, Header::MAX_BYTES) {
                    Fetch::Ask(at) => Ok(Found::Ask(at)),
                    _ => self.end(input),
                };
            }
            Ok(None) => return self.end(input),
            Err(_) if self.has_moov => return self.end(input),
            Err(error) => return Err(error),
        };
        if self.at == 0 && !header.kind.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
            return Err(Error::invalid(
                NAME,
                0,
                format!("no box starts the input (its type would be '{}')", show(header.kind)),
            ));
        }
        self.enter(header, input)
    }

    fn enter(&mut self, header: Header, input: &mut Input) -> Result<Found> {
        let start = self.at;
        let end = header.size.map_or(u64::MAX, |size| start.saturating_add(size));
        match &header.kind {
            b"ftyp" if !self.has_moov && end - start <= MAX_FTYP => {
                self.read(header, input, MAX_FTYP, Found::Ftyp)
            }
            b"moov" if !self.has_moov => self.read(header, input, MAX_MOOV, Found::Moov),
            b"moof" if self.has_moov => {
                self.first_moof = self.first_moof.or(Some(start));
                let found = self.read(header, input, MAX_MOOF, |body| Found::Moof(body, start));
                if found.is_err() { self.end(input) } else { found }
            }
            b"mdat" if !self.has_moov && !input.is_seekable() => {
                let held_from = *self.held_from.get_or_insert(start);
                if end - held_from > MAX_HELD {
                    return Err(moov_is_not_first());
                }
                self.at = end;
                Ok(Found::Nothing)
            }
            kind => {
                if kind == b"mdat" {
                    self.media_end = end;
                }
                self.at = end;
                Ok(Found::Nothing)
            }
        }
    }

    /// Reads a whole box and passes it.
    fn read(
        &mut self,
        header: Header,
        input: &mut Input,
        limit: u64,
        found: impl FnOnce(Body) -> Found,
    ) -> Result<Found> {
        let size = header.size.or(input.end().map(|end| end.saturating_sub(self.at)));
        Error::check_limit(NAME, "size of a header box", size.unwrap_or(input.held() as u64), limit)?;
        // A box without a size ends where the input does: what is asked for beyond shows where that is.
        let end = self.at.saturating_add(size.unwrap_or(u64::MAX));
        match input.fetch(self.at..end) {
            Fetch::Here(mut bytes) => {
                let body = bytes.split_off(bytes.len().min(header.bytes as usize));
                let at = self.at + header.bytes;
                self.at = end;
                Ok(found(Body::new(header.kind, at, body)))
            }
            Fetch::Ask(at) => Ok(Found::Ask(at)),
            Fetch::Gone => {
                let what = format!("inside its {} box, which starts at byte {}", show(header.kind), self.at);
                Err(Error::Truncated { format: NAME, what, at: input.reach() })
            }
        }
    }

    fn end(&mut self, input: &Input) -> Result<Found> {
        self.done = true;
        if self.has_moov {
            return Ok(Found::End);
        }
        Err(Error::Truncated { format: NAME, what: "before its moov box".into(), at: input.reach() })
    }

    /// Lets go of what is passed, but for media that waits for its `moov`.
    fn forget(&self, input: &mut Input) -> Result<()> {
        match self.held_from {
            Some(held_from) if !self.has_moov => {
                input.forget_before(held_from);
                if input.held() as u64 > MAX_HELD + MAX_MOOV {
                    return Err(moov_is_not_first());
                }
            }
            _ => input.forget_before(self.at),
        }
        Ok(())
    }
}

fn moov_is_not_first() -> Error {
    Error::unsupported(
        format!(
            "reading an mp4 from a pipe whose moov box stands at the end, after more than {} MiB of media",
            MAX_HELD >> 20
        ),
        "a file in its place, or an mp4 written with -movflags +faststart",
    )
}
