//! Picture order counts (ISO/IEC 14496-10 §8.2.1): the order in which H.264 pictures are shown.

use brooklet_media::bitstream::h264::{PocType, Sps};

use super::slice::{Parity, Slice};

/// What the pictures before leave behind.
#[derive(Debug, Default)]
pub(super) struct PocState {
    /// PicOrderCntMsb of the last reference picture.
    msb: i32,
    /// pic_order_cnt_lsb of the last reference picture.
    lsb: i32,
    frame_num: u32,
    frame_num_offset: i32,
}

impl PocState {
    /// The order count of the picture that `slice` begins, among those since the last that reset it. All sums
    /// wrap: damaged streams get some order, the same every time.
    pub(super) fn count(&mut self, slice: &Slice, sps: &Sps) -> i32 {
        let (top, bottom) = match &sps.poc {
            PocType::Lsb(log2) => self.counts_by_lsb(slice, *log2),
            PocType::Cycle { non_ref, top_to_bottom, refs, .. } => {
                let number = self.absolute_frame_num(slice, sps);
                counts_by_cycle(slice, number, *non_ref, *top_to_bottom, refs)
            }
            PocType::DecodingOrder => {
                let number = self.absolute_frame_num(slice, sps);
                let count = number.wrapping_mul(2).wrapping_sub(i32::from(!slice.reference));
                (count, count)
            }
        };
        let count = match slice.field {
            None => top.min(bottom),
            Some(Parity::Top) => top,
            Some(Parity::Bottom) => bottom,
        };
        if slice.resets {
            // §8.2.1: after operation 5 the picture counts as the first, at 0.
            let top_left = if slice.field.is_none() { top.wrapping_sub(count) } else { 0 };
            (self.msb, self.frame_num, self.frame_num_offset) = (0, 0, 0);
            self.lsb = if slice.field == Some(Parity::Bottom) { 0 } else { top_left };
            return 0;
        }
        count
    }

    /// §8.2.1.1.
    fn counts_by_lsb(&mut self, slice: &Slice, log2: u8) -> (i32, i32) {
        if slice.idr.is_some() {
            (self.msb, self.lsb) = (0, 0);
        }
        let (max, lsb) = (1i32 << log2, slice.poc_lsb as i32);
        let msb = if lsb < self.lsb && self.lsb - lsb >= max / 2 {
            self.msb.wrapping_add(max)
        } else if lsb > self.lsb && lsb - self.lsb > max / 2 {
            self.msb.wrapping_sub(max)
        } else {
            self.msb
        };
        if slice.reference {
            (self.msb, self.lsb) = (msb, lsb);
        }
        let top = msb.wrapping_add(lsb);
        (top, top.wrapping_add(slice.delta_bottom))
    }

    /// FrameNumOffset + frame_num: frame_num without its wraps (§8.2.1.2).
    fn absolute_frame_num(&mut self, slice: &Slice, sps: &Sps) -> i32 {
        if slice.idr.is_some() {
            self.frame_num_offset = 0;
        } else if self.frame_num > slice.frame_num {
            self.frame_num_offset = self.frame_num_offset.wrapping_add(1 << sps.log2_max_frame_num);
        }
        self.frame_num = slice.frame_num;
        self.frame_num_offset.wrapping_add(slice.frame_num as i32)
    }
}

/// §8.2.1.2.
fn counts_by_cycle(slice: &Slice, number: i32, non_ref: i32, top_to_bottom: i32, refs: &[i32]) -> (i32, i32) {
    let sum = |offsets: &[i32]| offsets.iter().fold(0i32, |sum, offset| sum.wrapping_add(*offset));
    let mut number = if refs.is_empty() { 0 } else { number };
    if !slice.reference && number > 0 {
        number -= 1;
    }
    let mut expected = 0i32;
    if number > 0 && !refs.is_empty() {
        let before = (number - 1) as usize;
        let (cycles, within) = (before / refs.len(), before % refs.len());
        expected = sum(refs).wrapping_mul(cycles as i32).wrapping_add(sum(&refs[..=within]));
    }
    if !slice.reference {
        expected = expected.wrapping_add(non_ref);
    }
    let top = expected.wrapping_add(slice.delta[0]);
    let bottom = top.wrapping_add(top_to_bottom).wrapping_add(slice.delta[1]);
    (top, bottom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::bitstream::h264::Sps;

    fn sps(poc: PocType) -> Sps {
        let unit = [
            0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x6c, 0x80, 0x00, 0x00, 0x03,
            0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8c, 0x18, 0xcb,
        ];
        Sps { poc, log2_max_frame_num: 4, ..Sps::parse(&unit).unwrap() }
    }

    fn picture(frame_num: u32, reference: bool, poc_lsb: u32) -> Slice {
        Slice {
            first_mb: 0,
            pps: 0,
            sps: 0,
            frame_num,
            field: None,
            idr: None,
            reference,
            poc_lsb,
            delta_bottom: 0,
            delta: [0; 2],
            redundant: false,
            resets: false,
        }
    }

    #[test]
    fn low_bits_wrap_both_ways() {
        let (sps, mut state) = (sps(PocType::Lsb(4)), PocState::default());
        let lsbs = [0, 8, 4, 12, 2, 6, 14];
        let counts = lsbs.map(|lsb| state.count(&picture(0, true, lsb), &sps));
        assert_eq!(counts, [0, 8, 4, 12, 18, 22, 30]);
        assert_eq!(state.count(&picture(0, false, 10), &sps), 26, "not a reference, before the last");
        assert_eq!(state.count(&picture(0, true, 0), &sps), 32);
    }

    #[test]
    fn operation_5_starts_anew() {
        let (sps, mut state) = (sps(PocType::Lsb(4)), PocState::default());
        assert_eq!(state.count(&picture(0, true, 15), &sps), -1);
        assert_eq!(state.count(&Slice { resets: true, ..picture(0, true, 4) }, &sps), 0);
        assert_eq!(state.count(&picture(1, true, 2), &sps), 2);
    }

    #[test]
    fn decoding_order_counts_through_wraps_of_frame_num() {
        let (sps, mut state) = (sps(PocType::DecodingOrder), PocState::default());
        let numbers = [0, 1, 15, 0, 1];
        assert_eq!(numbers.map(|n| state.count(&picture(n, true, 0), &sps)), [0, 2, 30, 32, 34]);
        assert_eq!(state.count(&picture(2, false, 0), &sps), 35);
    }

    #[test]
    fn cycles_add_up() {
        let cycle = PocType::Cycle { always_zero: true, non_ref: -2, top_to_bottom: 1, refs: vec![2, 6] };
        let (sps, mut state) = (sps(cycle), PocState::default());
        let count = |state: &mut PocState, n, reference| state.count(&picture(n, reference, 0), &sps);
        let counts = [0, 1, 2, 3].map(|n| count(&mut state, n, true));
        assert_eq!(counts, [0, 2, 8, 10]);
        assert_eq!(count(&mut state, 4, false), 10 - 2);
    }
}
