//! Finding out what an input is: its format from its first bytes, and what a person wants to know of it.

use std::sync::Arc;

use brooklet_format::{DemuxerInfo, Probe};
use brooklet_media::{Metadata, StreamParams, Timestamp};
use bytes::{Bytes, BytesMut};

use super::{CaptureStart, Input};
use crate::job::InputSpec;
use crate::protocol::ByteSource;
use crate::{Error, Result, Stopper};

/// The most that is read to find a format; ffmpeg's limit is of the same size.
const MOST: usize = 1 << 20;

/// What an input is.
#[derive(Clone, Debug, PartialEq)]
pub struct Probed {
    /// ffmpeg's names of the container: `mov,mp4,m4a,3gp,3g2,mj2`.
    pub format: String,
    /// The same in words.
    pub description: String,
    /// Its streams.
    pub streams: Vec<StreamParams>,
    /// Title, encoder and the like.
    pub metadata: Metadata,
    /// Where its clock starts.
    pub start: Option<Timestamp>,
    /// From its start to its end.
    pub duration: Option<Timestamp>,
    /// Average, bit/s.
    pub bit_rate: Option<u64>,
    /// Bytes.
    pub size: Option<u64>,
}

/// Opens an input, reads until its streams are known, and tells.
///
/// # Errors
///
/// Where it can't be opened, or is not media.
pub fn probe(spec: &InputSpec) -> Result<Probed> {
    Ok(Input::open(spec, &Stopper::new(), &Arc::default(), true, &CaptureStart::default())?.describe())
}

impl Input {
    /// What it is.
    pub(crate) fn describe(&self) -> Probed {
        let (duration, size) = (self.duration(), self.size());
        let bit_rate = size.zip(duration).filter(|(_, duration)| !duration.is_zero());
        Probed {
            format: self.format().names.to_string(),
            description: self.format().description.to_string(),
            streams: self.streams().to_vec(),
            metadata: self.metadata(),
            start: Some(self.start()),
            duration: duration.map(|duration| Timestamp::ZERO + duration),
            bit_rate: bit_rate.map(|(size, duration)| (size as f64 * 8.0 / duration.as_secs_f64()) as u64),
            size,
        }
    }
}

/// Reads until the bytes show what they are. What was read is left in `head`.
pub(super) fn find_format(
    url: &str,
    source: &mut dyn ByteSource,
    head: &mut Bytes,
) -> Result<&'static DemuxerInfo> {
    let mut bytes = BytesMut::new();
    let mut ended = false;
    loop {
        let verdict = brooklet_format::probe(&bytes, url, ended || bytes.len() >= MOST);
        match verdict {
            Ok(Probe::Found(format)) => {
                *head = bytes.freeze();
                return Ok(format);
            }
            Ok(Probe::NeedMore) if !ended => {
                let more = source.read()?;
                ended = more.is_empty();
                bytes.extend_from_slice(&more);
            }
            Ok(Probe::NeedMore) => {
                return Err(Error::media(url, brooklet_media::Error::Usage("it is empty".into())));
            }
            Err(error) => return Err(Error::media(url, error)),
        }
    }
}
