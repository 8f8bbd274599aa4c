//! What a side says that it can do beyond RTMP 1.0: Enhanced RTMP v2, "Enhancing NetConnection connect Command".

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use brooklet_flv::amf0::Value;
use brooklet_flv::{AUDIO_FOUR_CCS, VIDEO_FOUR_CCS};

/// What a side says that it can do. Empty lists and zeros are not said at all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    /// `fourCcList`: the codecs by FourCC (`hvc1`, `av01`, `Opus`), or `*` for all.
    pub four_ccs: Vec<String>,
    /// `videoFourCcInfoMap`: video codecs, and what can be done with each ([`Capabilities::CAN_DECODE`] and so on).
    pub video: Vec<(String, u32)>,
    /// `audioFourCcInfoMap`: the same of audio codecs.
    pub audio: Vec<(String, u32)>,
    /// `capsEx`: [`Capabilities::RECONNECT`] and so on.
    pub caps_ex: u32,
}

impl Capabilities {
    /// The codec can be decoded.
    pub const CAN_DECODE: u32 = 1;
    /// The codec can be encoded.
    pub const CAN_ENCODE: u32 = 2;
    /// The codec can be passed on.
    pub const CAN_FORWARD: u32 = 4;
    /// A request to reconnect is followed. What the owner of a client does with it, only the owner knows.
    pub const RECONNECT: u32 = 1;
    /// Several tracks of a kind in one stream.
    pub const MULTITRACK: u32 = 2;
    /// Tags with modifiers in front.
    pub const MOD_EX: u32 = 4;
    /// Timestamps with nanoseconds.
    pub const NANOSECONDS: u32 = 8;

    /// All codecs that tags of `brooklet-flv` can hold, with what can be done with them; and what its reader
    /// understands. Of several tracks it reads but the first, so it does not ask for them.
    pub fn carried(can: u32) -> Self {
        let list = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), can)).collect();
        let names = VIDEO_FOUR_CCS.iter().chain(&AUDIO_FOUR_CCS);
        Self {
            four_ccs: names.map(|name| (*name).to_owned()).collect(),
            video: list(&VIDEO_FOUR_CCS),
            audio: list(&AUDIO_FOUR_CCS),
            caps_ex: Self::MOD_EX | Self::NANOSECONDS,
        }
    }

    pub(crate) fn from_object(object: &Value) -> Self {
        let four_ccs = match object.property("fourCcList") {
            Some(Value::StrictArray(values)) => {
                values.iter().take(MAX_FOUR_CCS).filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let map = |name| {
            let known = object.property(name).map(Value::properties).unwrap_or_default().iter();
            let flags = known.take(MAX_FOUR_CCS).filter_map(|(name, can)| Some((name, can.as_number()?)));
            flags.map(|(name, can)| (name.clone(), can as u32)).collect()
        };
        let caps_ex = object.property("capsEx").and_then(Value::as_number).unwrap_or(0.0) as u32;
        Self { four_ccs, video: map("videoFourCcInfoMap"), audio: map("audioFourCcInfoMap"), caps_ex }
    }

    pub(crate) fn properties(&self) -> Vec<(String, Value)> {
        let mut properties = Vec::new();
        if !self.four_ccs.is_empty() {
            let list = self.four_ccs.iter().map(|name| name.as_str().into()).collect();
            properties.push(("fourCcList".to_owned(), Value::StrictArray(list)));
        }
        for (name, map) in [("videoFourCcInfoMap", &self.video), ("audioFourCcInfoMap", &self.audio)] {
            if !map.is_empty() {
                let flags = map.iter().map(|(name, can)| (name.clone(), f64::from(*can).into())).collect();
                properties.push((name.to_owned(), Value::Object(flags)));
            }
        }
        if self.caps_ex != 0 {
            properties.push(("capsEx".to_owned(), f64::from(self.caps_ex).into()));
        }
        properties
    }
}

/// More than there are.
const MAX_FOUR_CCS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_read_back() {
        let every = Capabilities::CAN_DECODE | Capabilities::CAN_ENCODE | Capabilities::CAN_FORWARD;
        let listed = Capabilities { four_ccs: vec!["av01".into(), "Opus".into()], ..Capabilities::default() };
        for capabilities in [Capabilities::default(), Capabilities::carried(every), listed] {
            let object = Value::Object(capabilities.properties());
            assert_eq!(Capabilities::from_object(&object), capabilities);
        }
        assert_eq!(Capabilities::from_object(&Value::Null), Capabilities::default());
        assert!(Capabilities::default().properties().is_empty(), "nothing to say");
    }

    #[test]
    fn what_is_carried_is_named() {
        let carried = Capabilities::carried(Capabilities::CAN_FORWARD);
        assert!(
            ["hvc1", "av01", "Opus", "fLaC", "ac-3"]
                .iter()
                .all(|name| carried.four_ccs.contains(&(*name).into()))
        );
        assert!(carried.video.contains(&("vp09".into(), 4)) && carried.audio.contains(&("ec-3".into(), 4)));
        assert_eq!(carried.caps_ex, 12);
    }
}
