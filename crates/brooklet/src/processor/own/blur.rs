//! Blur: each pixel becomes the average of a square around it.

use brooklet_media::VideoFrame;

use crate::processor::{Failure, Picture, Processor, Settings};

/// Sums that slide along rows, then along columns, so that a large radius costs no more than a small one.
pub(super) struct Blur {
    settings: Settings,
    row: Vec<u8>,
    sums: Vec<u32>,
    scratch: Vec<u8>,
}

impl Blur {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), row: Vec::new(), sums: Vec::new(), scratch: Vec::new() }
    }

    fn plane(&mut self, plane: &mut [u8], stride: usize, width: usize, height: usize, radius: usize) {
        for row in plane.chunks_mut(stride).take(height) {
            self.row.clear();
            self.row.extend_from_slice(&row[..width]);
            slide(&self.row, &mut row[..width], radius);
        }
        self.columns(plane, stride, width, height, radius);
    }

    /// All columns at once, a row at a time: memory is read in its order.
    fn columns(&mut self, plane: &mut [u8], stride: usize, width: usize, height: usize, radius: usize) {
        self.scratch.clear();
        self.scratch.extend_from_slice(plane);
        let from = |row: usize| &self.scratch[row.min(height - 1) * stride..][..width];
        self.sums.clear();
        self.sums.resize(width, 0);
        // Beyond the edge, the edge goes on.
        for offset in 0..=2 * radius {
            let row = from(offset.saturating_sub(radius));
            self.sums.iter_mut().zip(row).for_each(|(sum, luma)| *sum += u32::from(*luma));
        }
        let count = 2 * radius as u32 + 1;
        for (number, out) in plane.chunks_mut(stride).take(height).enumerate() {
            let (gone, new) = (from(number.saturating_sub(radius)), from(number + radius + 1));
            for (x, sum) in self.sums.iter_mut().enumerate() {
                out[x] = (*sum / count) as u8;
                *sum = *sum + u32::from(new[x]) - u32::from(gone[x]);
            }
        }
    }
}

impl Processor for Blur {
    fn picture(&mut self, picture: Picture<'_>) -> Result<VideoFrame, Failure> {
        let radius = self.settings.number("radius") as usize;
        let mut frame = picture.yuv420p()?;
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let strides = [frame.stride(0), frame.stride(1), frame.stride(2)];
        let [y, u, v] = frame.planes_mut();
        self.plane(y, strides[0], width, height, radius);
        let (width, height) = (width.div_ceil(2), height.div_ceil(2));
        self.plane(u, strides[1], width, height, radius.div_ceil(2));
        self.plane(v, strides[2], width, height, radius.div_ceil(2));
        Ok(frame)
    }
}

/// Averages over `radius` to both sides; beyond the edge, the edge goes on.
fn slide(from: &[u8], to: &mut [u8], radius: usize) {
    let at = |place: usize| u32::from(from[place.min(from.len() - 1)]);
    let count = 2 * radius as u32 + 1;
    let mut sum: u32 = (0..=2 * radius).map(|offset| at(offset.saturating_sub(radius))).sum();
    for (x, out) in to.iter_mut().enumerate() {
        *out = (sum / count) as u8;
        sum = sum + at(x + radius + 1) - at(x.saturating_sub(radius));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_average_of_a_square() {
        // A picture of 7x6 of arbitrary bytes, with two bytes of padding to each row.
        let (width, height, stride) = (7usize, 6usize, 9usize);
        let plane: Vec<u8> = (0..stride * height).map(|n| (n * 37 % 251) as u8).collect();
        for radius in [1usize, 2, 9] {
            let mut blurred = plane.clone();
            let mut blur = Blur::new(&Settings::new(&[]));
            blur.plane(&mut blurred, stride, width, height, radius);
            let (radius, side) = (radius as isize, 2 * radius as i64 + 1);
            let clamp = |place: isize, length: usize| place.clamp(0, length as isize - 1) as usize;
            for y in 0..height {
                for x in 0..width {
                    let line = |y: isize| -> i64 {
                        let row = &plane[clamp(y, height) * stride..];
                        let sum: i64 =
                            (-radius..=radius).map(|dx| i64::from(row[clamp(x as isize + dx, width)])).sum();
                        sum / side
                    };
                    let sum: i64 = (-radius..=radius).map(|dy| line(y as isize + dy)).sum();
                    assert_eq!(i64::from(blurred[y * stride + x]), sum / side, "{x},{y} by {radius}");
                }
            }
        }
    }
}
