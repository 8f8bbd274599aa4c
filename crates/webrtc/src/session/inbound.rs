//! What arrives to streams and packets.

use std::time::{Duration, Instant};

use brooklet_media::bitstream::h264::{AvcConfig, NAL_AUD, NAL_FILLER, NAL_IDR, NAL_PPS, NAL_SPS, nal_type};
use brooklet_media::bitstream::nal::{annexb_units, to_length_prefixed};
use brooklet_media::bitstream::opus::{self, OpusHead};
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, DemuxEvent, Packet, SampleFormat, StreamParams, TimeBase,
    VideoParams,
};
use bytes::Bytes;
use str0m::format::Codec;
use str0m::media::{MediaData, Mid};

use super::sync::{Clock, Clocks};

/// All that a peer sends.
#[derive(Default)]
pub(super) struct Inbound {
    lanes: Vec<Lane>,
    /// How many sections the peer said it would send.
    promised: usize,
    /// Streams that have been told.
    known: usize,
    clocks: Clocks,
    /// When a key frame was last asked for.
    asked: Option<Instant>,
}

/// One section.
struct Lane {
    mid: Mid,
    clock: Clock,
    /// Its number, once it has been told.
    stream: Option<usize>,
    /// Of H.264: its parameter sets.
    config: Option<AvcConfig>,
    is_video: bool,
    /// Nothing can be decoded before the next key frame.
    waits_for_key: bool,
}

impl Inbound {
    /// The peer will send in this section.
    pub(super) fn expect(&mut self, mid: Mid, is_video: bool) {
        let base = if is_video { TimeBase::MPEG } else { TimeBase::hz(opus::RATE) };
        self.promised += 1;
        self.lanes.push(Lane {
            mid,
            clock: Clock::new(base),
            stream: None,
            config: None,
            is_video,
            waits_for_key: is_video,
        });
    }

    /// The section of video.
    pub(super) fn video(&self) -> Option<Mid> {
        self.lanes.iter().find(|lane| lane.is_video).map(|lane| lane.mid)
    }

    /// Takes what came. The section whose peer has to be asked for a key frame, where that is so.
    pub(super) fn push(&mut self, data: MediaData, mut out: impl FnMut(DemuxEvent)) -> Option<Mid> {
        let lane = self.lanes.iter_mut().find(|lane| lane.mid == data.mid)?;
        let taken = match data.params.spec().codec {
            Codec::Opus => lane.sound(&data),
            Codec::H264 => lane.picture(&data, &mut out),
            _ => None,
        };
        let Some(mut taken) = taken else { return lane.waits_for_key.then_some(lane.mid) };
        let report = data.last_sender_info.map(|info| (info.ntp_time, info.rtp_time.numer() as i64));
        let rtp = data.time.numer() as i64;
        let pts = lane.clock.place(&mut self.clocks, !lane.is_video, rtp, data.network_time, report);
        (taken.packet.pts, taken.packet.dts) = (pts, pts);
        match (lane.stream, taken.params) {
            (Some(stream), Some(params)) => out(DemuxEvent::Params { stream, params }),
            (None, Some(mut params)) => {
                params.start = Some(pts);
                out(DemuxEvent::StreamAdded(params));
                lane.stream = Some(self.known);
                self.known += 1;
                if self.known == self.promised {
                    out(DemuxEvent::HeaderRead);
                }
            }
            _ => {}
        }
        taken.packet.stream = lane.stream?;
        out(DemuxEvent::Packet(taken.packet));
        None
    }

    /// A key frame has been asked for.
    pub(super) const fn asked(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    /// Whether one may be asked for again.
    pub(super) fn may_ask(&self, now: Instant, patience: Duration) -> bool {
        self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= patience)
    }

    /// When it is time to ask again, because the answer may have been lost.
    pub(super) fn key_frame_at(&self, patience: Duration) -> Option<Instant> {
        let waits = self.lanes.iter().any(|lane| lane.waits_for_key && lane.stream.is_some());
        self.asked.filter(|_| waits).map(|asked| asked + patience)
    }

    /// The section that has to be asked again now.
    pub(super) fn key_frame_due(&mut self, now: Instant, patience: Duration) -> Option<Mid> {
        self.key_frame_at(patience).filter(|at| now >= *at)?;
        self.asked = Some(now);
        self.lanes.iter().find(|lane| lane.waits_for_key).map(|lane| lane.mid)
    }
}

/// What can be handed on: its times and number come later.
struct Taken {
    packet: Packet,
    /// Where they are new.
    params: Option<StreamParams>,
}

impl Lane {
    fn sound(&self, data: &MediaData) -> Option<Taken> {
        let mut packet = Packet::new(0, 0, Bytes::copy_from_slice(&data.data));
        // What is not Opus at all has no length, and no decoder takes it.
        packet.duration = opus::packet_samples(&data.data)?.into();
        Some(Taken { packet, params: self.stream.is_none().then(opus_params) })
    }

    /// Nothing where no decoder could use it.
    fn picture(&mut self, data: &MediaData, out: &mut impl FnMut(DemuxEvent)) -> Option<Taken> {
        let key = annexb_units(&data.data).any(|unit| nal_type(unit) == NAL_IDR);
        if !data.contiguous && !key && !self.waits_for_key {
            self.waits_for_key = true;
            out(DemuxEvent::Discontinuity);
        }
        let sets = annexb_units(&data.data).filter(|unit| matches!(nal_type(unit), NAL_SPS | NAL_PPS));
        let config = AvcConfig::from_units(sets).filter(|config| self.config.as_ref() != Some(config));
        // The first brings its parameter sets; later ones may go by those.
        let is_start = key && (config.is_some() || self.config.is_some());
        if self.waits_for_key && !is_start {
            return None;
        }
        self.waits_for_key = false;
        let params = config.as_ref().map(h264_params);
        self.config = config.or(self.config.take());
        let coded = annexb_units(&data.data).filter(|unit| {
            !unit.is_empty() && !matches!(nal_type(unit), NAL_SPS | NAL_PPS | NAL_AUD | NAL_FILLER)
        });
        let mut packet = Packet::new(0, 0, to_length_prefixed(coded));
        packet.key = key;
        Some(Taken { packet, params })
    }
}

fn h264_params(config: &AvcConfig) -> StreamParams {
    let mut video = config.first_sps().map_or(VideoParams::new(0, 0), |sps| sps.video_params());
    // WebRTC has no B-frames, whatever a profile would allow.
    video.reorder = 0;
    let mut params = StreamParams::video(CodecId::H264, TimeBase::MPEG, video);
    params.extradata = config.build();
    params
}

/// RFC 7587: Opus in RTP is always told as stereo; its packets say themselves what they hold.
fn opus_params() -> StreamParams {
    let head = OpusHead { channels: 2, pre_skip: 0, input_rate: opus::RATE, family: 0 };
    let mut audio = AudioParams::new(opus::RATE, ChannelLayout::Stereo);
    audio.format = Some(SampleFormat::F32);
    let mut params = StreamParams::audio(CodecId::Opus, TimeBase::hz(opus::RATE), audio);
    params.extradata = head.build();
    params
}
