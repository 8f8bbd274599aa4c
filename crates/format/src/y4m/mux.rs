//! Packets to YUV4MPEG2.

use std::fmt::Write;

use brooklet_media::{
    CodecId, Error, Metadata, Muxer, Packet, Piece, PixelFormat, Range, Rational, Result, StreamKind,
    StreamParams, VideoFrame, VideoParams,
};
use bytes::Bytes;

use super::{COLOR_SPACES, MAGIC, NAME, names};
use crate::output::{Output, only_stream, take_only_stream};

/// Writes YUV4MPEG2 of one raw video stream.
#[derive(Debug, Default)]
pub struct Y4mMuxer {
    stream: Option<StreamParams>,
    output: Output,
}

impl Y4mMuxer {
    /// A muxer without a stream yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Muxer for Y4mMuxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        take_only_stream(NAME, &mut self.stream, params, |codec| codec == CodecId::RawVideo, "rawvideo")
    }

    fn start(&mut self, _metadata: &Metadata) -> Result<()> {
        let params = only_stream(NAME, &self.stream)?;
        let video = params.as_video().ok_or_else(|| Error::Usage("yuv4mpegpipe holds pictures".into()))?;
        let clock = params.time_base;
        let rate = video.frame_rate.or_else(|| Rational::new(clock.den(), clock.num()));
        self.output.append(header(video, rate.unwrap_or(Rational::whole(25)))?);
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let StreamParams { time_base, kind, .. } = only_stream(NAME, &self.stream)?;
        if let StreamKind::Video(video) = kind
            && packet.data.len() != picture_bytes(video)
        {
            let (size, wanted) = (packet.data.len(), picture_bytes(video));
            return Err(Error::Usage(format!("{NAME}: a picture of {size} bytes instead of {wanted}")));
        }
        self.output.append_packet(packet, *time_base, Bytes::from_static(b"FRAME\n"));
        let inside = Packet { key: false, ..packet.clone() };
        self.output.append_packet(&inside, *time_base, packet.data.clone());
        Ok(())
    }

    fn change_params(&mut self, _stream: usize, params: &StreamParams) -> Result<()> {
        if only_stream(NAME, &self.stream)?.kind == params.kind {
            return Ok(());
        }
        Err(Error::unsupported("a change of picture size within yuv4mpegpipe", "one shape from start to end"))
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.output.poll()
    }
}

fn picture_bytes(video: &VideoParams) -> usize {
    video.format.unwrap_or(PixelFormat::Yuv420p).picture_bytes(video.width, video.height)
}

fn header(video: &VideoParams, rate: Rational) -> Result<String> {
    let format = video.format.unwrap_or(PixelFormat::Yuv420p);
    let space = COLOR_SPACES
        .iter()
        .find(|(known, _)| *known == format)
        .and_then(|(_, names)| names.first())
        .ok_or_else(|| Error::unsupported(format!("{format} in yuv4mpegpipe"), names()))?;
    let (VideoParams { width, height, .. }, aspect) = (video, video.sample_aspect);
    VideoFrame::check_size(*width, *height)?;
    let mut line = format!(
        "{MAGIC} W{width} H{height} F{}:{} Ip A{}:{} C{space}",
        rate.num(),
        rate.den(),
        aspect.num(),
        aspect.den()
    );
    // Writing to a String does not fail.
    let _ = match format {
        PixelFormat::Yuv420p => write!(line, " XYSCSS=420JPEG"),
        PixelFormat::Yuv420p10 | PixelFormat::Yuv422p10 => {
            write!(line, " XYSCSS={}", space.to_ascii_uppercase())
        }
        _ => Ok(()),
    };
    if video.color.range == Range::Full {
        line.push_str(" XCOLORRANGE=FULL");
    }
    line.push('\n');
    Ok(line)
}
