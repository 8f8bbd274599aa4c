//! Sound that is played as it comes: `-buffer`.
//!
//! Datagrams go into `brooklet_rtp::Playout` when they come; each time a unit of sound is due, it says what to play. What comes
//! out is plain samples at this machine's pace, so a file, a pipe and a speaker are served alike.
//!
//! | file | holds |
//! |---|---|
//! | `playing` | the source: arrivals in, packets of samples out, on time |
//! | `render` | decisions to samples: decoded, concealed, resampled |

mod playing;
mod render;

use std::time::Duration;

use brooklet_media::{AudioParams, ChannelLayout, CodecId, PcmFormat, StreamParams, TimeBase};
use brooklet_rtp::CatchUp;

use crate::job::InputSpec;
use crate::protocol::{PacketSource, SourceOptions};
use crate::rtp::Door;
use crate::{Error, Result, Url};
use playing::{Feed, Playing};

/// How sound that comes over a network is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffering {
    /// `-buffer`: what is gathered first, and the least delay from then on; 40 ms at least.
    pub delay: Duration,
    /// `-catch_up`: what becomes of sound that comes too fast.
    pub catch_up: CatchUp,
}

/// No player can do with less: two packets of 20 ms.
const LEAST_BUFFER: Duration = Duration::from_millis(40);

/// Plays the first sound of an RTP session.
pub(crate) fn open_rtp(
    url: &Url,
    mut doors: Vec<Door>,
    options: &SourceOptions,
) -> Result<Box<dyn PacketSource>> {
    let sound = |door: &Door| door.formats.is_empty() || door.formats.iter().any(|format| format.is_audio());
    let Some(place) = doors.iter().position(sound) else {
        return Err(Error::Usage(format!("{}: -buffer plays sound, and there is none", url.text)));
    };
    let door = doors.swap_remove(place);
    if !doors.is_empty() {
        options.journal.warn(format!("{}: -buffer plays the first sound; all else is left out", url.text));
    }
    Ok(Box::new(Playing::new(url, Feed::Rtp(Box::new(door)), options)))
}

/// Plays bare samples in datagrams.
pub(crate) fn open_raw(
    url: &Url,
    pcm: PcmFormat,
    spec: &InputSpec,
    options: &SourceOptions,
) -> Result<Box<dyn PacketSource>> {
    let rate = spec.sample_rate.unwrap_or(44_100);
    let layout = spec.layout.unwrap_or(ChannelLayout::Mono);
    let sound = AudioParams { format: Some(pcm.sample_format()), ..AudioParams::new(rate, layout) };
    let params = StreamParams::audio(CodecId::Pcm(pcm), TimeBase::hz(rate), sound);
    let (arrivals, timeout) = crate::protocol::udp::arrivals(url, options)?;
    Ok(Box::new(Playing::new(url, Feed::raw(params, arrivals, timeout), options)))
}
