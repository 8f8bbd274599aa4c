//! Two threads for pictures: one decodes all of them, because each needs the one before; the other processes and encodes the newest.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

use brooklet_codec::{DecoderOptions, open_decoder};
use brooklet_convert::VideoTarget;
use brooklet_media::{
    Control, Decoder, Encoder, Frame, FramePool, PixelFormat, Rational, StreamParams, TimeBase, VideoFrame,
};

use super::desk::Desk;
use super::rate::MOST;
use super::{Coded, Made, VIDEO};
use crate::processor::{Converters, Failure, Picture, Processor};
use crate::webrtc::picture::{encoder_for, even, worth};

/// Pictures in a second that the encoder shares its bits among.
const RATE: Rational = Rational::whole(30);
/// From one key frame to the next where nobody asks for one, in pictures.
const GOP: u32 = 300;

/// Starts both threads; they end when the desk is closed.
pub(super) fn start(desk: &Arc<Desk>) -> io::Result<()> {
    let (one, other) = (desk.clone(), desk.clone());
    thread::Builder::new().name("brooklet-decode".into()).spawn(move || decode(&one))?;
    thread::Builder::new().name("brooklet-process".into()).spawn(move || contained(&other, process))?;
    Ok(())
}

/// What is promised to a peer before the first picture: only the codec and its profile matter.
pub(in crate::webrtc) fn placeholder() -> brooklet_media::Result<StreamParams> {
    static PARAMS: OnceLock<StreamParams> = OnceLock::new();
    if let Some(params) = PARAMS.get() {
        return Ok(params.clone());
    }
    let frame = VideoFrame::new(&FramePool::new(), PixelFormat::Yuv420p, 64, 64)?;
    let params = encoder_for(&frame, RATE, GOP, MOST)?.params().clone();
    Ok(PARAMS.get_or_init(|| params).clone())
}

fn decode(desk: &Desk) {
    let pool = FramePool::new();
    let mut decoder: Option<Box<dyn Decoder>> = None;
    while let Some(Coded { params, packet }) = desk.coded.pop() {
        let came = Instant::now();
        let options = || DecoderOptions { pool: pool.clone(), ..DecoderOptions::default() };
        let opened = params
            .map_or(Ok(()), |params| open_decoder(&params, &options()).map(|opened| decoder = Some(opened)));
        let decoded =
            opened.and_then(|()| decoder.as_mut().map_or(Ok(()), |decoder| decoder.decode(&packet)));
        if decoded.is_err() {
            desk.wish_key_frame();
        }
        while let Some(Frame::Video(frame)) = decoder.as_mut().and_then(|decoder| decoder.poll_frame()) {
            // It never blocks: a newer one takes its place. Closed, it ends this soon.
            let _ = desk.newest.push((frame, came));
        }
    }
    desk.newest.end();
}

fn process(desk: &Desk) -> Result<(), Failure> {
    let mut work = Work::new(desk);
    while let Some((frame, came)) = desk.newest.pop() {
        if desk.is_held() {
            desk.count_dropped();
            continue;
        }
        work.picture(desk, frame, came)?;
    }
    Ok(())
}

/// The processor and the encoder of one session.
struct Work {
    processor: Box<dyn Processor>,
    version: u64,
    converters: Converters,
    encoder: Option<(Shape, Box<dyn Encoder>)>,
    /// Bit/s that the way back carries at most.
    most: u64,
    last: Option<i64>,
}

/// What an encoder was made for.
#[derive(PartialEq, Eq)]
struct Shape(u32, u32, TimeBase);

impl Work {
    fn new(desk: &Desk) -> Self {
        let chosen = desk.chosen();
        Self {
            processor: desk.task(&chosen).processor(&chosen.settings),
            version: chosen.version,
            converters: Converters::new(FramePool::new()),
            encoder: None,
            most: MOST,
            last: None,
        }
    }

    fn picture(&mut self, desk: &Desk, frame: VideoFrame, came: Instant) -> Result<(), Failure> {
        if desk.version() != self.version {
            let chosen = desk.chosen();
            self.processor = desk.task(&chosen).processor(&chosen.settings);
            self.version = chosen.version;
        }
        let (pts, duration, time_base) = (frame.pts, frame.duration, frame.time_base);
        if self.last.is_some_and(|last| pts <= last) {
            return Ok(());
        }
        self.last = Some(pts);
        let began = Instant::now();
        let mut processed = self.processor.picture(Picture::new(frame, &mut self.converters))?;
        let processing = began.elapsed();
        (processed.pts, processed.duration, processed.time_base) = (pts, duration, time_base);
        processed.key = false;
        self.encode(desk, processed)?;
        desk.count_times(processing, came.elapsed());
        Ok(())
    }

    fn encode(&mut self, desk: &Desk, picture: VideoFrame) -> brooklet_media::Result<()> {
        let size = even(&picture);
        let target =
            VideoTarget { format: Some(PixelFormat::Yuv420p), size: Some(size), ..VideoTarget::default() };
        let picture = self.converters.convert(picture, target)?;
        let shape = Shape(picture.width(), picture.height(), picture.time_base);
        self.most = desk.takes_aim().unwrap_or(self.most);
        let bits = worth(&picture, RATE).min(self.most);
        let mut changed = None;
        let encoder = match &mut self.encoder {
            Some((known, encoder)) if *known == shape && !is_another(encoder.params(), bits) => encoder,
            // One for another rate too: its first picture is as small as that rate wants it.
            place => {
                let encoder = encoder_for(&picture, RATE, GOP, bits)?;
                desk.count_bit_rate(bits);
                changed = Some(encoder.params().clone());
                &mut place.insert((shape, encoder)).1
            }
        };
        if desk.takes_key_frame() {
            encoder.control(Control::KeyFrame);
        }
        encoder.encode(&Frame::Video(picture))?;
        while let Some(mut packet) = encoder.poll_packet() {
            packet.stream = VIDEO;
            // There was room for it, and a closed queue ends the thread soon.
            let _ = desk.made.push(Made { stream: VIDEO, params: changed.take(), packet });
        }
        Ok(())
    }
}

/// Whether that is another rate than the one that an encoder of these parameters aims at.
fn is_another(params: &StreamParams, bits: u64) -> bool {
    params.bit_rate.is_some_and(|known| known.abs_diff(bits) * 10 > known)
}

/// What a thread does that calls code of others: a panic of that is a failure of the session's processor like any other.
pub(super) fn contained(desk: &Desk, work: impl FnOnce(&Desk) -> Result<(), Failure>) {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(desk)));
    let failure = done.map_or_else(
        |panic| {
            let what = panic.downcast_ref::<&str>().map(ToString::to_string);
            let what = what.or_else(|| panic.downcast_ref::<String>().cloned());
            Some(format!("the processor panicked: {}", what.as_deref().unwrap_or("no reason given")))
        },
        |done| done.err().map(|why| why.to_string()),
    );
    failure.into_iter().for_each(|why| desk.fail(why));
}
