//! Pictures as they are in memory: planes in order, rows without padding.

use std::collections::VecDeque;

use brooklet_media::{
    CodecId, Decoder, Encoder, Error, Frame, FramePool, Packet, PixelFormat, Result, StreamParams, TimeBase,
    VideoFrame, VideoParams,
};

use crate::VideoEncode;

/// `rawvideo` packets to pictures.
pub(crate) struct RawVideoDecoder {
    params: VideoParams,
    format: PixelFormat,
    time_base: TimeBase,
    pool: FramePool,
    ready: VecDeque<Frame>,
}

impl RawVideoDecoder {
    pub(crate) fn new(params: &StreamParams, pool: FramePool) -> Result<Self> {
        let video =
            *params.as_video().ok_or_else(|| Error::Usage("rawvideo is video, this stream is not".into()))?;
        let format = video.format.ok_or_else(|| Error::Usage("rawvideo needs its pixel format".into()))?;
        VideoFrame::check_size(video.width, video.height)?;
        Ok(Self { params: video, format, time_base: params.time_base, pool, ready: VecDeque::new() })
    }
}

impl Decoder for RawVideoDecoder {
    fn decode(&mut self, packet: &Packet) -> Result<()> {
        if packet.discard {
            return Ok(());
        }
        let VideoParams { width, height, color, sample_aspect, .. } = self.params;
        let mut frame = VideoFrame::from_raw(&self.pool, self.format, width, height, &packet.data)?;
        (frame.pts, frame.duration, frame.time_base) = (packet.pts, packet.duration, self.time_base);
        (frame.color, frame.sample_aspect, frame.key) = (color, sample_aspect, true);
        self.ready.push_back(Frame::Video(frame));
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
    }

    fn change_params(&mut self, params: &StreamParams) -> Result<()> {
        let ready = std::mem::take(&mut self.ready);
        *self = Self { ready, ..Self::new(params, self.pool.clone())? };
        Ok(())
    }
}

/// Pictures to `rawvideo` packets.
pub(crate) struct RawVideoEncoder {
    params: StreamParams,
    shape: (PixelFormat, u32, u32),
    ready: VecDeque<Packet>,
}

impl RawVideoEncoder {
    pub(crate) fn new(config: &VideoEncode) -> Result<Self> {
        VideoFrame::check_size(config.width, config.height)?;
        let video = VideoParams {
            format: Some(config.format),
            frame_rate: Some(config.frame_rate),
            sample_aspect: config.sample_aspect,
            color: config.color,
            ..VideoParams::new(config.width, config.height)
        };
        Ok(Self {
            params: StreamParams::video(CodecId::RawVideo, config.time_base, video),
            shape: (config.format, config.width, config.height),
            ready: VecDeque::new(),
        })
    }
}

impl Encoder for RawVideoEncoder {
    fn encode(&mut self, frame: &Frame) -> Result<()> {
        let Frame::Video(frame) = frame else {
            return Err(Error::Usage("rawvideo takes pictures, not sound".into()));
        };
        if (frame.format(), frame.width(), frame.height()) != self.shape {
            return Err(Error::Usage(format!("rawvideo was opened for another shape than {frame:?}")));
        }
        let mut bytes = Vec::new();
        frame.write_raw(&mut bytes);
        let to = self.params.time_base;
        let mut packet = Packet::new(0, frame.time_base.rescale(frame.pts, to), bytes.into());
        packet.duration = frame.time_base.rescale(frame.duration, to);
        self.ready.push_back(packet);
        Ok(())
    }

    fn poll_packet(&mut self) -> Option<Packet> {
        self.ready.pop_front()
    }

    fn params(&self) -> &StreamParams {
        &self.params
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::Rational;

    #[test]
    fn every_format_comes_back_as_it_went() {
        let pool = FramePool::new();
        for format in PixelFormat::ALL {
            let raw: Vec<u8> = (0..format.picture_bytes(7, 5)).map(|i| i as u8).collect();
            let config = VideoEncode::new(7, 5, format, Rational::whole(25)).unwrap();
            let mut encoder = RawVideoEncoder::new(&config).unwrap();
            let mut decoder = RawVideoDecoder::new(encoder.params(), pool.clone()).unwrap();
            let mut frame = VideoFrame::from_raw(&pool, format, 7, 5, &raw).unwrap();
            (frame.pts, frame.time_base) = (120, TimeBase::MILLIS);
            encoder.encode(&Frame::Video(frame)).unwrap();
            let packet = encoder.poll_packet().unwrap();
            assert_eq!((&packet.data[..], packet.pts), (&raw[..], 3));
            decoder.decode(&packet).unwrap();
            let Some(Frame::Video(back)) = decoder.poll_frame() else { panic!("no frame") };
            let mut out = Vec::new();
            back.write_raw(&mut out);
            assert_eq!((out, back.pts, back.time_base), (raw, 3, TimeBase::new(1, 25).unwrap()));
        }
    }

    #[test]
    fn half_a_picture_is_refused() {
        let config = VideoEncode::new(4, 4, PixelFormat::Rgb24, Rational::whole(25)).unwrap();
        let encoder = RawVideoEncoder::new(&config).unwrap();
        let mut decoder = RawVideoDecoder::new(encoder.params(), FramePool::new()).unwrap();
        assert!(decoder.decode(&Packet::new(0, 0, vec![0; 47].into())).is_err());
        assert!(decoder.poll_frame().is_none());
    }
}
