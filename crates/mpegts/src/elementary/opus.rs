//! Opus: access units behind a control header ("ETSI TS Opus", draft 0.1.3: wiki.xiph.org/OpusTS).

use alloc::vec::Vec;

use brooklet_media::bitstream::opus::{self, OpusHead};
use brooklet_media::{AudioParams, ChannelLayout, CodecId, StreamKind, Trim};
use bytes::{Bytes, BytesMut};

use super::framed::SampleClock;
use super::{Elementary, Format, Found, Unit};
use crate::pes::Times;

/// The 11 bits that a control header begins with.
const PREFIX: u16 = 0x3FF << 5;

/// An Opus stream.
pub(super) struct OpusUnits {
    channel_config: u8,
    bytes: BytesMut,
    clock: SampleClock,
    announced: bool,
}

impl OpusUnits {
    /// A stream with this channel_config_code.
    pub(super) fn new(channel_config: u8) -> Self {
        Self { channel_config, bytes: BytesMut::new(), clock: SampleClock::default(), announced: false }
    }

    fn format(&self, pre_skip: u16) -> Format {
        let channels = match self.channel_config {
            0 => 2, // dual mono
            count => count.min(8),
        };
        let layout = ChannelLayout::from_channels(channels).unwrap_or(ChannelLayout::Stereo);
        Format {
            codec: CodecId::Opus,
            kind: StreamKind::Audio(AudioParams::new(opus::RATE, layout)),
            extradata: head(channels, pre_skip),
        }
    }
}

impl Elementary for OpusUnits {
    fn start(&mut self, times: Option<Times>) {
        self.bytes.clear();
        if let Some(times) = times {
            self.clock.set(times.pts);
        }
    }

    fn append(&mut self, bytes: &[u8], _: &mut Vec<Found>) {
        self.bytes.extend_from_slice(bytes);
    }

    fn complete(&mut self, found: &mut Vec<Found>) {
        let mut rest = self.bytes.split().freeze();
        while let Some((trim, unit, after)) = split_unit(&rest) {
            rest = after;
            if !self.announced {
                self.announced = true;
                found.push(Found::Format(self.format(trim.start.min(u16::MAX.into()) as u16)));
            }
            let samples = opus::packet_samples(&unit).unwrap_or(0);
            if let Some((pts, duration)) = self.clock.step(samples, opus::RATE, false) {
                found.push(Found::Unit(Unit { pts, dts: pts, duration, key: true, trim, data: unit }));
            }
        }
    }

    fn damage(&mut self, _: &mut Vec<Found>) {
        self.bytes.clear();
    }

    fn flush(&mut self, found: &mut Vec<Found>) {
        self.complete(found);
    }

    fn held(&self) -> usize {
        self.bytes.len()
    }
}

/// The control header at the start of `bytes`, its access unit and what follows; `None` where there is none or it
/// passes the end.
fn split_unit(bytes: &Bytes) -> Option<(Trim, Bytes, Bytes)> {
    let (&prefix, mut rest) = bytes.split_first_chunk()?;
    let flags = u16::from_be_bytes(prefix);
    if flags & 0xFFE0 != PREFIX {
        return None;
    }
    let mut size = 0;
    loop {
        let (&more, after) = rest.split_first()?;
        (size, rest) = (size + usize::from(more), after);
        if more < 255 {
            break;
        }
    }
    let mut trim = Trim::default();
    for (flag, place) in [(0x10, &mut trim.start), (0x08, &mut trim.end)] {
        if flags & flag != 0 {
            let (&samples, after) = rest.split_first_chunk()?;
            (*place, rest) = (u32::from(u16::from_be_bytes(samples) & 0x1FFF), after);
        }
    }
    if flags & 0x04 != 0 {
        let (&extension, after) = rest.split_first()?;
        rest = after.get(usize::from(extension)..)?;
    }
    let begin = bytes.len() - rest.len();
    let end = begin.checked_add(size).filter(|end| size > 0 && *end <= bytes.len())?;
    Some((trim, bytes.slice(begin..end), bytes.slice(end..)))
}

/// Appends the control header of an access unit of `size` bytes. Trims are at most 8191 samples.
pub(crate) fn write_control_header(size: usize, trim: Trim, out: &mut Vec<u8>) {
    let flags = PREFIX | u16::from(trim.start > 0) << 4 | u16::from(trim.end > 0) << 3;
    out.extend(flags.to_be_bytes());
    out.extend(core::iter::repeat_n(255, size / 255));
    out.push((size % 255) as u8);
    for samples in [trim.start, trim.end].into_iter().filter(|samples| *samples > 0) {
        out.extend((samples.min(0x1FFF) as u16).to_be_bytes());
    }
}

/// channel_config_code of a stream: its count of channels, where they are mapped as RFC 7845 §5.1.1 has it by
/// default; `None` for another mapping.
pub(crate) fn channel_config(extradata: &[u8]) -> Option<u8> {
    let head = OpusHead::parse(extradata)?;
    let same_order = || extradata.get(19..) == Some(&mapping(head.channels)[..]);
    match head.family {
        0 if head.channels <= 2 => Some(head.channels),
        1 if head.channels <= 8 && same_order() => Some(head.channels),
        _ => None,
    }
}

/// An OpusHead; above two channels of mapping family 1.
fn head(channels: u8, pre_skip: u16) -> Bytes {
    let family = u8::from(channels > 2);
    let head = OpusHead { channels, pre_skip, input_rate: opus::RATE, family }.build();
    if family == 0 {
        return head;
    }
    let mut out = head.to_vec();
    if let Some(place) = out.get_mut(18) {
        *place = family;
    }
    out.extend(mapping(channels));
    out.into()
}

/// Streams, coupled streams and the channel mapping of family 1 (RFC 7845 §5.1.1.2).
fn mapping(channels: u8) -> Vec<u8> {
    let (streams, coupled, order): (u8, u8, &[u8]) = match channels {
        0 | 1 => (1, 0, &[0]),
        2 => (1, 1, &[0, 1]),
        3 => (2, 1, &[0, 2, 1]),
        4 => (2, 2, &[0, 1, 2, 3]),
        5 => (3, 2, &[0, 4, 1, 2, 3]),
        6 => (4, 2, &[0, 4, 1, 2, 3, 5]),
        7 => (4, 3, &[0, 4, 1, 2, 3, 5, 6]),
        _ => (5, 3, &[0, 6, 1, 2, 3, 4, 5, 7]),
    };
    [&[streams, coupled], order].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn heads_and_codes_are_two_ways_to_say_the_same() {
        for channels in 1..=8 {
            assert_eq!(channel_config(&head(channels, 312)), Some(channels));
        }
        assert_eq!(channel_config(b"OpusHead"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(size in 1usize..2_000, start in 0u32..0x2000, end in 0u32..0x2000) {
            let (mut out, trim) = (Vec::new(), Trim { start, end });
            write_control_header(size, trim, &mut out);
            out.extend(vec![7; size]);
            out.push(9);
            let (read, unit, after) = split_unit(&Bytes::from(out)).unwrap();
            prop_assert_eq!((read, unit.len(), &after[..]), (trim, size, &[9u8][..]));
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let (mut stream, mut found) = (OpusUnits::new(2), Vec::new());
            stream.start(Some(Times { pts: 0, dts: 0 }));
            stream.append(&bytes, &mut found);
            stream.complete(&mut found);
            prop_assert!(found.len() <= bytes.len());
        }
    }
}
