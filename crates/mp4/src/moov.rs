//! The `moov` box: what the whole file says of itself and of its tracks.

use brooklet_media::{Metadata, Result, TimeBase};

use crate::boxes::Body;
use crate::fragment::Defaults;
use crate::metadata;
use crate::track::Track;

/// The most tracks that are read.
const MAX_TRACKS: usize = 128;

/// A whole `moov`.
#[derive(Debug)]
pub(crate) struct Movie {
    pub(crate) tracks: Vec<Track>,
    /// Defaults of fragments, by track id.
    pub(crate) defaults: Vec<(u32, Defaults)>,
    /// Whether fragments are announced.
    pub(crate) fragmented: bool,
    pub(crate) metadata: Metadata,
}

impl Movie {
    /// Reads a `moov`; a track that is damaged is left out.
    ///
    /// # Errors
    ///
    /// What is wrong with the first damaged track where no other is whole; encryption.
    pub(crate) fn parse(moov: &Body, is_quicktime: bool) -> Result<Self> {
        let clock = moov.child(b"mvhd").and_then(|mvhd| time_scale(mvhd).ok()).unwrap_or(TimeBase::hz(1_000));
        let mvex = moov.child(b"mvex");
        let length = mvex.as_ref().and_then(|mvex| mvex.child(b"mehd")).and_then(|mut mehd| {
            let wide = mehd.version_and_flags().ok()?.0 == 1;
            i64::try_from(mehd.u64_if(wide).ok()?).ok().filter(|length| *length > 0)
        });
        let mut movie = Self {
            tracks: Vec::new(),
            defaults: Vec::new(),
            fragmented: mvex.is_some(),
            metadata: metadata::parse(moov),
        };
        let mut damage = None;
        for trak in moov.clone().children().filter(|child| child.kind == *b"trak").take(MAX_TRACKS) {
            match Track::parse(&trak, clock, is_quicktime) {
                Ok(track) => movie.tracks.push(track),
                Err(encrypted @ brooklet_media::Error::Unsupported { .. }) => return Err(encrypted),
                Err(error) => damage = damage.or(Some(error)),
            }
        }
        if movie.tracks.is_empty() {
            return Err(damage.unwrap_or_else(|| moov.invalid("it has no track")));
        }
        for track in movie.tracks.iter_mut().filter(|_| mvex.is_some()) {
            let claimed = track.length.filter(|_| track.table.count() == 0);
            track.length = length.map(|length| clock.rescale(length, track.time_base)).or(claimed);
        }
        movie.silence_chapters();
        let trexes = mvex.into_iter().flat_map(Body::children).filter(|child| child.kind == *b"trex");
        movie.defaults = trexes.filter_map(|trex| Defaults::parse(trex).ok()).take(MAX_TRACKS).collect();
        Ok(movie)
    }

    /// Tracks that only name the chapters of another have no packets.
    fn silence_chapters(&mut self) {
        let chapters: Vec<u32> =
            self.tracks.iter().flat_map(|track| track.chapters.iter().copied()).collect();
        for track in self.tracks.iter_mut().filter(|track| chapters.contains(&track.id)) {
            track.silent = true;
        }
    }
}

/// The clock of a `mvhd` or `mdhd`, and nothing else of it.
fn time_scale(mut header: Body) -> Result<TimeBase> {
    let wide = header.version_and_flags()?.0 == 1;
    header.skip(if wide { 16 } else { 8 })?;
    let rate = header.u32()?;
    TimeBase::new(1, rate).ok_or_else(|| header.invalid("its time scale is 0"))
}
