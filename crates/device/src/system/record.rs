//! A stream from a device that hands on sound in a callback.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{Data, InputCallbackInfo, Stream};

use super::{failed, find, is_end, nearest};
use crate::backend::Taken;
use crate::clock::capture_time;
use crate::list::DeviceKind;
use crate::microphone::MicrophoneOptions;
use crate::microphone::backlog::{Backlog, Fragment, Over};
use crate::speaker::feed;
use crate::{Error, Result};

/// Sound that waits for its reader.
const BACKLOG: Duration = Duration::from_secs(1);

/// A stream that records into a [`Backlog`].
pub(crate) struct Recording {
    /// Ends when it is dropped. Behind a lock, for not every system's streams can be shared.
    _stream: Mutex<Stream>,
}

impl Recording {
    /// Opens a stream of what the device gives that is nearest to `options`, and starts it. How much comes at once is the
    /// device's matter.
    pub(crate) fn open(name: &str, options: &MicrophoneOptions) -> Result<(Self, Arc<Backlog>, Taken)> {
        let device = find(DeviceKind::Microphone, options.device.as_deref())?;
        let wanted = Taken { format: options.format.packed(), rate: options.rate, layout: options.layout };
        let ways = device.supported_input_configs().map_err(|error| failed(name, "cannot open", &error))?;
        let way = nearest(&wanted, ways, device.default_input_config());
        let (config, format, taken) = way.ok_or_else(|| Error::Media {
            device: name.into(),
            source: brooklet_media::Error::unsupported("what it gives", "u8, s16, s32, flt, dbl"),
        })?;
        let frame_bytes = taken.format.bytes() * taken.layout.channels();
        let backlog = Arc::new(Backlog::new(feed::frames(taken.rate, BACKLOG) * frame_bytes, frame_bytes));
        let (filled, troubled, mut first) = (backlog.clone(), backlog.clone(), 0u64);
        let take = move |data: &Data, info: &InputCallbackInfo| {
            let (times, bytes) = (info.timestamp(), data.bytes().to_vec());
            let at = capture_time() - times.callback.duration_since(times.capture);
            let frames = (bytes.len() / frame_bytes) as u64;
            filled.add(Fragment { first, at, bytes });
            first += frames;
        };
        let on_error = move |error: cpal::Error| {
            if is_end(&error) {
                troubled.end(Over::Gone);
            }
        };
        let stream = device
            .build_input_stream_raw(config, format, take, on_error, None)
            .map_err(|error| failed(name, "cannot open", &error))?;
        stream.play().map_err(|error| failed(name, "cannot record", &error))?;
        Ok((Self { _stream: Mutex::new(stream) }, backlog, taken))
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").finish_non_exhaustive()
    }
}
