//! A microphone as an input: PCM.

use std::time::Duration;

use brooklet_device::{Microphone, MicrophoneOptions, capture_time};
use brooklet_media::{
    AudioFrame, AudioParams, ChannelLayout, CodecId, DemuxEvent, Packet, PcmFormat, SampleFormat, StreamKind,
    StreamParams, TimeBase,
};
use bytes::Bytes;

use super::capture::{Capture, Events, Recorder};
use crate::job::InputSpec;
use crate::protocol::{PacketSource, SourceOptions};
use crate::{Error, Result};

/// As ffmpeg's devices have it.
const RATE: u32 = 48_000;

/// The PCM that devices give on this machine, and the samples that it is of.
const FORMATS: [(PcmFormat, SampleFormat); 4] = if cfg!(target_endian = "little") {
    [
        (PcmFormat::S16Le, SampleFormat::S16),
        (PcmFormat::U8, SampleFormat::U8),
        (PcmFormat::S32Le, SampleFormat::S32),
        (PcmFormat::F32Le, SampleFormat::F32),
    ]
} else {
    [
        (PcmFormat::S16Be, SampleFormat::S16),
        (PcmFormat::U8, SampleFormat::U8),
        (PcmFormat::S32Be, SampleFormat::S32),
        (PcmFormat::F32Be, SampleFormat::F32),
    ]
};

pub(super) fn open(spec: &InputSpec, options: &SourceOptions) -> Result<Box<dyn PacketSource>> {
    let failed = |source| Error::media(&spec.url, source);
    let (codec, format) = format(spec).map_err(failed)?;
    let usual = MicrophoneOptions::default();
    let wanted = MicrophoneOptions {
        device: device(spec),
        title: spec.device.title.clone().unwrap_or(usual.title),
        fragment: fragment(spec, format).unwrap_or(usual.fragment),
        format,
        rate: spec.sample_rate.unwrap_or(RATE),
        layout: spec.layout.unwrap_or(ChannelLayout::Stereo),
    };
    let sound = AudioParams { format: Some(format), ..AudioParams::new(wanted.rate, wanted.layout) };
    let time_base = TimeBase::hz(wanted.rate);
    let mut params = StreamParams::new(CodecId::Pcm(codec), time_base, StreamKind::Audio(sound));
    // Said, so that nobody reads ahead to see.
    params.start = Some(time_base.ticks(capture_time()));
    Ok(Box::new(Capture::open(MicrophoneRecorder { wanted, params, told: false }, options)?))
}

/// See [`Recorder`].
struct MicrophoneRecorder {
    wanted: MicrophoneOptions,
    params: StreamParams,
    /// The stream is the same whenever the device comes back.
    told: bool,
}

impl Recorder for MicrophoneRecorder {
    type Device = Microphone;

    fn open(&mut self, events: &mut Events) -> Result<Microphone> {
        let microphone = Microphone::open(&self.wanted)?;
        if !std::mem::replace(&mut self.told, true) {
            events.extend([DemuxEvent::StreamAdded(self.params.clone()), DemuxEvent::HeaderRead]);
        }
        Ok(microphone)
    }

    fn stopper(microphone: &Microphone) -> Box<dyn Fn() + Send> {
        let stopper = microphone.stopper();
        Box::new(move || stopper.stop())
    }

    fn begin(&mut self, microphone: &mut Microphone) {
        microphone.skip_to_now();
    }

    fn read(&mut self, microphone: &mut Microphone, events: &mut Events) -> Result<()> {
        events.push_back(DemuxEvent::Packet(packet(&microphone.read()?)));
        Ok(())
    }

    fn lost(microphone: &Microphone) -> u64 {
        microphone.lost()
    }

    fn worth_telling(&self) -> u64 {
        // 20 ms.
        u64::from(self.wanted.rate / 50).max(1)
    }

    fn loss(&self, lost: u64) -> String {
        let seconds = lost as f64 / f64::from(self.wanted.rate);
        format!("{seconds:.2} s of sound were lost so far: what takes it is too slow")
    }
}

/// Sound as it is in memory, as a packet.
fn packet(frame: &AudioFrame) -> Packet {
    let duration = frame.samples() as i64;
    Packet { duration, ..Packet::new(0, frame.pts, Bytes::copy_from_slice(frame.plane(0))) }
}

/// The device's name in the url: as it is, or as ffmpeg's devices of other systems write it: `video:audio`, `audio=name`.
fn device(spec: &InputSpec) -> Option<String> {
    let name = match spec.format.as_deref() {
        Some("avfoundation") => spec.url.split_once(':').map_or(spec.url.as_str(), |(_, audio)| audio),
        Some("dshow") => spec.url.strip_prefix("audio=").unwrap_or(&spec.url),
        _ => &spec.url,
    };
    (name != "default" && !name.is_empty()).then(|| name.into())
}

/// `-c:a pcm_f32le`, `-sample_fmt flt` before `-i`.
fn format(spec: &InputSpec) -> brooklet_media::Result<(PcmFormat, SampleFormat)> {
    if let Some(codec) = &spec.audio_codec {
        let known = FORMATS.into_iter().find(|(pcm, _)| CodecId::Pcm(*pcm).name() == codec.as_str());
        let names: Vec<_> = FORMATS.into_iter().map(|(pcm, _)| CodecId::Pcm(pcm).name()).collect();
        return known.ok_or_else(|| {
            brooklet_media::Error::unsupported(format!("a microphone that gives {codec}"), names.join(", "))
        });
    }
    let wanted = spec.sample_format.map_or(SampleFormat::S16, SampleFormat::packed);
    let known = FORMATS.into_iter().find(|(_, format)| *format == wanted);
    known.ok_or_else(|| {
        let names: Vec<_> = FORMATS.into_iter().map(|(_, format)| format.name()).collect();
        brooklet_media::Error::unsupported(format!("a microphone that gives {wanted}"), names.join(", "))
    })
}

/// `-fragment_size`, bytes.
fn fragment(spec: &InputSpec, format: SampleFormat) -> Option<Duration> {
    let rate = u64::from(spec.sample_rate.unwrap_or(RATE)).max(1);
    let channels = spec.layout.unwrap_or(ChannelLayout::Stereo).channels();
    let frames = u64::from(spec.device.fragment_size?) / (format.bytes() * channels) as u64;
    Some(Duration::from_nanos(frames.saturating_mul(1_000_000_000) / rate))
}
