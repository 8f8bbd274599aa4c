//! Which samples decoding can start at (`stss`, `stps`; ISO/IEC 14496-12 §8.6.2).

use bytes::Bytes;

use crate::boxes::{Body, u32_at};
use crate::samples::full_table;

/// Sync samples of a track.
#[derive(Clone, Debug)]
pub(crate) enum SyncTable {
    /// Without a table, every sample is one.
    Every,
    /// Sample numbers in rising order: sync samples, and QuickTime's partial ones (open GOPs).
    Listed {
        /// `stss` and `stps`.
        tables: [Bytes; 2],
        /// The number of the first sample: 1, or 0 in files that break the rule.
        base: u32,
    },
}

impl SyncTable {
    /// Of sound: every sample.
    pub(crate) const fn every_sample() -> Self {
        Self::Every
    }

    /// Reads the tables of a `stbl`.
    pub(crate) fn parse(stbl: &Body) -> Self {
        if stbl.child(b"stss").is_none() {
            return Self::Every;
        }
        let tables = [full_table(stbl, b"stss", 4), full_table(stbl, b"stps", 4)];
        let base = if tables.iter().any(|table| u32_at(table, 0) == Some(0)) { 0 } else { 1 };
        Self::Listed { tables, base }
    }

    /// Whether `sample`, from 0, is one. In an empty table the first sample is.
    pub(crate) fn contains(&self, sample: u64) -> bool {
        self.at_or_before(sample) == Some(sample)
    }

    /// The last one at or before `sample`.
    pub(crate) fn at_or_before(&self, sample: u64) -> Option<u64> {
        let Self::Listed { tables, base } = self else { return Some(sample) };
        if tables.iter().all(Bytes::is_empty) {
            return Some(0);
        }
        let number = sample + u64::from(*base);
        let last = tables.iter().filter_map(|table| last_at_most(table, number)).max()?;
        last.checked_sub(u64::from(*base))
    }
}

/// The last number in a rising table that is at most `number`.
fn last_at_most(table: &[u8], number: u64) -> Option<u64> {
    let value = |row| u32_at(table, row).map_or(u64::MAX, u64::from);
    let (mut low, mut high) = (0, table.len() / 4);
    while low < high {
        let middle = low + (high - low) / 2;
        if value(middle) <= number { low = middle + 1 } else { high = middle }
    }
    low.checked_sub(1).map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(numbers: &[u32]) -> Bytes {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    #[test]
    fn both_tables_are_looked_at() {
        let sync = SyncTable::Listed { tables: [table(&[1, 25, 60]), table(&[40])], base: 1 };
        let found: Vec<_> = [0, 23, 24, 39, 58, 70].map(|sample| sync.at_or_before(sample)).into();
        assert_eq!(found, [Some(0), Some(0), Some(24), Some(39), Some(39), Some(59)]);
        assert!(sync.contains(24) && !sync.contains(25));
    }

    #[test]
    fn an_empty_table_leaves_the_first_sample() {
        let sync = SyncTable::Listed { tables: [Bytes::new(), Bytes::new()], base: 1 };
        assert!(sync.contains(0) && !sync.contains(1));
    }
}
