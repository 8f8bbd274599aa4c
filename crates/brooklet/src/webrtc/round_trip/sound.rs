//! A thread for sound that is processed: decoded, processed, encoded.

use std::io;
use std::sync::Arc;
use std::thread;

use brooklet_codec::{AudioEncode, DecoderOptions, EncoderConfig, open_decoder, open_encoder};
use brooklet_convert::{AudioConverter, AudioTarget};
use brooklet_media::bitstream::opus::{self, OpusHead};
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Decoder, Encoder, Frame, FramePool, Packet, SampleFormat,
    StreamParams, TimeBase,
};

use super::desk::Desk;
use super::pictures::contained;
use super::{Made, SOUND};
use crate::processor::{Failure, SoundProcessor};

/// Starts the thread; it ends when the desk is closed.
pub(super) fn start(desk: &Arc<Desk>) -> io::Result<()> {
    let desk = desk.clone();
    thread::Builder::new().name("brooklet-sound".into()).spawn(move || contained(&desk, process))?;
    Ok(())
}

/// What comes and what goes back.
pub(in crate::webrtc) fn params() -> StreamParams {
    let head = OpusHead { channels: 2, pre_skip: 0, input_rate: opus::RATE, family: 0 };
    let audio = AudioParams::new(opus::RATE, ChannelLayout::Stereo);
    let mut params = StreamParams::audio(CodecId::Opus, TimeBase::hz(opus::RATE), audio);
    params.extradata = head.build();
    params
}

fn process(desk: &Desk) -> Result<(), Failure> {
    let mut work = Work::new()?;
    let mut at_work: Option<(u64, Box<dyn SoundProcessor>)> = None;
    while let Some(packet) = desk.heard.pop() {
        let chosen = desk.chosen();
        if at_work.as_ref().is_none_or(|(version, _)| *version != chosen.version) {
            let made = desk.task(&chosen).sound_processor(&chosen.settings);
            at_work = made.map(|made| (chosen.version, made));
        }
        if let Some((_, processor)) = &mut at_work {
            work.packet(desk, &packet, &mut **processor)?;
        }
    }
    Ok(())
}

/// From a packet to what its processor takes, and from what that gives to packets.
struct Work {
    decoder: Box<dyn Decoder>,
    there: AudioConverter,
    back: AudioConverter,
    encoder: Box<dyn Encoder>,
}

impl Work {
    fn new() -> brooklet_media::Result<Self> {
        let pool = FramePool::new();
        let options = DecoderOptions { pool: pool.clone(), ..DecoderOptions::default() };
        let (format, layout) = (SampleFormat::F32, ChannelLayout::Stereo);
        let target = AudioTarget { format: Some(format), rate: Some(opus::RATE), layout: Some(layout) };
        let encode = AudioEncode::new(opus::RATE, layout, format);
        Ok(Self {
            decoder: open_decoder(&params(), &options)?,
            there: AudioConverter::new(target, pool.clone()),
            back: AudioConverter::new(target, pool),
            encoder: open_encoder(&EncoderConfig::audio("opus", encode))?,
        })
    }

    fn packet(
        &mut self,
        desk: &Desk,
        packet: &Packet,
        processor: &mut dyn SoundProcessor,
    ) -> Result<(), Failure> {
        // What is damaged is left out.
        let _ = self.decoder.decode(packet);
        while let Some(Frame::Audio(sound)) = self.decoder.poll_frame() {
            self.there.push(&sound)?;
        }
        while let Some(sound) = self.there.poll() {
            let (pts, time_base) = (sound.pts, sound.time_base);
            let mut sound = processor.sound(sound)?;
            (sound.pts, sound.time_base) = (pts, time_base);
            self.back.push(&sound)?;
        }
        while let Some(sound) = self.back.poll() {
            self.encoder.encode(&Frame::Audio(sound))?;
        }
        while let Some(mut packet) = self.encoder.poll_packet() {
            packet.stream = SOUND;
            // A closed queue ends the thread soon.
            let _ = desk.made.push(Made { stream: SOUND, params: None, packet });
        }
        Ok(())
    }
}
