//! From decoding order to the order of presentation (§C.4).

use brooklet_media::VideoFrame;

/// Holds pictures back until no later one can come before them, and no longer.
///
/// Pictures are in order of their picture order count within a period; a period begins with every IDR picture
/// and with every one that resets the count.
#[derive(Default)]
pub(super) struct Reorder {
    held: Vec<Held>,
    period: u64,
    /// The most pictures that may wait.
    depth: usize,
    /// Whether the stream says so itself.
    exact: bool,
    /// Whether times have contradicted counts.
    untimed: bool,
    last: Option<(u64, i32)>,
}

struct Held {
    order: (u64, i32),
    frame: VideoFrame,
}

impl Reorder {
    /// Sets how many pictures may wait. Where the stream does not say so itself (`exact`), a picture may go
    /// earlier, if it is due by the decoding time of the last packet.
    pub(super) fn set_depth(&mut self, depth: usize, exact: bool) {
        (self.depth, self.exact) = (depth, exact);
    }

    /// Everything decoded so far comes before what follows.
    pub(super) fn begin_period(&mut self) {
        self.period += 1;
    }

    /// Takes the next decoded picture.
    pub(super) fn push(&mut self, count: i32, frame: VideoFrame) {
        let order = (self.period, count);
        if self.last.is_some_and(|last| order < last) {
            self.untimed = true;
        }
        self.held.push(Held { order, frame });
    }

    /// The next picture to show, where the last packet had the decoding time `dts`.
    pub(super) fn pop(&mut self, dts: i64) -> Option<VideoFrame> {
        let next = self.held.iter().min_by_key(|held| held.order)?;
        let due = next.order.0 < self.period
            || self.held.len() > self.depth
            || !(self.exact || self.untimed) && next.frame.pts <= dts;
        if due { self.pop_any() } else { None }
    }

    /// The next picture to show, where no more will come.
    pub(super) fn pop_any(&mut self) -> Option<VideoFrame> {
        let (at, _) = self.held.iter().enumerate().min_by_key(|(_, held)| held.order)?;
        let Held { order, frame } = self.held.swap_remove(at);
        self.last = Some(order);
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{FramePool, PixelFormat};

    fn frame(pts: i64) -> VideoFrame {
        let mut frame = VideoFrame::new(&FramePool::new(), PixelFormat::Gray8, 1, 1).unwrap();
        frame.pts = pts;
        frame
    }

    /// Pushes pictures of (count, dts), their pts being their counts; a count of 0 begins a period.
    fn run(order: &mut Reorder, pictures: &[(i32, i64)]) -> Vec<(i64, usize)> {
        let mut shown = Vec::new();
        for (index, (count, dts)) in pictures.iter().enumerate() {
            if *count == 0 {
                order.begin_period();
            }
            order.push(*count, frame((*count).into()));
            while let Some(frame) = order.pop(*dts) {
                shown.push((frame.pts, index));
            }
        }
        shown
    }

    #[test]
    fn without_reordering_every_picture_goes_at_once() {
        let mut order = Reorder::default();
        order.set_depth(0, true);
        assert_eq!(run(&mut order, &[(0, 0), (2, 0), (4, 0)]), [(0, 0), (2, 1), (4, 2)]);
    }

    #[test]
    fn a_pyramid_comes_out_in_order() {
        let mut order = Reorder::default();
        order.set_depth(2, true);
        let mut shown: Vec<_> = run(&mut order, &[(0, 0), (8, 0), (4, 0), (2, 0), (6, 0), (0, 0)])
            .iter()
            .map(|(pts, _)| *pts)
            .collect();
        while let Some(frame) = order.pop_any() {
            shown.push(frame.pts);
        }
        assert_eq!(shown, [0, 2, 4, 6, 8, 0]);
    }

    #[test]
    fn where_the_depth_is_not_said_time_decides() {
        let mut order = Reorder::default();
        order.set_depth(16, false);
        // Decoding times run behind presentation by what the stream reorders.
        let shown = run(&mut order, &[(0, -4), (8, -2), (4, 0), (2, 2), (6, 4), (16, 6), (12, 8)]);
        assert_eq!(shown, [(0, 2), (2, 3), (4, 4), (6, 5), (8, 6)]);
    }
}
