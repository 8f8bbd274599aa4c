//! Samples of one format as numbers of another, rounded as in ffmpeg's swresample.
//!
//! Integers become integers by their upper bits; numbers become integers by rounding halves to even, and
//! clipping.

use brooklet_media::{AudioFrame, SampleFormat};

/// Fills `to`, of the same channels and samples, with the sound of `from` in its own format.
pub(crate) fn convert(from: &AudioFrame, to: &mut AudioFrame) {
    match from.format().packed() {
        SampleFormat::U8 => convert_from::<u8>(from, to),
        SampleFormat::S16 => convert_from::<i16>(from, to),
        SampleFormat::S32 => convert_from::<i32>(from, to),
        SampleFormat::F64 => convert_from::<f64>(from, to),
        _ => convert_from::<f32>(from, to),
    }
}

/// Appends each channel of `from` to its plane.
pub(crate) fn append(from: &AudioFrame, planes: &mut [Vec<f32>]) {
    match from.format().packed() {
        SampleFormat::U8 => append_from::<u8>(from, planes),
        SampleFormat::S16 => append_from::<i16>(from, planes),
        SampleFormat::S32 => append_from::<i32>(from, planes),
        SampleFormat::F64 => append_from::<f64>(from, planes),
        _ => append_from::<f32>(from, planes),
    }
}

/// Fills `to` with the first samples of each plane.
pub(crate) fn store(planes: &[Vec<f32>], to: &mut AudioFrame) {
    match to.format().packed() {
        SampleFormat::U8 => store_as::<u8>(planes, to),
        SampleFormat::S16 => store_as::<i16>(planes, to),
        SampleFormat::S32 => store_as::<i32>(planes, to),
        SampleFormat::F64 => store_as::<f64>(planes, to),
        _ => store_as::<f32>(planes, to),
    }
}

/// Makes every sample `gain` times as large, clipped where the format has an end.
pub(crate) fn amplify(frame: &mut AudioFrame, gain: f64) {
    match frame.format().packed() {
        SampleFormat::U8 => amplify_as::<u8>(frame, gain),
        SampleFormat::S16 => amplify_as::<i16>(frame, gain),
        SampleFormat::S32 => amplify_as::<i32>(frame, gain),
        SampleFormat::F64 => amplify_as::<f64>(frame, gain),
        _ => amplify_as::<f32>(frame, gain),
    }
}

/// Silence in every channel from sample `start` on.
pub(crate) fn silence(frame: &mut AudioFrame, start: usize) {
    let step = frame.format().bytes() * frame.layout().channels() / frame.planes();
    let zero = if frame.format().packed() == SampleFormat::U8 { 128 } else { 0 };
    for plane in 0..frame.planes() {
        frame.plane_mut(plane)[start * step..].fill(zero);
    }
}

/// Copies `count` samples of each channel, of one format.
pub(crate) fn copy(from: &AudioFrame, start: usize, to: &mut AudioFrame, at: usize, count: usize) {
    let step = from.format().bytes() * from.layout().channels() / from.planes();
    for plane in 0..from.planes() {
        let source = &from.plane(plane)[start * step..][..count * step];
        to.plane_mut(plane)[at * step..][..count * step].copy_from_slice(source);
    }
}

fn convert_from<S: Sample>(from: &AudioFrame, to: &mut AudioFrame) {
    match to.format().packed() {
        SampleFormat::U8 => convert_as::<S, u8>(from, to),
        SampleFormat::S16 => convert_as::<S, i16>(from, to),
        SampleFormat::S32 => convert_as::<S, i32>(from, to),
        SampleFormat::F64 => convert_as::<S, f64>(from, to),
        _ => convert_as::<S, f32>(from, to),
    }
}

fn convert_as<S: Sample, D: Sample>(from: &AudioFrame, to: &mut AudioFrame) {
    if from.planes() == to.planes() {
        for plane in 0..from.planes() {
            for (sample, out) in from.typed::<S>(plane).iter().zip(to.typed_mut::<D>(plane)) {
                *out = cast(*sample);
            }
        }
        return;
    }
    for channel in 0..from.layout().channels() {
        let (plane, first, step) = place(to, channel);
        let out = to.typed_mut::<D>(plane).iter_mut().skip(first).step_by(step);
        for (sample, out) in channel_of::<S>(from, channel).zip(out) {
            *out = cast(sample);
        }
    }
}

fn append_from<S: Sample>(from: &AudioFrame, planes: &mut [Vec<f32>]) {
    for (channel, plane) in planes.iter_mut().enumerate() {
        plane.extend(channel_of::<S>(from, channel).map(cast::<S, f32>));
    }
}

fn store_as<D: Sample>(planes: &[Vec<f32>], to: &mut AudioFrame) {
    for (channel, samples) in planes.iter().enumerate() {
        let (plane, first, step) = place(to, channel);
        let out = to.typed_mut::<D>(plane).iter_mut().skip(first).step_by(step);
        for (sample, out) in samples.iter().zip(out) {
            *out = cast(*sample);
        }
    }
}

fn amplify_as<S: Sample>(frame: &mut AudioFrame, gain: f64) {
    for plane in 0..frame.planes() {
        for sample in frame.typed_mut::<S>(plane) {
            *sample = S::from_number(sample.number() * gain);
        }
    }
}

fn channel_of<S: Sample>(frame: &AudioFrame, channel: usize) -> impl Iterator<Item = S> {
    let (plane, first, step) = place(frame, channel);
    frame.typed::<S>(plane).iter().copied().skip(first).step_by(step)
}

/// Where a channel is: its plane, its first sample there, and the way from one to the next.
fn place(frame: &AudioFrame, channel: usize) -> (usize, usize, usize) {
    if frame.format().is_planar() { (channel, 0, 1) } else { (0, channel, frame.layout().channels()) }
}

fn cast<S: Sample, D: Sample>(sample: S) -> D {
    if S::IS_INTEGER { D::from_bits(sample.bits()) } else { D::from_number(sample.number()) }
}

/// One sample in memory.
trait Sample: bytemuck::Pod {
    const IS_INTEGER: bool;
    /// The sample as the upper bits of 32; of integers only.
    fn bits(self) -> i32;
    fn from_bits(bits: i32) -> Self;
    /// The sample, full scale ±1.
    fn number(self) -> f64;
    fn from_number(number: f64) -> Self;
}

impl Sample for u8 {
    const IS_INTEGER: bool = true;
    fn bits(self) -> i32 {
        (i32::from(self) - 128) << 24
    }
    fn from_bits(bits: i32) -> Self {
        ((bits >> 24) + 128) as Self
    }
    fn number(self) -> f64 {
        (f64::from(self) - 128.0) / 128.0
    }
    fn from_number(number: f64) -> Self {
        (round_clipped(number, 128.0) + 128) as Self
    }
}

impl Sample for i16 {
    const IS_INTEGER: bool = true;
    fn bits(self) -> i32 {
        i32::from(self) << 16
    }
    fn from_bits(bits: i32) -> Self {
        (bits >> 16) as Self
    }
    fn number(self) -> f64 {
        f64::from(self) / 32_768.0
    }
    fn from_number(number: f64) -> Self {
        round_clipped(number, 32_768.0) as Self
    }
}

impl Sample for i32 {
    const IS_INTEGER: bool = true;
    fn bits(self) -> i32 {
        self
    }
    fn from_bits(bits: i32) -> Self {
        bits
    }
    fn number(self) -> f64 {
        f64::from(self) / 2_147_483_648.0
    }
    fn from_number(number: f64) -> Self {
        round_clipped(number, 2_147_483_648.0)
    }
}

impl Sample for f32 {
    const IS_INTEGER: bool = false;
    fn bits(self) -> i32 {
        i32::from_number(self.into())
    }
    fn from_bits(bits: i32) -> Self {
        bits as Self / 2_147_483_648.0
    }
    fn number(self) -> f64 {
        self.into()
    }
    fn from_number(number: f64) -> Self {
        number as Self
    }
}

impl Sample for f64 {
    const IS_INTEGER: bool = false;
    fn bits(self) -> i32 {
        i32::from_number(self)
    }
    fn from_bits(bits: i32) -> Self {
        Self::from(bits) / 2_147_483_648.0
    }
    fn number(self) -> f64 {
        self
    }
    fn from_number(number: f64) -> Self {
        number
    }
}

/// `number * scale` within `-scale..scale`, halves to even; 0 for what is not a number.
fn round_clipped(number: f64, scale: f64) -> i32 {
    // Above 2^52 a double has no fraction, so that adding and taking away this much rounds: without a call,
    // where the processor has no instruction for it.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let clipped = (number * scale).clamp(-scale, scale - 1.0);
    ((clipped + ROUND) - ROUND) as i32
}

#[cfg(test)]
mod tests {
    use brooklet_media::{ChannelLayout, FramePool};
    use proptest::prelude::*;

    use super::*;

    fn frame_of<T: bytemuck::Pod>(format: SampleFormat, samples: &[T]) -> AudioFrame {
        let pool = FramePool::new();
        let mut frame = AudioFrame::new(&pool, format, 48_000, ChannelLayout::Mono, samples.len()).unwrap();
        frame.typed_mut::<T>(0).copy_from_slice(samples);
        frame
    }

    fn converted<S: bytemuck::Pod, D: bytemuck::Pod>(
        from: SampleFormat,
        samples: &[S],
        to: SampleFormat,
    ) -> Vec<D> {
        let mut out = frame_of(to, &vec![D::zeroed(); samples.len()]);
        convert(&frame_of(from, samples), &mut out);
        out.typed::<D>(0).to_vec()
    }

    #[test]
    fn integers_become_integers_by_their_upper_bits() {
        use SampleFormat::*;
        assert_eq!(converted::<_, i16>(U8, &[0u8, 128, 255], S16), [-32_768, 0, 32_512]);
        assert_eq!(converted::<_, u8>(S16, &[-32_768i16, -1, 0, 32_767], U8), [0, 127, 128, 255]);
        assert_eq!(converted::<_, i32>(S16, &[-1i16], S32), [-65_536]);
        assert_eq!(converted::<_, i16>(S32, &[-1i32, 65_535, i32::MIN], S16), [-1, 0, -32_768]);
    }

    #[test]
    fn numbers_round_halves_to_even_and_clip() {
        use SampleFormat::*;
        let halves = [0.5f32, 1.5, -0.5, -1.5].map(|x| x / 32_768.0);
        assert_eq!(converted::<_, i16>(F32, &halves, S16), [0, 2, 0, -2]);
        assert_eq!(
            converted::<_, i16>(F32, &[1.0f32, -1.0, 7.0, f32::NAN], S16),
            [32_767, -32_768, 32_767, 0]
        );
        assert_eq!(converted::<_, i32>(F64, &[1.0f64, -2.0, 0.5], S32), [i32::MAX, i32::MIN, 1 << 30]);
        assert_eq!(converted::<_, u8>(F64, &[1.0f64, 0.0, -1.0], U8), [255, 128, 0]);
    }

    #[test]
    fn planes_and_interleaved_samples_hold_the_same_sound() {
        let pool = FramePool::new();
        let stereo = ChannelLayout::Stereo;
        let packed: Vec<u8> = [1i16, -1, 2, -2, 3, -3].iter().flat_map(|s| s.to_ne_bytes()).collect();
        let packed = AudioFrame::from_raw(&pool, SampleFormat::S16, 8_000, stereo, &packed).unwrap();
        let mut planar = AudioFrame::new(&pool, SampleFormat::S16p, 8_000, stereo, 3).unwrap();
        convert(&packed, &mut planar);
        assert_eq!((planar.typed::<i16>(0), planar.typed::<i16>(1)), (&[1, 2, 3][..], &[-1, -2, -3][..]));
        let mut back = AudioFrame::new(&pool, SampleFormat::S16, 8_000, stereo, 3).unwrap();
        convert(&planar, &mut back);
        assert_eq!(back.plane(0), packed.plane(0));
    }

    proptest! {
        #[test]
        fn sixteen_bits_survive_every_wider_format(samples in prop::collection::vec(any::<i16>(), 1..40)) {
            use SampleFormat::*;
            let wide: Vec<f32> = converted(S16, &samples, F32);
            prop_assert_eq!(&converted::<_, i16>(F32, &wide, S16), &samples);
            let wide: Vec<i32> = converted(S16, &samples, S32p);
            prop_assert_eq!(&converted::<_, i16>(S32p, &wide, S16), &samples);
            let wide: Vec<f64> = converted(S16, &samples, F64);
            prop_assert_eq!(&converted::<_, i16>(F64, &wide, S16p), &samples);
        }
    }
}
