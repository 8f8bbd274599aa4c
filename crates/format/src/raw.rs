//! Raw formats: coded or plain media and nothing around it.
//!
//! Reading needs what the bytes don't say (rate, channels, size); writing appends each packet as it is.

use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Error, Metadata, Muxer, Packet, PcmFormat, Piece, PixelFormat,
    Rational, Result, StreamParams, TimeBase, VideoFrame, VideoParams,
};

use crate::DemuxOptions;
use crate::blocks::{Blocks, RawDemuxer};
use crate::output::{Output, only_stream, take_only_stream};

/// A `s16le`, `f32le`, `alaw` … demuxer: 44100 Hz mono unless the options say otherwise.
///
/// # Errors
///
/// [`Error::Usage`] for a rate of 0.
pub(crate) fn open_pcm(format: PcmFormat, options: &DemuxOptions) -> Result<RawDemuxer> {
    let rate = options.sample_rate.unwrap_or(44_100);
    if rate == 0 {
        return Err(Error::Usage(format!("{} at 0 Hz: say a sample rate with -ar", format.name())));
    }
    let layout = options.layout.unwrap_or(ChannelLayout::Mono);
    let audio = AudioParams { format: Some(format.sample_format()), ..AudioParams::new(rate, layout) };
    let params = StreamParams::audio(CodecId::Pcm(format), TimeBase::hz(rate), audio);
    let mut blocks = Blocks::pcm(format, layout.channels(), 0, None);
    // Whoever fills a pipe may do so as time passes: what came is not held back for long.
    if !options.source.seekable {
        blocks.per_packet = blocks.per_packet.min((u64::from(rate) / 100).max(1));
    }
    Ok(RawDemuxer::new(options.source, blocks, params))
}

/// A `g722` demuxer: a byte lasts a tick of 8 kHz, and is two samples.
pub(crate) fn open_g722(options: &DemuxOptions) -> RawDemuxer {
    let audio = AudioParams::new(16_000, ChannelLayout::Mono);
    let params = StreamParams::audio(CodecId::G722, TimeBase::hz(8_000), audio);
    let per_packet = if options.source.seekable { 512 } else { 80 };
    RawDemuxer::new(options.source, Blocks { bytes: 1, per_packet, start: 0, end: None }, params)
}

/// A `rawvideo` demuxer: yuv420p at 25 pictures a second unless the options say otherwise.
///
/// # Errors
///
/// [`Error::Usage`] without a size, or for a rate of 0; [`Error::Limit`] for a picture too large.
pub(crate) fn open_video(options: &DemuxOptions) -> Result<RawDemuxer> {
    let (width, height) = options.video_size.ok_or_else(|| {
        Error::Usage("rawvideo does not say its picture size: give it with -s 640x360".into())
    })?;
    VideoFrame::check_size(width, height)?;
    let format = options.pixel_format.unwrap_or(PixelFormat::Yuv420p);
    let rate = options.frame_rate.unwrap_or(Rational::whole(25));
    let clock = rate.time_base().ok_or_else(|| Error::Usage("rawvideo at 0 pictures a second".into()))?;
    let video =
        VideoParams { format: Some(format), frame_rate: Some(rate), ..VideoParams::new(width, height) };
    let params = StreamParams::video(CodecId::RawVideo, clock, video);
    let bytes = format.picture_bytes(width, height) as u64;
    let blocks = Blocks { bytes, per_packet: 1, start: 0, end: None };
    Ok(RawDemuxer::new(options.source, blocks, params))
}

/// Writes the bytes of each packet, of one stream, and nothing else: PCM, `rawvideo`, `image2pipe`, `mp3`.
#[derive(Debug)]
pub struct RawMuxer {
    name: &'static str,
    holds: Holds,
    supported: &'static str,
    stream: Option<StreamParams>,
    output: Output,
}

#[derive(Clone, Copy, Debug)]
enum Holds {
    Only(CodecId),
    These(fn(CodecId) -> bool),
}

impl RawMuxer {
    /// `name` is for errors, `supported` names what `holds` lets in.
    pub(crate) fn new(name: &'static str, holds: fn(CodecId) -> bool, supported: &'static str) -> Self {
        Self { name, holds: Holds::These(holds), supported, stream: None, output: Output::default() }
    }

    /// A muxer of one format of uncompressed sound.
    pub(crate) fn pcm(format: PcmFormat) -> Self {
        let codec = CodecId::Pcm(format);
        let (name, supported, holds) = (format.name(), codec.name(), Holds::Only(codec));
        Self { name, holds, supported, stream: None, output: Output::default() }
    }
}

impl Muxer for RawMuxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        let holds = |codec| match self.holds {
            Holds::Only(only) => codec == only,
            Holds::These(holds) => holds(codec),
        };
        take_only_stream(self.name, &mut self.stream, params, holds, self.supported)
    }

    fn start(&mut self, _metadata: &Metadata) -> Result<()> {
        only_stream(self.name, &self.stream).map(drop)
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let time_base = only_stream(self.name, &self.stream)?.time_base;
        self.output.append_packet(packet, time_base, packet.data.clone());
        Ok(())
    }

    fn change_params(&mut self, _stream: usize, params: &StreamParams) -> Result<()> {
        let stream = only_stream(self.name, &self.stream)?;
        let says_itself = !matches!(params.codec, CodecId::Pcm(_) | CodecId::RawVideo);
        if stream.codec == params.codec && (says_itself || stream.kind == params.kind) {
            return Ok(());
        }
        let what = format!("a change of rate, channels or size or codec within {}", self.name);
        Err(Error::unsupported(what, "one shape from start to end"))
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.output.poll()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{demux, demux_stream, file_of, mux};
    use brooklet_media::{Demuxer, Source};
    use proptest::prelude::*;

    #[test]
    fn sound_is_cut_at_whole_frames() {
        let options = DemuxOptions { layout: Some(ChannelLayout::Stereo), ..DemuxOptions::default() };
        let demuxer = open_pcm(PcmFormat::S16Le, &options).unwrap();
        let read = demux_stream(demuxer, &[3; 4 * 1_500 + 3], 1_000).unwrap();
        let shape: Vec<_> = read.packets.iter().map(|packet| (packet.pts, packet.data.len())).collect();
        // From a pipe: 10 ms each, as they come.
        assert_eq!(shape, [(0, 4 * 441), (441, 4 * 441), (882, 4 * 441), (1_323, 4 * 177)]);
        assert_eq!(read.streams[0].as_audio().map(|audio| audio.rate), Some(44_100));
    }

    #[test]
    fn a_picture_that_is_not_whole_is_left_out() {
        let options = DemuxOptions { video_size: Some((4, 2)), ..DemuxOptions::default() };
        let read = demux_stream(open_video(&options).unwrap(), &[7; 12 * 3 + 11], 5).unwrap();
        assert_eq!(read.packets.iter().map(|packet| packet.pts).collect::<Vec<_>>(), [0, 1, 2]);
        let no_size = open_video(&DemuxOptions::default()).unwrap_err();
        assert!(no_size.to_string().contains("-s"));
    }

    #[test]
    fn seeking_goes_to_the_frame_where_the_source_can() {
        let file: Vec<u8> = (0..40_000u32).flat_map(|n| (n as u16).to_le_bytes()).collect();
        let options = DemuxOptions::new(file_of(file.len()), "");
        let mut demuxer = open_pcm(PcmFormat::S16Le, &options).unwrap();
        assert_eq!(demux(&mut demuxer, &file, 4_096).unwrap().streams[0].duration, Some(40_000));
        demuxer.seek(0, 30_001).unwrap();
        let read = demux(&mut demuxer, &file, 4_096).unwrap();
        assert_eq!((read.packets[0].pts, read.data(0)), (30_001, file[60_002..].to_vec()));
        let mut pipe = open_pcm(PcmFormat::S16Le, &DemuxOptions::new(Source::default(), "")).unwrap();
        assert!(pipe.seek(0, 1).is_err());
    }

    #[test]
    fn another_codec_is_refused_by_name() {
        let params = open_video(&DemuxOptions { video_size: Some((2, 2)), ..DemuxOptions::default() });
        let Ok(demuxer) = params else { panic!() };
        let video = demux_stream(demuxer, &[], 1).unwrap().streams.remove(0);
        let error = RawMuxer::pcm(PcmFormat::U8).add_stream(&video).unwrap_err();
        assert_eq!(error.to_string(), "rawvideo in u8 is not supported; supported: pcm_u8");
    }

    proptest! {
        #[test]
        fn sound_that_is_written_reads_back(
            format in prop::sample::select(PcmFormat::ALL.to_vec()),
            frames in 0usize..5_000,
            step in 1usize..9_000,
        ) {
            let demuxer = open_pcm(format, &DemuxOptions::default()).unwrap();
            let data: Vec<u8> = (0..frames * format.bytes()).map(|i| i as u8).collect();
            let read = demux_stream(demuxer, &data, step).unwrap();
            prop_assert_eq!(read.data(0), &data[..]);
            prop_assert_eq!(mux(RawMuxer::pcm(format), &read.streams, &read.packets), data);
            prop_assert_eq!(read.packets.iter().map(|p| p.duration).sum::<i64>(), frames as i64);
        }
    }
}
