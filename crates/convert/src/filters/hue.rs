//! `hue`: hue turned, saturation and brightness changed; `hue=s=0` leaves no colour.

use brooklet_media::{FramePool, PixelFormat, Result, VideoFrame};

use super::args::FilterArgs;
use super::expression::Expression;
use super::video::Filter;
use crate::{VideoConverter, VideoTarget};

pub(super) struct Hue {
    /// What (Cb, Cr) turn by and are stretched by: the cosine and sine of the angle, times the saturation.
    turn: (f32, f32),
    /// -10 to 10.
    brightness: f32,
    converter: VideoConverter,
}

impl Hue {
    pub(super) fn parse(filter: &FilterArgs, pool: &FramePool) -> Result<Self> {
        let bound = filter.bind(&[&["h"], &["s"], &["H"], &["b"]])?;
        let number = |option, default: f64| -> Result<f64> {
            let value = bound.parsed(option, |text| {
                let value = Expression::parse(text, &["PI"])?.value(&[std::f64::consts::PI]);
                if value.is_finite() { Ok(value) } else { Err(bound.bad(text, "a number")) }
            })?;
            Ok(value.unwrap_or(default))
        };
        let angle = number(2, number(0, 0.0)?.to_radians())?;
        let saturation = number(1, 1.0)?.clamp(-10.0, 10.0);
        let brightness = number(3, 0.0)?.clamp(-10.0, 10.0);
        Ok(Self {
            turn: ((angle.cos() * saturation) as f32, (angle.sin() * saturation) as f32),
            brightness: brightness as f32,
            converter: VideoConverter::new(VideoTarget::default(), pool.clone()),
        })
    }

    fn planar<T: Sample>(&self, frame: &mut VideoFrame) {
        let strides = [frame.stride(0), frame.stride(1)];
        let brightness = (self.brightness * T::BRIGHTNESS).floor();
        let [y, u, v] = frame.planes_mut();
        if brightness != 0.0 {
            for y in bytemuck::cast_slice_mut::<u8, T>(y) {
                *y = T::clipped(y.number() + brightness);
            }
        }
        for (u, v) in u.chunks_exact_mut(strides[1]).zip(v.chunks_exact_mut(strides[1])) {
            for (u, v) in
                bytemuck::cast_slice_mut::<u8, T>(u).iter_mut().zip(bytemuck::cast_slice_mut::<u8, T>(v))
            {
                let (cb, cr) = (u.number() - T::MIDDLE, v.number() - T::MIDDLE);
                let (cos, sin) = self.turn;
                *u = T::clipped(cos * cb - sin * cr + T::MIDDLE);
                *v = T::clipped(sin * cb + cos * cr + T::MIDDLE);
            }
        }
    }
}

impl Filter for Hue {
    fn run(&mut self, frame: VideoFrame) -> Result<VideoFrame> {
        use PixelFormat::*;
        let format = match frame.format() {
            own @ (Yuv420p | Yuv422p | Yuv444p | Yuv420p10 | Yuv422p10) => own,
            Nv12 => Yuv420p,
            _ => Yuv444p,
        };
        self.converter.set_target(VideoTarget { format: Some(format), ..VideoTarget::default() });
        let mut out = self.converter.convert(&frame)?;
        drop(frame);
        match out.format() {
            Yuv420p10 | Yuv422p10 => self.planar::<u16>(&mut out),
            _ => self.planar::<u8>(&mut out),
        }
        Ok(out)
    }
}

trait Sample: bytemuck::Pod {
    /// Chroma of no colour.
    const MIDDLE: f32;
    /// What a brightness of 1 adds to luma.
    const BRIGHTNESS: f32;
    fn number(self) -> f32;
    fn clipped(number: f32) -> Self;
}

impl Sample for u8 {
    const MIDDLE: f32 = 128.0;
    const BRIGHTNESS: f32 = 25.5;
    fn number(self) -> f32 {
        self.into()
    }
    fn clipped(number: f32) -> Self {
        // The cast saturates.
        (number + 0.5) as Self
    }
}

impl Sample for u16 {
    const MIDDLE: f32 = 512.0;
    const BRIGHTNESS: f32 = 102.4;
    fn number(self) -> f32 {
        self.into()
    }
    fn clipped(number: f32) -> Self {
        ((number + 0.5) as Self).min(1_023)
    }
}
