//! When each track begins and ends in the presentation: edit lists (ISO/IEC 14496-12 §8.6.6), written.
//!
//! The presentation begins at 0. What stands before, is only to be decoded, or trimmed from the start of a sound, is cut by an edit; a
//! track that begins later is delayed by an empty one.

use brooklet_media::TimeBase;
use bytes::{BufMut, BytesMut};

use super::put::{put_box, put_full_box, put_time, version_for};
use super::track::{Shown, Track};

/// The place of one track in the presentation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Edits {
    /// How long nothing of it is shown at first, in ticks of the movie.
    delay: i64,
    /// The first pts of its media that is shown, in ticks of the track; its first dts is 0.
    media_time: i64,
    /// How long it is shown, in ticks of the movie; 0 for all that follows, in fragments.
    length: i64,
    /// Whether that is all there is.
    whole: bool,
}

impl Edits {
    /// Of a track whose samples last for `duration` ticks of it and stand in one table.
    pub(super) fn of_whole(track: &Track, movie: TimeBase, duration: i64) -> Self {
        let shown = track.shown().unwrap_or(Shown { from: 0, until: 0 });
        let length = shown.until.saturating_sub(shown.from).max(0);
        Self {
            delay: track.clock.rescale(shown.from, movie),
            media_time: shown.from.saturating_sub(track.first_dts).max(0),
            length: track.clock.rescale(length, movie),
            whole: length == duration,
        }
    }

    /// Of a track in fragments, and what is added to its times. A delay is in the fragments' own times where nothing is cut, which
    /// more readers follow than an empty edit.
    pub(super) fn of_fragments(track: &Track, movie: TimeBase) -> (Self, i64) {
        let Some(shown) = track.shown() else { return (Self::default(), 0) };
        let media_time = shown.from.saturating_sub(track.first_dts).max(0);
        if media_time == 0 {
            return (Self::default(), 0);
        }
        let delay = track.clock.rescale(shown.from, movie);
        (Self { delay, media_time, length: 0, whole: false }, track.first_dts.saturating_neg())
    }

    /// When the track ends in the presentation, in ticks of the movie.
    pub(super) const fn end(&self) -> i64 {
        self.delay.saturating_add(self.length)
    }

    /// Writes `edts`, where there is something to say.
    pub(super) fn put(&self, out: &mut BytesMut) {
        let nothing = self.delay == 0 && self.media_time == 0;
        if nothing && (self.whole || self.length == 0) {
            return;
        }
        let version = version_for([self.delay, self.length, self.media_time]);
        let put_edit = |out: &mut BytesMut, length, media_time| {
            put_time(out, version, length);
            put_time(out, version, media_time);
            out.put_u32(1 << 16); // at its own speed
        };
        put_box(out, b"edts", |out| {
            put_full_box(out, b"elst", version, 0, |out| {
                out.put_u32(if self.delay > 0 { 2 } else { 1 });
                if self.delay > 0 {
                    put_edit(out, self.delay, -1);
                }
                put_edit(out, self.length, self.media_time);
            });
        });
    }
}
