//! What a band has learnt from the differences so far: its step and its predictor (G.722 §6, the same for coder and decoder).
//!
//! Numbers are 16 bits that stop at their ends; products are of 15 fractional bits.

/// 2 to so many 32nds, times 2048: block SCALEL's table ILB.
const POWERS: [i32; 32] = [
    2_048, 2_093, 2_139, 2_186, 2_233, 2_282, 2_332, 2_383, 2_435, 2_489, 2_543, 2_599, 2_656, 2_714, 2_774,
    2_834, 2_896, 2_960, 3_025, 3_091, 3_158, 3_228, 3_298, 3_371, 3_444, 3_520, 3_597, 3_676, 3_756, 3_838,
    3_922, 4_008,
];

/// One band.
#[derive(Debug)]
pub(super) struct Band {
    /// The logarithm of the step in 2048ths of an octave, the most that it may be, and octaves that it is below 1.
    log: i32,
    most: i32,
    below: i32,
    step: i32,
    /// Two poles, with the last two samples and the signs of what the zeros left of them.
    poles: [i32; 2],
    samples: [i32; 2],
    rests: [i32; 2],
    /// Six zeros, with the last six differences.
    zeros: [i32; 6],
    differences: [i32; 6],
    /// What the zeros say of the next sample, and what all say.
    by_zeros: i32,
    expected: i32,
}

impl Band {
    /// The lower one, at the start.
    pub(super) fn low() -> Self {
        Self::new(18_432, 8, 32)
    }

    /// The higher one, at the start.
    pub(super) fn high() -> Self {
        Self::new(22_528, 10, 8)
    }

    fn new(most: i32, below: i32, step: i32) -> Self {
        Self {
            log: 0,
            most,
            below,
            step,
            poles: [0; 2],
            samples: [0; 2],
            rests: [0; 2],
            zeros: [0; 6],
            differences: [0; 6],
            by_zeros: 0,
            expected: 0,
        }
    }

    /// How far a difference goes.
    pub(super) const fn step(&self) -> i32 {
        self.step
    }

    /// Where the next sample is expected.
    pub(super) const fn expected(&self) -> i32 {
        self.expected
    }

    /// Learns from a difference, after which the step grows by so much.
    pub(super) fn learn(&mut self, difference: i32, growth: i32) {
        self.scale(growth);
        self.adapt(difference);
        self.predict();
    }

    /// Blocks LOGSCL and SCALEL, LOGSCH and SCALEH.
    fn scale(&mut self, growth: i32) {
        self.log = (((self.log * 127) >> 7) + growth).clamp(0, self.most);
        let power = POWERS[(self.log >> 6 & 31) as usize];
        let octaves = self.below - (self.log >> 11);
        self.step = if octaves < 0 { power << -octaves } else { power >> octaves } << 2;
    }

    /// Blocks RECONS, PARREC, UPPOL2, UPPOL1, UPZERO and DELAYA.
    fn adapt(&mut self, difference: i32) {
        let sample = saturated(self.expected + difference);
        let rest = saturated(self.by_zeros + difference);
        let [as_last, as_before] = self.rests.map(|other| (other < 0) == (rest < 0));

        let by_first = saturated(self.poles[0] << 2);
        let by_first = saturated(if as_last { -by_first } else { by_first });
        let second = (by_first >> 7) + if as_before { 128 } else { -128 } + ((self.poles[1] * 32_512) >> 15);
        let second = second.clamp(-12_288, 12_288);
        let first = ((self.poles[0] * 32_640) >> 15) + if as_last { 192 } else { -192 };
        let bound = 15_360 - second;
        self.poles = [first.clamp(-bound, bound), second];

        let by = if difference == 0 { 0 } else { 128 };
        for (zero, other) in self.zeros.iter_mut().zip(self.differences) {
            let same = (other < 0) == (difference < 0);
            *zero = saturated(((*zero * 32_640) >> 15) + if same { by } else { -by });
        }

        self.samples = [sample, self.samples[0]];
        self.rests = [rest, self.rests[0]];
        self.differences.rotate_right(1);
        self.differences[0] = difference;
    }

    /// Blocks FILTEP, FILTEZ and PREDIC.
    fn predict(&mut self) {
        let product = |(factor, of): (&i32, &i32)| (factor * saturated(of + of)) >> 15;
        let by_poles = saturated(self.poles.iter().zip(&self.samples).map(product).sum());
        let zeros = self.zeros.iter().zip(&self.differences).rev().map(product);
        self.by_zeros = zeros.fold(0, |sum, part| saturated(sum + part));
        self.expected = saturated(by_poles + self.by_zeros);
    }
}

fn saturated(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}
