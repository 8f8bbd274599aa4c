//! `brooklet devices`, `-sources` and `-sinks`: what this machine has.

use brooklet::devices::{Device, DeviceKind, cameras, displays, sound_devices};
use brooklet::{INPUT_DEVICES, OUTPUT_DEVICES};
use brooklet_media::MediaKind;

use crate::failure::Failure;

/// The groups of the list, and how each is used.
const GROUPS: [(DeviceKind, &str, &str); 5] = [
    (DeviceKind::Speaker, "Speakers", "-f pulse NAME, after the options of an output"),
    (DeviceKind::Microphone, "Microphones", "-f pulse -i NAME"),
    (DeviceKind::Monitor, "What speakers play", "-f pulse -i NAME"),
    (DeviceKind::Camera, "Cameras", "-f v4l2 -i NAME"),
    (DeviceKind::Display, "Displays", "-f window TITLE"),
];

/// All devices, for people; `*` is the one that is taken where none is named.
pub(crate) fn text() -> String {
    let (sound, trouble) = match sound_devices() {
        Ok(devices) => (devices, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let all: Vec<Device> = sound.into_iter().chain(cameras()).chain(displays()).collect();
    let mut text = String::new();
    for (kind, title, usage) in GROUPS {
        let group: Vec<&Device> = all.iter().filter(|device| device.kind == kind).collect();
        let is_sound = matches!(kind, DeviceKind::Speaker | DeviceKind::Microphone | DeviceKind::Monitor);
        match (&trouble, group.is_empty()) {
            (Some(trouble), _) if is_sound => {
                if kind == DeviceKind::Speaker {
                    text += &format!("Sound: {trouble}\n");
                }
            }
            (_, true) => text += &format!("{title}: none\n"),
            (_, false) => text += &format!("{title} ({usage}):\n{}", rows(&group)),
        }
    }
    text
}

/// ffmpeg's `-sources [DEVICE]`.
pub(crate) fn sources(format: Option<&str>) -> Result<String, Failure> {
    let known: Vec<Format> =
        INPUT_DEVICES.iter().map(|device| (device.name, device.names().collect(), device.kind)).collect();
    listed("sources", format, &known, |kind| match kind {
        MediaKind::Audio => Ok(of_sound(|device| device.kind != DeviceKind::Speaker)?),
        _ => Ok(cameras()),
    })
}

/// ffmpeg's `-sinks [DEVICE]`.
pub(crate) fn sinks(format: Option<&str>) -> Result<String, Failure> {
    let known: Vec<Format> =
        OUTPUT_DEVICES.iter().map(|device| (device.name, device.names().collect(), device.kind)).collect();
    listed("sinks", format, &known, |kind| match kind {
        MediaKind::Audio => Ok(of_sound(|device| device.kind == DeviceKind::Speaker)?),
        _ => Ok(displays()),
    })
}

/// A format of `-f` that is a device: our name, all its names, and what it takes or gives.
type Format = (&'static str, Vec<&'static str>, MediaKind);

/// The devices of one format, or of all: where none was asked for, what is not there is no error.
fn listed(
    what: &str,
    format: Option<&str>,
    known: &[Format],
    find: impl Fn(MediaKind) -> Result<Vec<Device>, brooklet::Error>,
) -> Result<String, Failure> {
    let Some(asked) = format else {
        let each = known.iter().map(|(name, _, kind)| match find(*kind) {
            Ok(devices) => found(what, name, *kind, &devices),
            Err(error) => format!("Cannot list {what} for {name}: {error}\n"),
        });
        return Ok(each.collect());
    };
    let Some((.., kind)) = known.iter().find(|(_, names, _)| names.contains(&asked)) else {
        let names: Vec<_> = known.iter().flat_map(|(_, names, _)| names).copied().collect();
        return Err(Failure::Said(format!("'{asked}' has no {what}; there are {}", names.join(", "))));
    };
    Ok(found(what, asked, *kind, &find(*kind)?))
}

/// In ffmpeg's words.
fn found(what: &str, format: &str, kind: MediaKind, devices: &[Device]) -> String {
    let row = |device: &Device| {
        let mark = if device.is_default { '*' } else { ' ' };
        format!("{mark} {} [{}] ({})\n", device.name, device.description, kind.name())
    };
    let rows: String = devices.iter().map(row).collect();
    format!("Auto-detected {what} for {format}:\n{rows}")
}

fn of_sound(wanted: impl Fn(&Device) -> bool) -> Result<Vec<Device>, brooklet::Error> {
    let mut devices = sound_devices()?;
    devices.retain(wanted);
    Ok(devices)
}

/// In columns.
fn rows(devices: &[&Device]) -> String {
    let width = |text: fn(&Device) -> &str| {
        devices.iter().map(|device| text(device).chars().count()).max().unwrap_or(0)
    };
    let (names, descriptions) = (width(|device| &device.name), width(|device| &device.description));
    let row = |device: &&Device| {
        let Device { name, description, is_default, modes, .. } = device;
        let mark = if *is_default { '*' } else { ' ' };
        let row = format!("{mark} {name:names$}  {description:descriptions$}  {}", modes.join(", "));
        row.trim_end().to_string() + "\n"
    };
    devices.iter().map(row).collect()
}
