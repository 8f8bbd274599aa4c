//! Which sinks and sources the server has.

use std::ffi::CStr;

use pulseaudio::protocol::{Command, ServerInfo, SinkInfo, SourceInfo};

use super::connection::{Connection, Deaf, Trouble, Wire};
use super::spec;
use crate::list::{Device, DeviceKind};
use crate::{Error, Result};

/// All that can be played to or recorded from.
pub(crate) fn sound_devices() -> Result<Vec<Device>> {
    let (connection, reader) = Connection::open()?;
    connection.listen(reader, Deaf)?;
    ask(connection.wire()).map_err(|why| why.about("sound server", "cannot list its devices"))
}

/// The error of a user who named a device that is not there.
pub(super) fn no_device(wire: &Wire, kind: DeviceKind, name: &str) -> Error {
    let playing = |device: &Device| device.kind == DeviceKind::Speaker;
    let all = ask(wire).unwrap_or_default();
    let alike = all.into_iter().filter(|device| playing(device) == (kind == DeviceKind::Speaker));
    let names: Vec<String> = alike.map(|device| device.name).collect();
    let known = if names.is_empty() { "none".into() } else { names.join(", ") };
    Error::NoDevice { kind: kind.name(), name: name.into(), known }
}

fn ask(wire: &Wire) -> Result<Vec<Device>, Trouble> {
    let server: ServerInfo = wire.ask(&Command::GetServerInfo)?;
    let sinks: Vec<SinkInfo> = wire.ask(&Command::GetSinkInfoList)?;
    let sources: Vec<SourceInfo> = wire.ask(&Command::GetSourceInfoList)?;
    let sinks = sinks.iter().map(|sink| Device {
        kind: DeviceKind::Speaker,
        name: plain(&sink.name),
        description: sink.description.as_deref().map(plain).unwrap_or_default(),
        is_default: server.default_sink_name.as_ref() == Some(&sink.name),
        modes: vec![spec::mode(&sink.sample_spec)],
    });
    let sources = sources.iter().map(|source| Device {
        kind: if source.monitor_of_sink_index.is_some() {
            DeviceKind::Monitor
        } else {
            DeviceKind::Microphone
        },
        name: plain(&source.name),
        description: source.description.as_deref().map(plain).unwrap_or_default(),
        is_default: server.default_source_name.as_ref() == Some(&source.name),
        modes: vec![spec::mode(&source.sample_spec)],
    });
    Ok(sinks.chain(sources).collect())
}

fn plain(text: &CStr) -> String {
    text.to_string_lossy().into_owned()
}
