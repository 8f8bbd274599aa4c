//! Which fragments have been passed, so that a seek can go back to them.

/// The most fragments of one track that are remembered; a seek past them reads on from the last.
const MAX_MARKS: usize = 1 << 18;

/// One track's part of a fragment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mark {
    /// Where the `moof` stands.
    pub(crate) at: u64,
    /// The presentation pts of its first sync sample; `None` where it has none.
    pub(crate) sync: Option<i64>,
    /// The media dts where it would start if it did not say.
    pub(crate) dts: i64,
}

/// The fragments of one track, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct FragmentIndex {
    marks: Vec<Mark>,
}

impl FragmentIndex {
    /// Remembers a fragment, unless it is known.
    pub(crate) fn add(&mut self, mark: Mark) {
        if self.marks.len() < MAX_MARKS && self.marks.last().is_none_or(|last| last.at < mark.at) {
            self.marks.push(mark);
        }
    }

    /// Whether a fragment that starts after `pts` is known.
    pub(crate) fn reaches_past(&self, pts: i64) -> bool {
        self.marks.len() == MAX_MARKS || self.marks.last().is_some_and(|last| last.sync > Some(pts))
    }

    /// The last fragment with a sync sample at or before `pts`, else the first.
    pub(crate) fn find(&self, pts: i64) -> Option<Mark> {
        let in_time = |mark: &&Mark| mark.sync.is_some_and(|sync| sync <= pts);
        self.marks.iter().rev().find(in_time).or(self.marks.first()).copied()
    }

    /// The last fragment before a place in the file.
    pub(crate) fn before(&self, at: u64) -> Option<Mark> {
        let next = self.marks.partition_point(|mark| mark.at < at);
        self.marks.get(next.checked_sub(1)?).copied()
    }

    /// The first fragment at or after a place in the file.
    pub(crate) fn after(&self, at: u64) -> Option<Mark> {
        self.marks.get(self.marks.partition_point(|mark| mark.at < at)).copied()
    }
}
