//! One stream of a rendition: copied, or decoded and coded anew.

use brooklet_codec::{AudioEncode, DecoderOptions, EncoderConfig, open_decoder, open_encoder};
use brooklet_convert::{AudioConverter, AudioTarget, VideoConverter, VideoTarget};
use brooklet_media::bitstream::opus;
use brooklet_media::{
    ChannelLayout, CodecId, Control, Decoder, Encoder, Frame, FramePool, MediaKind, Packet, PixelFormat,
    Result, SampleFormat, StreamParams, VideoFrame,
};

use crate::webrtc::picture;

/// From one key frame to the next where nobody asks for one, in pictures.
const GOP: u32 = 60;
/// The most that pictures are coded at, bit/s.
const MOST: u64 = 4_000_000;

/// A stream on its way.
pub(super) enum Lane {
    Copy(StreamParams),
    Video(Box<Video>),
    Sound(Box<Sound>),
    /// There is no way to make it something that a browser takes.
    None,
}

/// What comes of a packet.
pub(super) enum Output {
    /// From the next packet on.
    Params(StreamParams),
    Packet(Packet),
}

impl Lane {
    /// `reordered` says that its pictures are not shown in the order of decoding.
    pub(super) fn new(params: StreamParams, reordered: bool) -> Self {
        match params.media() {
            MediaKind::Video if params.codec == CodecId::H264 && !reordered => Self::Copy(params),
            MediaKind::Audio if params.codec == CodecId::Opus => Self::Copy(params),
            MediaKind::Video => Video::new(&params).map_or(Self::None, |video| Self::Video(Box::new(video))),
            MediaKind::Audio => Sound::new(&params).map_or(Self::None, |sound| Self::Sound(Box::new(sound))),
            _ => Self::None,
        }
    }

    /// Whether anything comes of it.
    pub(super) const fn is_carried(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// What it makes; `None` until that is known.
    pub(super) fn params(&self) -> Option<StreamParams> {
        match self {
            Self::Copy(params) => Some(params.clone()),
            Self::Video(video) => video.encoder.as_ref().map(|encoder| encoder.params().clone()),
            Self::Sound(sound) => Some(sound.encoder.params().clone()),
            Self::None => None,
        }
    }

    /// Makes the next picture a key frame, where pictures are coded here.
    pub(super) fn want_key_frame(&mut self) {
        if let Self::Video(video) = self
            && let Some(encoder) = &mut video.encoder
        {
            encoder.control(Control::KeyFrame);
        }
    }

    /// Takes a packet; of those from before now only what decoders must know comes of it.
    pub(super) fn packet(&mut self, packet: Packet, is_now: bool) -> Vec<Output> {
        let mut out = Vec::new();
        match self {
            Self::Copy(_) => out.push(Output::Packet(packet)),
            // What can't be decoded is left out.
            Self::Video(video) => _ = video.packet(&packet, is_now, &mut out),
            Self::Sound(sound) if is_now => _ = sound.packet(&packet, &mut out),
            Self::Sound(_) | Self::None => {}
        }
        out
    }

    /// The stream has other parameters from its next packet on.
    pub(super) fn change(&mut self, params: StreamParams) -> Vec<Output> {
        match self {
            Self::Copy(known) => {
                known.clone_from(&params);
                vec![Output::Params(params)]
            }
            Self::Video(video) => {
                let _ = video.decoder.change_params(&params);
                Vec::new()
            }
            Self::Sound(sound) => {
                let _ = sound.decoder.change_params(&params);
                Vec::new()
            }
            Self::None => Vec::new(),
        }
    }
}

/// Pictures that are coded anew.
pub(super) struct Video {
    decoder: Box<dyn Decoder>,
    converter: VideoConverter,
    encoder: Option<Box<dyn Encoder>>,
    size: (u32, u32),
    rate: brooklet_media::Rational,
}

impl Video {
    fn new(params: &StreamParams) -> Result<Self> {
        let pool = FramePool::new();
        let sane = |rate: &brooklet_media::Rational| (1.0..=120.0).contains(&rate.as_f64());
        let rate = params.as_video().and_then(|video| video.frame_rate).filter(sane);
        Ok(Self {
            decoder: open_decoder(
                params,
                &DecoderOptions { pool: pool.clone(), ..DecoderOptions::default() },
            )?,
            converter: VideoConverter::new(VideoTarget::default(), pool),
            encoder: None,
            size: (0, 0),
            rate: rate.unwrap_or(brooklet_media::Rational::whole(30)),
        })
    }

    fn packet(&mut self, packet: &Packet, is_now: bool, out: &mut Vec<Output>) -> Result<()> {
        self.decoder.decode(packet)?;
        while let Some(Frame::Video(frame)) = self.decoder.poll_frame() {
            if is_now {
                self.encode(&frame, out)?;
            }
        }
        Ok(())
    }

    fn encode(&mut self, frame: &VideoFrame, out: &mut Vec<Output>) -> Result<()> {
        let size = picture::even(frame);
        self.converter.set_target(VideoTarget {
            format: Some(PixelFormat::Yuv420p),
            size: Some(size),
            ..VideoTarget::default()
        });
        let mut frame = self.converter.convert(frame)?;
        frame.key = false;
        if self.encoder.is_none() || self.size != size {
            let encoder = picture::encoder_for(&frame, self.rate, GOP, MOST)?;
            out.push(Output::Params(encoder.params().clone()));
            (self.encoder, self.size) = (Some(encoder), size);
        }
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        encoder.encode(&Frame::Video(frame))?;
        while let Some(packet) = encoder.poll_packet() {
            out.push(Output::Packet(packet));
        }
        Ok(())
    }
}

/// Sound that becomes Opus.
pub(super) struct Sound {
    decoder: Box<dyn Decoder>,
    converter: AudioConverter,
    encoder: Box<dyn Encoder>,
}

impl Sound {
    fn new(params: &StreamParams) -> Result<Self> {
        let pool = FramePool::new();
        let (format, layout) = (SampleFormat::F32, ChannelLayout::Stereo);
        let target = AudioTarget { format: Some(format), rate: Some(opus::RATE), layout: Some(layout) };
        let encode = AudioEncode::new(opus::RATE, layout, format);
        Ok(Self {
            decoder: open_decoder(
                params,
                &DecoderOptions { pool: pool.clone(), ..DecoderOptions::default() },
            )?,
            converter: AudioConverter::new(target, pool),
            encoder: open_encoder(&EncoderConfig::audio("opus", encode))?,
        })
    }

    fn packet(&mut self, packet: &Packet, out: &mut Vec<Output>) -> Result<()> {
        self.decoder.decode(packet)?;
        while let Some(Frame::Audio(sound)) = self.decoder.poll_frame() {
            self.converter.push(&sound)?;
        }
        while let Some(sound) = self.converter.poll() {
            self.encoder.encode(&Frame::Audio(sound))?;
        }
        while let Some(packet) = self.encoder.poll_packet() {
            out.push(Output::Packet(packet));
        }
        Ok(())
    }
}
