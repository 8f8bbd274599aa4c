//! The sound systems that `cpal` knows: CoreAudio, WASAPI, and ALSA behind the feature `alsa`.
//!
//! They ask for sound in a callback, so nobody hands them any: they pull it from the same [`Line`] that the sound server is
//! fed from. What they don't take as it is, is converted.
//!
//! | file | holds |
//! |---|---|
//! | `playback` | a stream to a device |
//! | `record` | a stream from a device |

mod playback;
mod record;

use std::io;

use brooklet_media::{ChannelLayout, SampleFormat};
use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{BufferSize, ErrorKind, StreamConfig, SupportedStreamConfig, SupportedStreamConfigRange};

pub(crate) use playback::Playback;
pub(crate) use record::Recording;

use crate::backend::Taken;
use crate::list::{Device, DeviceKind};
use crate::{Error, Result};

/// The devices for sound.
pub(crate) fn sound_devices() -> Result<Vec<Device>> {
    let host = cpal::default_host();
    let failed = |error: cpal::Error| Error::NoServer { what: "sound system", why: error.to_string() };
    let default = |device: Option<cpal::Device>| device.and_then(|device| device.id().ok());
    let (speaker, microphone) = (default(host.default_output_device()), default(host.default_input_device()));
    let mut all = Vec::new();
    for device in host.devices().map_err(failed)? {
        let Ok(id) = device.id() else { continue };
        let description = device.description().map(|words| words.to_string()).unwrap_or_default();
        let entry = |kind, is_default, config: Result<SupportedStreamConfig, cpal::Error>| Device {
            kind,
            name: id.to_string(),
            description: description.clone(),
            is_default,
            modes: config.iter().map(mode).collect(),
        };
        if device.supports_output() {
            all.push(entry(
                DeviceKind::Speaker,
                speaker.as_ref() == Some(&id),
                device.default_output_config(),
            ));
        }
        if device.supports_input() {
            all.push(entry(
                DeviceKind::Microphone,
                microphone.as_ref() == Some(&id),
                device.default_input_config(),
            ));
        }
    }
    all.sort_by_key(|device| device.kind != DeviceKind::Speaker);
    Ok(all)
}

fn mode(config: &SupportedStreamConfig) -> String {
    let layout = layout(config.channels());
    format!("{} {} Hz {layout}", config.sample_format(), config.sample_rate())
}

/// The device with a name, or the default one.
fn find(kind: DeviceKind, name: Option<&str>) -> Result<cpal::Device> {
    let host = cpal::default_host();
    let none = |why: &str| Error::NoServer { what: "sound device", why: why.into() };
    let Some(name) = name.filter(|name| *name != "default") else {
        let default = if kind == DeviceKind::Speaker {
            host.default_output_device()
        } else {
            host.default_input_device()
        };
        return default.ok_or_else(|| none("the system names none as its default"));
    };
    let mut devices = host.devices().map_err(|error| none(&error.to_string()))?;
    let is_named = |device: &cpal::Device| {
        device.id().is_ok_and(|id| id.to_string() == name || id.id() == name)
            || device.description().is_ok_and(|words| words.name() == name)
    };
    devices.find(is_named).ok_or_else(|| {
        let all = sound_devices().unwrap_or_default();
        let names: Vec<String> =
            all.into_iter().filter(|device| device.kind == kind).map(|device| device.name).collect();
        let known = if names.is_empty() { "none".into() } else { names.join(", ") };
        Error::NoDevice { kind: kind.name(), name: name.into(), known }
    })
}

/// The way of a device that is nearest to what is wanted: its rate and channels where it has them, else its own.
fn nearest(
    wanted: &Taken,
    ways: impl Iterator<Item = SupportedStreamConfigRange>,
    usual: Result<SupportedStreamConfig, cpal::Error>,
) -> Option<(StreamConfig, cpal::SampleFormat, Taken)> {
    let fits = |way: &SupportedStreamConfigRange| {
        usize::from(way.channels()) == wanted.layout.channels()
            && sample_format(way.sample_format()).is_some()
    };
    let same = ways.filter(fits).filter_map(|way| way.try_with_sample_rate(wanted.rate)).min_by_key(|way| {
        (sample_format(way.sample_format()) != Some(wanted.format), precision(way.sample_format()))
    });
    let way = same.or(usual.ok())?;
    let format = sample_format(way.sample_format())?;
    let same_layout = usize::from(way.channels()) == wanted.layout.channels();
    let layout = if same_layout { wanted.layout } else { layout(way.channels()) };
    let config = StreamConfig {
        channels: way.channels(),
        sample_rate: way.sample_rate(),
        buffer_size: BufferSize::Default,
    };
    Some((config, way.sample_format(), Taken { format, rate: way.sample_rate(), layout }))
}

fn layout(channels: u16) -> ChannelLayout {
    u8::try_from(channels)
        .ok()
        .and_then(ChannelLayout::from_channels)
        .unwrap_or(ChannelLayout::Unknown(u8::MAX))
}

const fn sample_format(format: cpal::SampleFormat) -> Option<SampleFormat> {
    Some(match format {
        cpal::SampleFormat::U8 => SampleFormat::U8,
        cpal::SampleFormat::I16 => SampleFormat::S16,
        cpal::SampleFormat::I32 => SampleFormat::S32,
        cpal::SampleFormat::F32 => SampleFormat::F32,
        cpal::SampleFormat::F64 => SampleFormat::F64,
        _ => return None,
    })
}

/// The best comes first.
const fn precision(format: cpal::SampleFormat) -> u8 {
    match format {
        cpal::SampleFormat::F32 => 0,
        cpal::SampleFormat::F64 => 1,
        cpal::SampleFormat::I32 => 2,
        cpal::SampleFormat::I16 => 3,
        _ => 4,
    }
}

/// Whether the device is gone with this, rather than stumbling.
fn is_end(error: &cpal::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DeviceNotAvailable | ErrorKind::StreamInvalidated | ErrorKind::HostUnavailable
    )
}

fn failed(device: &str, what: &'static str, error: &cpal::Error) -> Error {
    Error::Device { device: device.into(), what, source: io::Error::other(error.to_string()) }
}
