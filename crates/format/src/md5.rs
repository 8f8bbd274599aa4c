//! MD5 (RFC 1321): a checksum to compare media by, no protection of anything.

/// A running digest.
#[derive(Clone, Debug)]
pub(crate) struct Md5 {
    state: [u32; 4],
    /// What is short of a block.
    pending: [u8; 64],
    /// Bytes taken in all.
    length: u64,
}

impl Md5 {
    pub(crate) const fn new() -> Self {
        Self { state: [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476], pending: [0; 64], length: 0 }
    }

    /// The digest of `bytes` alone.
    pub(crate) fn of(bytes: &[u8]) -> [u8; 16] {
        let mut digest = Self::new();
        digest.update(bytes);
        digest.finish()
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        let held = (self.length % 64) as usize;
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if held > 0 {
            let (now, later) = bytes.split_at(bytes.len().min(64 - held));
            self.pending[held..held + now.len()].copy_from_slice(now);
            bytes = later;
            if held + now.len() < 64 {
                return;
            }
            mix(&mut self.state, &self.pending);
        }
        let (blocks, rest) = bytes.as_chunks::<64>();
        blocks.iter().for_each(|block| mix(&mut self.state, block));
        self.pending[..rest.len()].copy_from_slice(rest);
    }

    pub(crate) fn finish(mut self) -> [u8; 16] {
        let bits = self.length.wrapping_mul(8);
        let held = (self.length % 64) as usize;
        let padding = if held < 56 { 56 - held } else { 120 - held };
        let mut tail = [0; 64];
        tail[0] = 0x80;
        self.update(&tail[..padding]);
        self.update(&bits.to_le_bytes());
        let mut digest = [0; 16];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        digest
    }
}

/// A digest as it is printed.
pub(crate) fn hex(digest: [u8; 16]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// By how much each round rotates, in turn.
const ROTATIONS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The whole part of 2³² × |sin(step + 1)|.
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

/// §3.4: one block of 16 words.
fn mix(state: &mut [u32; 4], block: &[u8; 64]) {
    let (chunks, _) = block.as_chunks::<4>();
    let [mut a, mut b, mut c, mut d] = *state;
    for step in 0..64 {
        let (round, [f, word]) = match step / 16 {
            0 => (0, [(b & c) | (!b & d), step as u32]),
            1 => (1, [(d & b) | (!d & c), 5 * step as u32 + 1]),
            2 => (2, [b ^ c ^ d, 3 * step as u32 + 5]),
            _ => (3, [c ^ (b | !d), 7 * step as u32]),
        };
        let word = u32::from_le_bytes(chunks[word as usize % 16]);
        let sum = a.wrapping_add(f).wrapping_add(SINES[step]).wrapping_add(word);
        (a, d, c) = (d, c, b);
        b = b.wrapping_add(sum.rotate_left(ROTATIONS[round][step % 4]));
    }
    for (word, sum) in state.iter_mut().zip([a, b, c, d]) {
        *word = word.wrapping_add(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_test_suite_of_the_rfc() {
        for (text, digest) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            assert_eq!(hex(Md5::of(text.as_bytes())), digest);
        }
    }

    proptest! {
        #[test]
        fn pieces_make_the_same_digest(bytes in prop::collection::vec(any::<u8>(), 0..400), step in 1usize..150) {
            let mut digest = Md5::new();
            bytes.chunks(step).for_each(|piece| digest.update(piece));
            prop_assert_eq!(digest.finish(), Md5::of(&bytes));
        }
    }
}
