//! Sample formats, channels and buffer sizes, as the server calls them.

use std::ffi::CString;
use std::time::Duration;

use brooklet_media::{ChannelLayout, SampleFormat};
use pulseaudio::protocol::{
    self, ChannelMap, ChannelPosition, ChannelPosition as At, Prop, Props, SampleSpec,
};

/// The packed format that the server takes for `format`: the same one, but for 64-bit floats.
pub(super) const fn nearest(format: SampleFormat) -> SampleFormat {
    match format.packed() {
        SampleFormat::F64 => SampleFormat::F32,
        packed => packed,
    }
}

/// The server's words for packed native-endian sound; `None` where it takes no such sound.
pub(super) fn sample_spec(format: SampleFormat, rate: u32, layout: ChannelLayout) -> Option<SampleSpec> {
    let channels = u8::try_from(layout.channels()).ok()?;
    let fits = (1..=protocol::sample_spec::MAX_RATE).contains(&rate)
        && (1..=protocol::sample_spec::MAX_CHANNELS).contains(&channels);
    fits.then_some(SampleSpec { format: sample_format(format)?, channels, sample_rate: rate })
}

const fn sample_format(format: SampleFormat) -> Option<protocol::SampleFormat> {
    use protocol::SampleFormat as Theirs;
    let little = cfg!(target_endian = "little");
    Some(match format {
        SampleFormat::U8 => Theirs::U8,
        SampleFormat::S16 if little => Theirs::S16Le,
        SampleFormat::S16 => Theirs::S16Be,
        SampleFormat::S32 if little => Theirs::S32Le,
        SampleFormat::S32 => Theirs::S32Be,
        SampleFormat::F32 if little => Theirs::Float32Le,
        SampleFormat::F32 => Theirs::Float32Be,
        _ => return None,
    })
}

/// What a device has, for people: `s16le 48000 Hz stereo`.
pub(super) fn mode(spec: &SampleSpec) -> String {
    use protocol::SampleFormat as Theirs;
    let format = match spec.format {
        Theirs::Invalid => "unknown",
        Theirs::U8 => "u8",
        Theirs::Alaw => "pcm_alaw",
        Theirs::Ulaw => "pcm_mulaw",
        Theirs::S16Le => "s16le",
        Theirs::S16Be => "s16be",
        Theirs::Float32Le => "f32le",
        Theirs::Float32Be => "f32be",
        Theirs::S32Le => "s32le",
        Theirs::S32Be => "s32be",
        Theirs::S24Le => "s24le",
        Theirs::S24Be => "s24be",
        Theirs::S24In32Le | Theirs::S24In32Be => "s24 in 32",
    };
    let layout = ChannelLayout::from_channels(spec.channels).unwrap_or(ChannelLayout::Mono);
    format!("{format} {} Hz {layout}", spec.sample_rate)
}

/// Where each channel of a layout is heard.
pub(super) fn channel_map(layout: ChannelLayout) -> ChannelMap {
    const FRONT: [ChannelPosition; 4] = [At::FrontLeft, At::FrontRight, At::FrontCenter, At::Lfe];
    let places: Vec<ChannelPosition> = match layout {
        ChannelLayout::Mono => vec![At::Mono],
        ChannelLayout::Stereo => FRONT[..2].to_vec(),
        ChannelLayout::Surround => FRONT[..3].to_vec(),
        ChannelLayout::FourZero => [&FRONT[..3], &[At::RearCenter]].concat(),
        ChannelLayout::FiveZero => [&FRONT[..3], &[At::RearLeft, At::RearRight]].concat(),
        ChannelLayout::FiveOne => [&FRONT[..], &[At::RearLeft, At::RearRight]].concat(),
        ChannelLayout::SevenOne => {
            [&FRONT[..], &[At::RearLeft, At::RearRight, At::SideLeft, At::SideRight]].concat()
        }
        ChannelLayout::Unknown(_) => {
            let auxiliary = (0..).map_while(auxiliary);
            auxiliary.take(layout.channels()).collect()
        }
    };
    ChannelMap::new(places.into_iter().take(protocol::sample_spec::MAX_CHANNELS.into()))
}

/// A channel of no known place.
fn auxiliary(number: u32) -> Option<ChannelPosition> {
    use At::*;
    const ALL: [ChannelPosition; 32] = [
        Aux0, Aux1, Aux2, Aux3, Aux4, Aux5, Aux6, Aux7, Aux8, Aux9, Aux10, Aux11, Aux12, Aux13, Aux14, Aux15,
        Aux16, Aux17, Aux18, Aux19, Aux20, Aux21, Aux22, Aux23, Aux24, Aux25, Aux26, Aux27, Aux28, Aux29,
        Aux30, Aux31,
    ];
    ALL.get(number as usize).copied()
}

/// Bytes of sound that lasts as long as `time`, in whole frames, at least one.
pub(super) fn bytes(spec: SampleSpec, time: Duration) -> u32 {
    let frame = u128::from(spec.channels) * spec.format.bytes_per_sample() as u128;
    let frames = time.as_nanos() * u128::from(spec.sample_rate) / 1_000_000_000;
    u32::try_from(frames.max(1) * frame).unwrap_or(u32::MAX - 1)
}

/// A name for the server; a zero byte ends it.
pub(super) fn text(name: &str) -> CString {
    let bytes: Vec<u8> = name.bytes().take_while(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

/// What mixers show beside the volume of a stream.
pub(super) fn props(title: &str) -> Props {
    let mut props = Props::new();
    props.set(Prop::MediaName, text(title));
    props
}
