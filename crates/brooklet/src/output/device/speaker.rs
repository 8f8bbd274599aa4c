//! `-f speaker`: sound to the machine's own device.

use std::time::Duration;

use brooklet_device::{Speaker, SpeakerOptions};
use brooklet_media::{AudioFrame, Frame, FrameSink};

use super::DeviceSink;
use crate::job::{OutputSpec, Playback};
use crate::{Error, Result, Stopper};

/// From a sample's being written to its being heard, where nothing else is asked for.
const LATENCY: Duration = Duration::from_millis(200);

/// A speaker, once the first sound has shown what it is to play.
struct SpeakerSink {
    url: String,
    options: SpeakerOptions,
    stopper: Stopper,
    speaker: Option<Speaker>,
}

/// The speaker that `spec` names.
pub(super) fn open(spec: &OutputSpec, stopper: &Stopper) -> Box<dyn DeviceSink> {
    let named = Some(spec.url.clone()).filter(|name| !matches!(name.as_str(), "" | "-" | "default"));
    let options = SpeakerOptions {
        device: named,
        title: spec.device.title.clone().unwrap_or_else(|| "brooklet".into()),
        latency: spec.device.latency.unwrap_or(LATENCY),
        ..SpeakerOptions::default()
    };
    Box::new(SpeakerSink { url: spec.url.clone(), options, stopper: stopper.clone(), speaker: None })
}

impl FrameSink<Error> for SpeakerSink {
    fn write(&mut self, frame: Frame) -> Result<()> {
        let Frame::Audio(sound) = frame else {
            return Err(Error::Usage(format!("{}: a speaker plays sound", self.url)));
        };
        self.speaker(&sound)?.write(&sound).map_err(Error::from)
    }

    fn finish(&mut self) -> Result<()> {
        self.speaker.as_mut().map_or(Ok(()), Speaker::drain).map_err(Error::from)
    }
}

impl DeviceSink for SpeakerSink {
    fn playback(&self) -> Playback {
        let clock = self.speaker.as_ref().map(Speaker::clock);
        clock.map_or(Playback::default(), |clock| Playback {
            latency: clock.latency(),
            underruns: clock.underruns(),
            dropped: 0,
        })
    }
}

impl SpeakerSink {
    /// The speaker, opened for sound like this where it is not open.
    fn speaker(&mut self, sound: &AudioFrame) -> Result<&mut Speaker> {
        match &mut self.speaker {
            Some(speaker) => Ok(speaker),
            empty => {
                let (format, rate, layout) = (sound.format(), sound.rate(), sound.layout());
                let speaker =
                    Speaker::open(&SpeakerOptions { format, rate, layout, ..self.options.clone() })?;
                let stop = speaker.stopper();
                self.stopper.on_stop(move || stop.stop());
                Ok(empty.insert(speaker))
            }
        }
    }
}
