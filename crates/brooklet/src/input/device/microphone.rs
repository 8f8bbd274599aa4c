//! A microphone as an input: PCM, and another try where it was unplugged.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use brooklet_device::{Error as DeviceError, Microphone, MicrophoneOptions, MicrophoneStopper, capture_time};
use brooklet_media::{
    AudioFrame, AudioParams, ChannelLayout, CodecId, DemuxEvent, Packet, PcmFormat, SampleFormat, StreamKind,
    StreamParams, TimeBase,
};
use bytes::Bytes;

use crate::backoff::Backoff;
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
    let stopper: Arc<Mutex<Option<MicrophoneStopper>>> = Arc::default();
    let stopped = stopper.clone();
    options.stopper.on_stop(move || lock(&stopped).iter().for_each(MicrophoneStopper::stop));
    let mut source = Capture {
        microphone: None,
        stopper,
        wanted,
        options: options.clone(),
        backoff: Backoff::new(options.reconnect),
        pending: VecDeque::new(),
        reading: false,
        lost: 0,
    };
    source.open()?;
    source.pending.extend([DemuxEvent::StreamAdded(params), DemuxEvent::HeaderRead]);
    Ok(Box::new(source))
}

/// A microphone, and the way to open it again.
struct Capture {
    /// `None` while it is gone.
    microphone: Option<Microphone>,
    /// Of the one that is open.
    stopper: Arc<Mutex<Option<MicrophoneStopper>>>,
    wanted: MicrophoneOptions,
    options: SourceOptions,
    backoff: Backoff,
    pending: VecDeque<DemuxEvent>,
    /// Whether what it gives is wanted from now on.
    reading: bool,
    /// Samples that were lost, and have been told.
    lost: u64,
}

impl PacketSource for Capture {
    fn is_live(&self) -> bool {
        true
    }

    fn is_captured(&self) -> bool {
        true
    }

    fn next(&mut self) -> Result<Option<DemuxEvent>> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(Some(event));
            }
            let Some(microphone) = &mut self.microphone else {
                self.open_again()?;
                return Ok(Some(DemuxEvent::Discontinuity));
            };
            if !self.reading {
                // What was captured while other inputs were opened is of no use.
                microphone.skip_to_now();
                self.reading = true;
            }
            match microphone.read() {
                Ok(frame) => {
                    self.backoff.succeeded();
                    return Ok(Some(DemuxEvent::Packet(packet(&frame))));
                }
                Err(gone @ DeviceError::Gone { .. }) if self.options.reconnect.enabled => {
                    self.options.journal.warn(format!("{gone}; waiting for it to come back"));
                    self.microphone = None;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take_warnings(&mut self) -> Vec<String> {
        let lost = self.microphone.as_ref().map_or(0, Microphone::lost);
        // The 1st second, the 2nd, the 4th …: a machine that is too slow is so for long.
        if lost < (self.lost * 2).max(1) {
            return Vec::new();
        }
        self.lost = lost.max(u64::from(self.wanted.rate));
        let seconds = lost as f64 / f64::from(self.wanted.rate);
        vec![format!("{seconds:.2} s of sound were lost so far: what takes it is too slow")]
    }
}

impl Capture {
    fn open(&mut self) -> Result<()> {
        let microphone = Microphone::open(&self.wanted)?;
        *lock(&self.stopper) = Some(microphone.stopper());
        if self.options.stopper.is_stopped() {
            return Err(Error::Stopped);
        }
        self.microphone = Some(microphone);
        self.lost = 0;
        Ok(())
    }

    /// Waits for the device, or its server, to come back.
    fn open_again(&mut self) -> Result<()> {
        loop {
            let wait = self.backoff.failed();
            let due = Instant::now() + wait.unwrap_or(Duration::ZERO);
            if !self.options.stopper.sleep_until(due) {
                return Err(Error::Stopped);
            }
            match self.open() {
                Err(error) if wait.is_none() || !may_come_back(&error) => return Err(error),
                Err(_) => {}
                Ok(()) => return Ok(()),
            }
        }
    }
}

/// Whether a device that can't be opened may be there later.
fn may_come_back(error: &Error) -> bool {
    !matches!(error, Error::Device { source: DeviceError::Media { .. } } | Error::Stopped)
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
