//! The processors that are built in.

mod blur;
mod clock;
mod font;

use brooklet_media::VideoFrame;

use super::{Failure, Picture, Processor, Setting, Settings, Task};
use blur::Blur;
use clock::Clock;

/// `none`, `gray`, `mirror`, `edges`, `blur` and `clock`.
pub fn built_in() -> Vec<Task> {
    vec![
        Task::new("none", "None", |_| Box::new(Unchanged)),
        Task::new("gray", "Black and white", |settings| Box::new(Gray(settings.clone())))
            .with(Setting::selector("style", "Style", &[("shades", "Shades of grey"), ("ink", "Ink")]))
            .with(Setting::slider("threshold", "Ink threshold", 0.0..=255.0, 1.0, 110.0)),
        Task::new("mirror", "Mirror", |settings| Box::new(Mirror(settings.clone()))).with(Setting::selector(
            "axis",
            "Axis",
            &[("vertical", "Left and right"), ("horizontal", "Up and down")],
        )),
        Task::new("edges", "Edges", |settings| Box::new(Edges(settings.clone()))).with(Setting::slider(
            "strength",
            "Strength",
            0.5..=8.0,
            0.5,
            2.0,
        )),
        Task::new("blur", "Blur", |settings| Box::new(Blur::new(settings))).with(Setting::slider(
            "radius",
            "Radius",
            1.0..=24.0,
            1.0,
            6.0,
        )),
        Task::new("clock", "Clock", |settings| Box::new(Clock::new(settings)))
            .with(Setting::selector("place", "Place", &[("bottom", "Bottom left"), ("top", "Top left")]))
            .with(Setting::slider("size", "Size", 1.0..=8.0, 1.0, 3.0)),
    ]
}

struct Unchanged;

impl Processor for Unchanged {
    fn picture(&mut self, picture: Picture<'_>) -> Result<VideoFrame, Failure> {
        Ok(picture.unchanged())
    }
}

/// Black and white: in shades, or in these two alone.
struct Gray(Settings);

impl Processor for Gray {
    fn picture(&mut self, picture: Picture<'_>) -> Result<VideoFrame, Failure> {
        if self.0.word("style") == "ink" {
            let threshold = self.0.number("threshold") as u8;
            let mut frame = picture.gray()?;
            frame.planes_mut()[0].iter_mut().for_each(|luma| *luma = if *luma > threshold { 255 } else { 0 });
            return Ok(frame);
        }
        let mut frame = picture.yuv420p()?;
        let [_, u, v] = frame.planes_mut();
        u.fill(128);
        v.fill(128);
        Ok(frame)
    }
}

/// Left is right, or up is down.
struct Mirror(Settings);

impl Processor for Mirror {
    fn picture(&mut self, picture: Picture<'_>) -> Result<VideoFrame, Failure> {
        let upside_down = self.0.word("axis") == "horizontal";
        let mut frame = picture.yuv420p()?;
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let strides = [frame.stride(0), frame.stride(1), frame.stride(2)];
        for (number, plane) in frame.planes_mut().into_iter().enumerate() {
            let (width, height) =
                if number == 0 { (width, height) } else { (width.div_ceil(2), height.div_ceil(2)) };
            if upside_down {
                let (upper, lower) = plane.split_at_mut(height.div_ceil(2) * strides[number]);
                let rows = upper.chunks_mut(strides[number]);
                // The middle row of an odd number stays where it is.
                let below = lower.chunks_mut(strides[number]).take(height / 2).rev();
                rows.zip(below).for_each(|(row, other)| row.swap_with_slice(other));
            } else {
                plane.chunks_mut(strides[number]).for_each(|row| row[..width].reverse());
            }
        }
        Ok(frame)
    }
}

/// Where brightness changes (Sobel's operator).
struct Edges(Settings);

impl Processor for Edges {
    fn picture(&mut self, picture: Picture<'_>) -> Result<VideoFrame, Failure> {
        // In eighths.
        let strength = (self.0.number("strength") * 8.0) as i32;
        let gray = picture.gray()?;
        let mut edges = gray.clone();
        let (width, stride) = (gray.width() as usize, gray.stride(0));
        let out = edges.planes_mut().into_iter().next().unwrap_or_default();
        out.fill(0);
        let rows: Vec<&[u8]> = gray.rows(0).collect();
        for (three, out) in rows.windows(3).zip(out.chunks_mut(stride).skip(1)) {
            let [above, here, below] = three else { continue };
            for (x, out) in out[..width].iter_mut().enumerate().take(width - 1).skip(1) {
                let at = |row: &[u8], x: usize| i32::from(row[x]);
                let column = |x| at(above, x) + 2 * at(here, x) + at(below, x);
                let row = |row: &[u8]| at(row, x - 1) + 2 * at(row, x) + at(row, x + 1);
                let change = (column(x + 1) - column(x - 1)).abs() + (row(below) - row(above)).abs();
                *out = (change * strength / 32).min(255) as u8;
            }
        }
        Ok(edges)
    }
}

#[cfg(test)]
mod tests {
    use brooklet_media::{FramePool, PixelFormat};

    use super::*;
    use crate::processor::Converters;

    /// A picture of 8x4 whose luma counts up along each row, brightly coloured.
    fn camera() -> VideoFrame {
        let mut frame = VideoFrame::new(&FramePool::new(), PixelFormat::Yuv420p, 8, 4).unwrap();
        let stride = frame.stride(0);
        let [y, u, v] = frame.planes_mut();
        for (number, row) in y.chunks_mut(stride).enumerate() {
            (0..8).for_each(|x| row[x] = (x * 10 + number * 100 / 4) as u8 + 20);
        }
        u.fill(60);
        v.fill(200);
        frame
    }

    fn run(name: &str, changes: &[(&str, &str)], frame: VideoFrame) -> VideoFrame {
        let task = built_in().into_iter().find(|task| task.name() == name).unwrap();
        let settings = Settings::new(task.settings());
        assert!(changes.iter().all(|(name, value)| settings.set(name, value)));
        let mut converters = Converters::new(FramePool::new());
        task.processor(&settings).picture(Picture::new(frame, &mut converters)).unwrap()
    }

    fn row(frame: &VideoFrame, plane: usize, number: usize) -> Vec<u8> {
        frame.rows(plane).nth(number).unwrap().to_vec()
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(row(&run("none", &[], camera()), 0, 0), row(&camera(), 0, 0));
    }

    #[test]
    fn black_and_white_has_no_colour_and_ink_no_shades() {
        let gray = run("gray", &[], camera());
        assert_eq!((row(&gray, 0, 1), row(&gray, 1, 0)), (row(&camera(), 0, 1), vec![128; 4]));
        let ink = run("gray", &[("style", "ink"), ("threshold", "40")], camera());
        assert_eq!(row(&ink, 0, 0), [0, 0, 0, 0, 255, 255, 255, 255]);
    }

    #[test]
    fn mirrors_turn_what_they_say() {
        assert_eq!(row(&run("mirror", &[], camera()), 0, 0), [90, 80, 70, 60, 50, 40, 30, 20]);
        let down = run("mirror", &[("axis", "horizontal")], camera());
        assert_eq!((row(&down, 0, 0), row(&down, 0, 3)), (row(&camera(), 0, 3), row(&camera(), 0, 0)));
    }

    #[test]
    fn edges_are_where_brightness_jumps() {
        let mut frame = VideoFrame::new(&FramePool::new(), PixelFormat::Gray8, 16, 4).unwrap();
        let stride = frame.stride(0);
        for row in frame.planes_mut()[0].chunks_mut(stride) {
            row[..8].fill(0);
            row[8..16].fill(255);
        }
        let edges = row(&run("edges", &[], frame), 0, 1);
        assert_eq!(edges, [0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0]);
    }
}
