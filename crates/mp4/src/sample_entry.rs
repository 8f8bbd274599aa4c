//! Rows of an `stsd`: what the samples of a track are (ISO/IEC 14496-12 §8.5.2).

use brooklet_media::{CodecId, Error, MediaKind, Result, StreamKind, StreamParams, TimeBase};

use crate::audio_entry;
use crate::boxes::{Body, FourCc, show};
use crate::samples::Grouping;
use crate::video_entry;

/// The most rows that are read.
const MAX_ROWS: usize = 64;

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    /// What the samples are; the track fills in its clock, length and language.
    pub(crate) params: StreamParams,
    /// Bytes of the lengths before NAL units: 4, where samples need no change.
    pub(crate) length_size: usize,
    /// How single samples of sound lie in the file, where the track is made of such.
    pub(crate) grouping: Option<Grouping>,
}

impl Description {
    /// Of samples that are handed on as they are. The time base is the track's to fill in.
    pub(crate) fn new(codec: CodecId, kind: StreamKind) -> Self {
        Self { params: StreamParams::new(codec, TimeBase::MILLIS, kind), length_size: 4, grouping: None }
    }
}

/// Reads an `stsd`: at least one row.
///
/// # Errors
///
/// [`Error::Unsupported`] for encryption; where there is no row, or none that is whole.
pub(crate) fn parse_stsd(mut stsd: Body, kind: MediaKind, is_quicktime: bool) -> Result<Vec<Description>> {
    let (version, _) = stsd.version_and_flags()?;
    let _count = stsd.u32()?;
    let mut rows = Vec::new();
    for entry in stsd.clone().children().take(MAX_ROWS) {
        refuse_encryption(&entry)?;
        rows.push(match kind {
            MediaKind::Video => video_entry::parse(entry)?,
            MediaKind::Audio => audio_entry::parse(entry, is_quicktime || version == 0)?,
            MediaKind::Other => other(entry),
        });
    }
    if rows.is_empty() { Err(stsd.invalid("it describes nothing")) } else { Ok(rows) }
}

/// `encv`, `enca` and the like (ISO/IEC 14496-12 §8.12) hold the codec in `sinf/frma`.
fn refuse_encryption(entry: &Body) -> Result<()> {
    if !matches!(&entry.kind, b"encv" | b"enca" | b"enct" | b"encs" | b"drms" | b"drmi") {
        return Ok(());
    }
    let kind = show(entry.kind);
    Err(Error::unsupported(format!("encrypted mp4 (a track is '{kind}': DRM)"), "files without encryption"))
}

/// Text and data: the row itself is what a copy must keep.
fn other(entry: Body) -> Description {
    let codec = match &entry.kind {
        b"tx3g" | b"text" => CodecId::MovText,
        kind => unknown(*kind),
    };
    let mut description = Description::new(codec, StreamKind::Other);
    description.params.extradata = entry.bytes.slice(entry.bytes.len().min(8)..);
    description
}

/// A codec that has no name here.
pub(crate) const fn unknown(kind: FourCc) -> CodecId {
    CodecId::Unknown(u32::from_be_bytes(kind))
}

/// The average bit rate in a `btrt` (ISO/IEC 14496-12 §8.5.2.2).
pub(crate) fn parse_btrt(mut btrt: Body) -> Option<u64> {
    btrt.skip(8).ok()?;
    btrt.u32().ok().map(u64::from).filter(|rate| *rate > 0)
}
