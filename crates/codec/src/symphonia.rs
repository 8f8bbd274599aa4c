//! MP3, MP2, FLAC and Vorbis with `symphonia`: packets to planar frames.

use std::collections::VecDeque;

use brooklet_media::bitstream::mpeg_audio::MpegAudioHeader;
use brooklet_media::{
    AudioFrame, ChannelLayout, CodecId, Decoder, Error, Frame, FramePool, Packet, Result, SampleFormat,
    StreamParams,
};
use symphonia_core::audio::{Audio, AudioBuffer, GenericAudioBufferRef};
use symphonia_core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known};
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};

use crate::guard::guarded;
use crate::sound::{kept, stamp};

/// One of the library's decoders: `fltp` frames, of FLAC `s16p` or, past 16 bits, `s32p`.
///
/// A packet gives one frame, less where its trim takes some away. The first of Vorbis gives none. A packet that is
/// damaged costs itself; one that starts in the middle of an MP3 gives silence where it refers to what is not there.
pub(crate) struct SymphoniaDecoder {
    inner: Box<dyn AudioDecoder>,
    params: StreamParams,
    /// Samples of FLAC that fit are given as 16 bits.
    narrow: bool,
    /// What the library gives for the first packet of Vorbis is no sound: there is nothing to overlap it with.
    fresh: bool,
    /// What the last MPEG frame said: the library does not follow a change.
    shape: Option<(u32, u8)>,
    pool: FramePool,
    ready: VecDeque<Frame>,
}

impl SymphoniaDecoder {
    pub(crate) fn new(params: &StreamParams, pool: FramePool) -> Result<Self> {
        if params.as_audio().is_none() {
            return Err(Error::Usage(format!("{} is not sound", params.codec)));
        }
        let inner = open(params)?;
        let narrow = inner.codec_params().bits_per_sample.is_some_and(|bits| bits <= 16);
        Ok(Self {
            inner,
            params: params.clone(),
            narrow,
            fresh: true,
            shape: None,
            pool,
            ready: VecDeque::new(),
        })
    }

    /// Starts again where an MPEG frame has another rate or other channels than the last.
    fn follow(&mut self, packet: &Packet) -> Result<()> {
        if !matches!(self.params.codec, CodecId::Mp3 | CodecId::Mp2) {
            return Ok(());
        }
        let shape = MpegAudioHeader::parse(&packet.data).map(|header| (header.rate, header.channels));
        if self.shape.is_some() && shape.is_some() && shape != self.shape {
            self.inner = open(&self.params)?;
        }
        self.shape = shape.or(self.shape);
        Ok(())
    }
}

impl Decoder for SymphoniaDecoder {
    fn decode(&mut self, packet: &Packet) -> Result<()> {
        self.follow(packet)?;
        let unheard = std::mem::replace(&mut self.fresh, false) && self.params.codec == CodecId::Vorbis;
        let codec = self.params.codec;
        let coded = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, &packet.data);
        let Self { inner, params, narrow, pool, .. } = self;
        let made = guarded(|| {
            let decoded = inner.decode_ref(&coded).map_err(|error| failed(codec, &error))?;
            let frame = match decoded {
                GenericAudioBufferRef::F32(sound) => {
                    keep(sound, SampleFormat::F32p, packet, pool, |to, from| {
                        to.copy_from_slice(bytemuck::cast_slice(from));
                    })?
                }
                GenericAudioBufferRef::S32(sound) if *narrow => {
                    keep(sound, SampleFormat::S16p, packet, pool, |to, from| {
                        let to: &mut [i16] = bytemuck::cast_slice_mut(to);
                        to.iter_mut().zip(from).for_each(|(to, from)| *to = (from >> 16) as i16);
                    })?
                }
                GenericAudioBufferRef::S32(sound) => {
                    keep(sound, SampleFormat::S32p, packet, pool, |to, from| {
                        to.copy_from_slice(bytemuck::cast_slice(from));
                    })?
                }
                _ => {
                    return Err(Error::Codec {
                        codec: codec.name(),
                        what: "samples of an unknown kind".into(),
                    });
                }
            };
            Ok(frame.map(|(mut frame, skipped)| {
                stamp(&mut frame, packet, params.time_base, skipped);
                frame
            }))
        });
        match made {
            Some(frame) => self.ready.extend(frame?.filter(|_| !unheard).map(Frame::Audio)),
            None => {
                self.inner = open(&self.params)?;
                return Err(Error::Codec { codec: codec.name(), what: "the packet is damaged".into() });
            }
        }
        Ok(())
    }

    fn poll_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn reset(&mut self) {
        self.ready.clear();
        self.fresh = true;
        self.inner.reset();
    }

    fn change_params(&mut self, params: &StreamParams) -> Result<()> {
        let ready = std::mem::take(&mut self.ready);
        *self = Self { ready, ..Self::new(params, self.pool.clone())? };
        Ok(())
    }
}

/// The samples that the packet's trim leaves, and how many stood before them; `None` where it leaves none.
fn keep<S: symphonia_core::audio::sample::Sample>(
    sound: &AudioBuffer<S>,
    format: SampleFormat,
    packet: &Packet,
    pool: &FramePool,
    copy: impl Fn(&mut [u8], &[S]),
) -> Result<Option<(AudioFrame, usize)>> {
    let kept = kept(sound.frames(), packet.trim);
    let layout = u8::try_from(sound.num_planes()).ok().and_then(ChannelLayout::from_channels);
    let Some(layout) = layout.filter(|_| !kept.is_empty() && !packet.discard) else {
        return Ok(None);
    };
    let mut frame = AudioFrame::new(pool, format, sound.spec().rate(), layout, kept.len())?;
    for plane in 0..layout.channels() {
        let samples = sound.plane(plane).and_then(|samples| samples.get(kept.clone()));
        copy(frame.plane_mut(plane), samples.unwrap_or_default());
    }
    Ok(Some((frame, kept.start)))
}

fn open(params: &StreamParams) -> Result<Box<dyn AudioDecoder>> {
    let mut coded = AudioCodecParameters::new();
    if !params.extradata.is_empty() {
        coded.with_extra_data(params.extradata.to_vec().into_boxed_slice());
    }
    let options = AudioDecoderOptions::default().gapless(false);
    let opened = guarded(|| -> symphonia_core::errors::Result<Box<dyn AudioDecoder>> {
        match params.codec {
            #[cfg(feature = "mp3")]
            CodecId::Mp3 | CodecId::Mp2 => {
                coded.for_codec(match params.codec {
                    CodecId::Mp2 => well_known::CODEC_ID_MP2,
                    _ => well_known::CODEC_ID_MP3,
                });
                Ok(Box::new(symphonia_bundle_mp3::MpaDecoder::try_new(&coded, &options)?))
            }
            #[cfg(feature = "flac")]
            CodecId::Flac => {
                coded.for_codec(well_known::CODEC_ID_FLAC);
                Ok(Box::new(symphonia_bundle_flac::FlacDecoder::try_new(&coded, &options)?))
            }
            #[cfg(feature = "vorbis")]
            CodecId::Vorbis => {
                coded.for_codec(well_known::CODEC_ID_VORBIS);
                Ok(Box::new(symphonia_codec_vorbis::VorbisDecoder::try_new(&coded, &options)?))
            }
            _ => Err(symphonia_core::errors::Error::Unsupported("codec")),
        }
    });
    match opened {
        Some(decoder) => decoder.map_err(|error| failed(params.codec, &error)),
        None => Err(Error::Codec { codec: params.codec.name(), what: "its headers are damaged".into() }),
    }
}

fn failed(codec: CodecId, error: &symphonia_core::errors::Error) -> Error {
    Error::Codec { codec: codec.name(), what: error.to_string() }
}
