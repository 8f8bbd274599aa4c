//! Bits, most significant first.

use crate::{Error, Result};

/// Reads bits from bytes, and says where it stands when they end.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// Position in bits.
    at: usize,
    format: &'static str,
}

impl<'a> BitReader<'a> {
    /// Starts at the first bit; `format` is the name that errors carry.
    pub const fn new(format: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, format }
    }

    /// Bits that are left.
    pub const fn remaining(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// The next bit.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] at the end, as for all that read.
    pub fn flag(&mut self) -> Result<bool> {
        Ok(self.bits(1)? == 1)
    }

    /// The next `count` bits, 0 to 32, as a number.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] at the end.
    pub fn bits(&mut self, count: u32) -> Result<u32> {
        debug_assert!(count <= 32, "a u32 holds no {count} bits");
        if self.remaining() < count as usize {
            return Err(self.ended());
        }
        let mut value = 0u64;
        let mut left = count as usize;
        while left > 0 {
            let (byte, offset) = (self.at / 8, self.at % 8);
            let take = left.min(8 - offset);
            let chunk = (u64::from(self.bytes[byte]) >> (8 - offset - take)) & ((1 << take) - 1);
            value = value << take | chunk;
            self.at += take;
            left -= take;
        }
        Ok(value as u32)
    }

    /// Steps over `count` bits.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] at the end.
    pub fn skip(&mut self, count: usize) -> Result<()> {
        if self.remaining() < count {
            return Err(self.ended());
        }
        self.at += count;
        Ok(())
    }

    /// An unsigned Exp-Golomb code, ue(v).
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] at the end, [`Error::Invalid`] for a code of over 32 bits.
    pub fn ue(&mut self) -> Result<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return Err(Error::invalid(
                    self.format,
                    self.at as u64 / 8,
                    "an Exp-Golomb code is too long",
                ));
            }
        }
        Ok(((1u64 << zeros) - 1 + u64::from(self.bits(zeros)?)) as u32)
    }

    /// A signed Exp-Golomb code, se(v).
    ///
    /// # Errors
    ///
    /// As [`BitReader::ue`].
    pub fn se(&mut self) -> Result<i32> {
        let code = i64::from(self.ue()?);
        let magnitude = (code + 1) / 2;
        Ok(if code % 2 == 1 { magnitude } else { -magnitude } as i32)
    }

    fn ended(&self) -> Error {
        Error::Truncated { format: self.format, what: "inside a header".into(), at: self.bytes.len() as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_across_bytes() {
        let mut bits = BitReader::new("test", &[0b1010_0110, 0b0100_0010, 0b1111_1111, 0xFF, 0xFF, 0xFF]);
        assert_eq!((bits.ue(), bits.ue(), bits.ue(), bits.se()), (Ok(0), Ok(1), Ok(2), Ok(2)));
        assert_eq!(bits.bits(4), Ok(0b0010));
        assert_eq!(bits.bits(32), Ok(u32::MAX));
        assert!(bits.bits(1).is_err());
    }

    #[test]
    fn endless_zeros_are_refused() {
        assert!(BitReader::new("test", &[0; 100]).ue().is_err());
    }
}
