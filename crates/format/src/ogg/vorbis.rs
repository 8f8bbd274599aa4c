//! What must be known of Vorbis to tell how long its packets last ("Vorbis I" §4.2, §4.3.1).

use bytes::Bytes;

/// The lengths of blocks, and which modes have the long one.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    short: u32,
    long: u32,
    modes: Vec<bool>,
}

impl Blocks {
    /// Reads them from the identification and the setup header.
    pub(super) fn parse(identification: &[u8], setup: &[u8]) -> Option<Self> {
        let sizes = *identification.get(28)?;
        let (short, long) = (1 << (sizes & 15), 1 << (sizes >> 4));
        Some(Self { short, long, modes: modes(setup)? })
    }

    /// The length of a packet's block; `None` for a header or an empty packet.
    pub(super) fn block(&self, packet: &[u8]) -> Option<u32> {
        let first = *packet.first().filter(|first| **first & 1 == 0)?;
        let bits = (self.modes.len() as u32).next_power_of_two().ilog2();
        let mode = usize::from(first >> 1) & ((1 << bits) - 1);
        Some(if *self.modes.get(mode)? { self.long } else { self.short })
    }
}

/// Channels and rate in Hz from the identification header.
pub(super) fn identification(packet: &[u8]) -> Option<(u8, u32)> {
    let rest = packet.strip_prefix(b"\x01vorbis\0\0\0\0")?;
    let rate = u32::from_le_bytes(*rest.get(1..)?.first_chunk()?);
    let sizes = *packet.get(28)?;
    let right = (6..=13).contains(&(sizes & 15)) && (sizes & 15..=13).contains(&(sizes >> 4));
    (right && rest[0] > 0 && rate > 0).then_some((rest[0], rate))
}

/// Three headers in one, with Xiph's lacing: what decoders and Matroska take.
pub(super) fn laced(first: &[u8], tags: &[u8], setup: &[u8]) -> Bytes {
    let mut out = vec![2];
    for length in [first.len(), tags.len()] {
        out.extend(std::iter::repeat_n(255, length / 255));
        out.push((length % 255) as u8);
    }
    [first, tags, setup].iter().for_each(|part| out.extend_from_slice(part));
    out.into()
}

/// The three headers of [`laced`].
pub(super) fn unlaced(extradata: &Bytes) -> Option<[Bytes; 3]> {
    let mut at = 1;
    let mut length = || {
        let mut length = 0;
        loop {
            let value = *extradata.get(at)?;
            at += 1;
            length += usize::from(value);
            if value < 255 {
                return Some(length);
            }
        }
    };
    let (first, tags) = (length()?, length()?);
    let split = |from: usize, upto: usize| (upto <= extradata.len()).then(|| extradata.slice(from..upto));
    let whole = *extradata.first()? == 2;
    let parts = [
        split(at, at + first)?,
        split(at + first, at + first + tags)?,
        split(at + first + tags, extradata.len().max(at + first + tags))?,
    ];
    whole.then_some(parts)
}

/// Which modes have the long block. They end the setup header, and can be found from there without reading the codebooks
/// before them: 41 bits each, most of them 0, behind their number.
fn modes(setup: &[u8]) -> Option<Vec<bool>> {
    let bit = |at: usize| setup[at / 8] >> (at % 8) & 1;
    let number =
        |at: usize, count: usize| (0..count).fold(0u32, |value, n| value | u32::from(bit(at + n)) << n);
    let framing = (0..setup.len() * 8).rev().find(|at| bit(*at) == 1)?;
    let mut start = framing;
    let mut flags = Vec::new();
    let mut found = None;
    while start >= 97 && flags.len() < 64 {
        start -= 41;
        let is_mode = number(start + 1, 16) == 0 && number(start + 17, 16) == 0 && number(start + 33, 8) < 64;
        if !is_mode {
            break;
        }
        flags.push(bit(start) == 1);
        if number(start - 6, 6) + 1 == flags.len() as u32 {
            found = Some(flags.len());
        }
    }
    let count = found?;
    flags.truncate(count);
    flags.reverse();
    Some(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lacing_reads_back() {
        let parts = [Bytes::from(vec![1; 30]), Bytes::from(vec![2; 510]), Bytes::from(vec![3; 9])];
        let whole = laced(&parts[0], &parts[1], &parts[2]);
        assert_eq!(unlaced(&whole), Some(parts));
        for length in 0..542 {
            let _ = unlaced(&whole.slice(..length));
        }
        assert_eq!(unlaced(&whole.slice(..300)), None);
    }

    #[test]
    fn modes_are_found_from_the_end() {
        // 64 bits of something, two modes, short then long, and the framing bit.
        let mut bits = vec![true; 66];
        bits.extend([true, false, false, false, false, false]);
        for long in [false, true] {
            bits.push(long);
            bits.extend([false; 32]);
            bits.extend([false; 8]);
        }
        bits.push(true);
        let bytes: Vec<u8> = bits
            .chunks(8)
            .map(|bits| bits.iter().enumerate().fold(0, |byte, (n, bit)| byte | u8::from(*bit) << n))
            .collect();
        assert_eq!(modes(&bytes), Some(vec![false, true]));
    }
}
