//! Access units to planar float sound.

use std::collections::VecDeque;

use brooklet_media::bitstream::aac::AacConfig;
use brooklet_media::{
    AudioFrame, ChannelLayout, CodecId, Decoder, Error, Frame, FramePool, Packet, Result, SampleFormat,
    StreamParams, TimeBase,
};
use bytes::Bytes;
use syom::{Channel, DecodeOptions};

use super::{NAME, failed};
use crate::sound::{kept, stamp};

/// AAC access units to `fltp` frames, one for one: 1024 samples each, 2048 of HE-AAC.
///
/// The rate and the channels of a frame are those that it decodes to; HE-AAC that is not signalled doubles the
/// rate of its configuration, and parametric stereo makes two channels of one.
pub(crate) struct AacDecoder {
    inner: syom::Decoder,
    config: Bytes,
    time_base: TimeBase,
    pool: FramePool,
    ready: VecDeque<Frame>,
}

impl AacDecoder {
    pub(crate) fn new(params: &StreamParams, pool: FramePool) -> Result<Self> {
        let audio = match (params.codec, params.as_audio()) {
            (CodecId::Aac, Some(audio)) => audio,
            _ => return Err(Error::Usage(format!("{} is not AAC sound", params.codec))),
        };
        // A stream without a configuration is taken for LC of the rate and channels that its container says.
        let config = match AacConfig::lc(audio.rate, audio.layout.channels()) {
            Some(lc) if params.extradata.is_empty() => lc.build(),
            _ => params.extradata.clone(),
        };
        let inner = syom::Decoder::from_asc(&config, DecodeOptions::unbounded()).map_err(failed)?;
        Ok(Self { inner, config, time_base: params.time_base, pool, ready: VecDeque::new() })
    }

    /// Starts again without memory of the units before, as after an error, which stops the library for good.
    fn restart(&mut self) -> Result<()> {
        self.inner.reset();
        self.inner.set_asc(&self.config).map_err(failed)
    }
}

impl Decoder for AacDecoder {
    fn decode(&mut self, packet: &Packet) -> Result<()> {
        let Self { inner, time_base, pool, ready, .. } = self;
        let mut made = Ok(());
        let decoded = inner.decode_au(&packet.data, |sound| {
            made = keep(&sound, packet, *time_base, pool).map(|frame| ready.extend(frame.map(Frame::Audio)));
            Ok(())
        });
        if let Err(error) = decoded {
            self.restart()?;
            return Err(failed(error));
        }
        made
    }

    fn poll_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn reset(&mut self) {
        self.ready.clear();
        // The configuration was good when the decoder was made.
        let _ = self.restart();
    }

    fn change_params(&mut self, params: &StreamParams) -> Result<()> {
        let ready = std::mem::take(&mut self.ready);
        *self = Self { ready, ..Self::new(params, self.pool.clone())? };
        Ok(())
    }
}

/// The samples that the packet's trim leaves, in a frame of ours; `None` where it leaves none.
fn keep(
    sound: &syom::Frame<'_>,
    packet: &Packet,
    time_base: TimeBase,
    pool: &FramePool,
) -> Result<Option<AudioFrame>> {
    let kept = kept(sound.samples, packet.trim);
    let layout = u8::try_from(sound.planar.len()).ok().and_then(ChannelLayout::from_channels);
    let Some(layout) = layout.filter(|_| !kept.is_empty() && !packet.discard) else {
        return Ok(None);
    };
    let mut frame = AudioFrame::new(pool, SampleFormat::F32p, sound.sample_rate, layout, kept.len())?;
    for (plane, source) in order(sound).into_iter().enumerate() {
        let samples = sound.planar[source].get(kept.clone());
        let samples = samples.ok_or_else(|| Error::invalid(NAME, 0, "channels of different lengths"))?;
        frame.typed_mut(plane).copy_from_slice(samples);
    }
    stamp(&mut frame, packet, time_base, kept.start);
    Ok(Some(frame))
}

/// Which decoded plane is each of ours. Standard configurations come in ffmpeg's order already; those of a
/// program_config_element come as it lists them, and are sorted where every channel is named.
fn order(sound: &syom::Frame<'_>) -> Vec<usize> {
    let mut planes: Vec<usize> = (0..sound.planar.len()).collect();
    let rank = |plane: &usize| {
        Some(match sound.meta.channels.get(*plane).copied().flatten()? {
            Channel::FrontLeft => 0,
            Channel::FrontRight => 1,
            Channel::FrontCenter => 2,
            Channel::Lfe => 3,
            Channel::BackLeft => 4,
            Channel::BackRight => 5,
            Channel::BackCenter => 6,
            Channel::SideLeft => 7,
            Channel::SideRight => 8,
            _ => return None,
        })
    };
    if planes.iter().all(|plane| rank(plane).is_some()) {
        planes.sort_by_key(rank);
    }
    planes
}
