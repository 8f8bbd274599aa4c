//! Tables of runs, `stts` and `ctts`: so many samples with one value, then so many with another
//! (ISO/IEC 14496-12 §8.6.1).

use bytes::Bytes;

use crate::boxes::u32_at;

/// Before every so many rows, what came before is kept, so that any sample is found in few steps.
const STRIDE: usize = 64;

/// Rows of (count, value), left in the bytes of the file.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    rows: Bytes,
    signed: bool,
    marks: Vec<Mark>,
    total: Mark,
}

/// What comes before a row.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    samples: u64,
    sum: i64,
}

/// A sample's place in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunCursor {
    row: usize,
    /// Samples of the row that are left, this one included; 0 past the end of the table.
    left: u32,
    /// Of this sample; past the end, of the last one.
    pub(crate) value: i32,
    /// The sum of all values before this sample.
    pub(crate) sum: i64,
}

impl Runs {
    /// Takes the rows of a `stts`, 8 bytes each. A duration that is negative as 32 bits is taken for 1.
    pub(crate) fn of_durations(rows: Bytes) -> Self {
        Self::new(rows, false)
    }

    /// Takes the rows of a `ctts`, 8 bytes each. Offsets are signed in both versions: a version 0 with offsets
    /// over 2³¹ is a version 1 that says the wrong thing.
    pub(crate) fn of_offsets(rows: Bytes) -> Self {
        Self::new(rows, true)
    }

    fn new(rows: Bytes, signed: bool) -> Self {
        let mut runs = Self { rows, signed, marks: Vec::new(), total: Mark::default() };
        for row in 0..runs.len() {
            if row.is_multiple_of(STRIDE) {
                runs.marks.push(runs.total);
            }
            let (count, value) = runs.row(row);
            runs.total.add(count, value);
        }
        runs
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() / 8
    }

    /// Samples in all rows.
    pub(crate) const fn samples(&self) -> u64 {
        self.total.samples
    }

    /// The sum of the values of all samples.
    pub(crate) const fn sum(&self) -> i64 {
        self.total.sum
    }

    /// How many samples row `index` is for, and their value.
    pub(crate) fn row(&self, index: usize) -> (u32, i32) {
        let field = |at| u32_at(&self.rows, at).unwrap_or(0);
        let value = field(index * 2 + 1) as i32;
        (field(index * 2), if value < 0 && !self.signed { 1 } else { value })
    }

    /// The place of `sample`. Past the end, the last value goes on.
    pub(crate) fn seek(&self, sample: u64) -> RunCursor {
        let mark = self.marks.partition_point(|mark| mark.samples <= sample).saturating_sub(1);
        let mut before = self.marks.get(mark).copied().unwrap_or_default();
        for row in mark * STRIDE..self.len() {
            let (count, value) = self.row(row);
            let into = sample.saturating_sub(before.samples);
            if into < u64::from(count) {
                before.add(into as u32, value);
                return RunCursor { row, left: count - into as u32, value, sum: before.sum };
            }
            before.add(count, value);
        }
        let value = self.row(self.len().saturating_sub(1)).1;
        let past = i64::try_from(sample.saturating_sub(before.samples)).unwrap_or(i64::MAX);
        let sum = before.sum.saturating_add(past.saturating_mul(i64::from(value)));
        RunCursor { row: self.len(), left: 0, value, sum }
    }

    /// The last of the first `samples` samples before which the values sum up to at most `sum`; the first where
    /// there is none. The values must be durations.
    pub(crate) fn at_sum(&self, sum: i64, samples: u64) -> u64 {
        let (mut low, mut high) = (0, samples.saturating_sub(1));
        while low < high {
            let middle = high - (high - low) / 2;
            if self.seek(middle).sum <= sum { low = middle } else { high = middle - 1 }
        }
        low
    }

    /// Moves to the next sample.
    pub(crate) fn advance(&self, cursor: &mut RunCursor) {
        cursor.sum = cursor.sum.saturating_add(i64::from(cursor.value));
        cursor.left = cursor.left.saturating_sub(1);
        while cursor.left == 0 && cursor.row < self.len() {
            cursor.row += 1;
            let (count, value) = self.row(cursor.row);
            if cursor.row < self.len() && count > 0 {
                (cursor.left, cursor.value) = (count, value);
            }
        }
    }
}

impl RunCursor {
    /// Whether the table has nothing to say of this sample.
    pub(crate) const fn is_past_end(&self) -> bool {
        self.left == 0
    }
}

impl Mark {
    fn add(&mut self, count: u32, value: i32) {
        self.samples += u64::from(count);
        self.sum = self.sum.saturating_add(i64::from(count) * i64::from(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(runs: &[(u32, i32)]) -> Bytes {
        runs.iter().flat_map(|(count, value)| [count.to_be_bytes(), value.to_be_bytes()]).flatten().collect()
    }

    #[test]
    fn past_the_end_the_last_value_goes_on() {
        let runs = Runs::of_durations(rows(&[(2, 10), (1, 5)]));
        let mut cursor = runs.seek(0);
        let sums: Vec<_> = (0..6)
            .map(|_| {
                let sum = cursor.sum;
                runs.advance(&mut cursor);
                sum
            })
            .collect();
        assert_eq!(sums, [0, 10, 20, 25, 30, 35]);
        assert_eq!((runs.seek(5).sum, runs.samples(), runs.sum()), (35, 3, 25));
    }

    #[test]
    fn no_rows_at_all() {
        let runs = Runs::of_offsets(Bytes::new());
        let mut cursor = runs.seek(7);
        runs.advance(&mut cursor);
        assert_eq!((cursor.value, cursor.sum, runs.at_sum(3, 0)), (0, 0, 0));
    }

    #[test]
    fn forged_counts_do_not_overflow() {
        let runs = Runs::of_durations(rows(&[(u32::MAX, i32::MAX); 5]));
        assert_eq!(runs.seek(u64::MAX).sum, i64::MAX);
        assert!(runs.at_sum(i64::MAX, u64::MAX) > 0);
    }

    proptest! {
        #[test]
        fn seeking_and_walking_agree(table in prop::collection::vec((0u32..4, 1i32..50), 1..300)) {
            let runs = Runs::of_durations(rows(&table));
            let mut cursor = runs.seek(0);
            for sample in 0..runs.samples() {
                let found = runs.seek(sample);
                prop_assert_eq!((found.sum, found.value, found.left), (cursor.sum, cursor.value, cursor.left));
                prop_assert_eq!(runs.at_sum(cursor.sum, runs.samples()), sample);
                runs.advance(&mut cursor);
            }
            prop_assert_eq!(cursor.sum, runs.sum());
        }
    }
}
