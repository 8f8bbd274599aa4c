//! Packets with the time at which they came in place of their own: for cameras whose format tells no time, or a wrong one.

use std::time::Instant;

use brooklet_media::{DemuxEvent, Metadata, StreamParams, TimeBase};

use crate::Result;
use crate::protocol::PacketSource;

/// A source under `-use_wallclock_as_timestamps 1`: a packet's dts is when it was read, in microseconds since the first, and its pts
/// is as much later as it was. Of one stream no two are the same.
pub(super) struct Stamped {
    source: Box<dyn PacketSource>,
    began: Option<Instant>,
    /// Of each stream, what its own times are in, and the last dts that was given.
    streams: Vec<(TimeBase, i64)>,
}

impl Stamped {
    pub(super) const fn new(source: Box<dyn PacketSource>) -> Self {
        Self { source, began: None, streams: Vec::new() }
    }

    fn now(&mut self) -> i64 {
        let began = self.began.get_or_insert_with(Instant::now);
        i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

impl PacketSource for Stamped {
    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn next(&mut self) -> Result<Option<DemuxEvent>> {
        let Some(mut event) = self.source.next()? else { return Ok(None) };
        match &mut event {
            DemuxEvent::StreamAdded(params) => {
                self.streams.push((params.time_base, i64::MIN));
                restate(params);
            }
            DemuxEvent::Params { params, .. } => restate(params),
            DemuxEvent::Packet(packet) => {
                let now = self.now();
                if let Some((own, last)) = self.streams.get_mut(packet.stream) {
                    let later = own.rescale(packet.pts.saturating_sub(packet.dts), TimeBase::MICROS);
                    packet.duration = own.rescale(packet.duration, TimeBase::MICROS);
                    *last = now.max(last.saturating_add(1));
                    (packet.dts, packet.pts) = (*last, last.saturating_add(later));
                }
            }
            _ => {}
        }
        Ok(Some(event))
    }

    fn metadata(&self) -> Metadata {
        self.source.metadata()
    }

    fn size(&self) -> Option<u64> {
        self.source.size()
    }

    fn take_warnings(&mut self) -> Vec<String> {
        self.source.take_warnings()
    }

    fn take_title(&mut self) -> Option<String> {
        self.source.take_title()
    }
}

/// A stream of which no time is known before it comes.
fn restate(params: &mut StreamParams) {
    params.time_base = TimeBase::MICROS;
    (params.start, params.duration) = (Some(0), None);
}

#[cfg(test)]
mod tests {
    use brooklet_media::{CodecId, Packet, VideoParams};

    use super::*;

    /// A stream in ticks of 1/25 s, whose packets all claim one time.
    struct Camera(u32);

    impl PacketSource for Camera {
        fn is_live(&self) -> bool {
            true
        }

        fn next(&mut self) -> Result<Option<DemuxEvent>> {
            self.0 += 1;
            let video = VideoParams::new(16, 16);
            Ok(match self.0 {
                1 => Some(DemuxEvent::StreamAdded(StreamParams::video(
                    CodecId::Mjpeg,
                    TimeBase::hz(25),
                    video,
                ))),
                2..=4 => {
                    let packet = Packet::new(0, 7, [0].as_slice().into());
                    Some(DemuxEvent::Packet(Packet { pts: 9, duration: 1, ..packet }))
                }
                _ => None,
            })
        }
    }

    #[test]
    fn packets_get_the_time_at_which_they_came() {
        let mut stamped = Stamped::new(Box::new(Camera(0)));
        let Ok(Some(DemuxEvent::StreamAdded(params))) = stamped.next() else { panic!("no stream") };
        assert_eq!((params.time_base, params.start), (TimeBase::MICROS, Some(0)));
        let mut last = -1;
        for _ in 0..3 {
            let Ok(Some(DemuxEvent::Packet(packet))) = stamped.next() else { panic!("no packet") };
            assert!(packet.dts > last && packet.dts < 60_000_000, "{packet:?} after {last}");
            assert_eq!((packet.pts - packet.dts, packet.duration), (80_000, 40_000));
            last = packet.dts;
        }
        assert!(matches!(stamped.next(), Ok(None)));
    }
}
