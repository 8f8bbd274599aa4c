//! Quadrature mirror filters: two samples to one of each band, and back (G.722 §5).

/// Every second coefficient of the filter, from its start; its other half is the same, backwards.
const COEFFICIENTS: [i32; 12] = [3, -11, 12, 32, -210, 951, 3_876, -805, 362, -156, 53, -11];

/// The last 12 pairs, the newest last.
#[derive(Debug, Default)]
struct History {
    even: [i32; 12],
    odd: [i32; 12],
}

impl History {
    /// Takes a pair, and gives the sums of both filters.
    fn filter(&mut self, even: i32, odd: i32) -> (i32, i32) {
        for (pairs, new) in [(&mut self.even, even), (&mut self.odd, odd)] {
            pairs.rotate_left(1);
            pairs[11] = new;
        }
        let forwards = self.even.iter().zip(COEFFICIENTS).map(|(sample, by)| sample * by).sum();
        let backwards = self.odd.iter().rev().zip(COEFFICIENTS).map(|(sample, by)| sample * by).sum();
        (forwards, backwards)
    }
}

/// Splits sound into bands.
#[derive(Debug, Default)]
pub(super) struct Split(History);

impl Split {
    /// The lower band's sample and the higher one's, of 15 bits.
    pub(super) fn bands(&mut self, [first, second]: [i16; 2]) -> (i32, i32) {
        let (even, odd) = self.0.filter(first.into(), second.into());
        ((odd + even) >> 14, (odd - even) >> 14)
    }
}

/// Joins bands to sound.
#[derive(Debug, Default)]
pub(super) struct Join(History);

impl Join {
    /// Two samples of what each band says in 15 bits.
    pub(super) fn samples(&mut self, lower: i32, higher: i32) -> [i16; 2] {
        let (even, odd) = self.0.filter(lower + higher, lower - higher);
        [odd, even].map(|sum| (sum >> 11).clamp(i16::MIN.into(), i16::MAX.into()) as i16)
    }
}
