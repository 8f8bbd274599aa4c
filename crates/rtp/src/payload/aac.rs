//! AAC as mpeg4-generic, mode AAC-hbr (RFC 3640 §3.3.6): 13 bits of size and 3 of index for each access unit.

use alloc::collections::VecDeque;
use alloc::format;

use brooklet_media::Packet;
use brooklet_media::bitstream::aac::AacConfig;
use bytes::{BufMut, Bytes, BytesMut};

use super::{Payload, PayloadFormat, Unit};
use crate::{Error, Result};

/// The largest access unit that 13 bits can say.
const MAX_UNIT: usize = (1 << 13) - 1;

/// One access unit to a payload, whole: the network may cut one of over 1.4 kB into fragments of its own.
pub(super) fn pay(packet: &Packet, ready: &mut VecDeque<Payload>) -> Result<()> {
    if packet.data.len() > MAX_UNIT {
        return Err(Error::Unsupported {
            what: format!("an AAC access unit of {} bytes", packet.data.len()),
            supported: "up to 8191 bytes",
        });
    }
    let mut data = BytesMut::with_capacity(4 + packet.data.len());
    data.put_u16(16); // bits of headers that follow
    data.put_u16((packet.data.len() as u16) << 3);
    data.put_slice(&packet.data);
    ready.push_back(Payload {
        data: data.freeze(),
        timestamp: packet.pts,
        end: packet.pts.saturating_add(packet.duration),
        marker: true,
    });
    Ok(())
}

/// Payloads to access units.
#[derive(Debug)]
pub(super) struct Depay {
    samples: i64,
    /// What came of an access unit that is cut into several payloads, its size and its timestamp.
    partial: Option<(BytesMut, usize, i64)>,
}

impl Depay {
    pub(super) fn new(format: &PayloadFormat) -> Self {
        let config = format.parameter("config").and_then(super::hex);
        let config = config.and_then(|config| AacConfig::parse(&config).ok());
        let samples = config.and_then(|config| config.audio_params().frame_samples).unwrap_or(1_024);
        Self { samples: samples.into(), partial: None }
    }

    pub(super) fn push(&mut self, payload: &Bytes, timestamp: i64, gap: bool, ready: &mut VecDeque<Unit>) {
        if gap {
            self.partial = None;
        }
        let Some(bits) = payload.first_chunk::<2>().map(|bits| usize::from(u16::from_be_bytes(*bits))) else {
            return;
        };
        let headers = bits.div_ceil(8);
        let Some(sizes) = payload.get(2..2 + headers) else { return };
        let mut at = 2 + headers;
        for (number, header) in sizes.chunks_exact(2).enumerate() {
            let size = usize::from(u16::from_be_bytes([header[0], header[1]]) >> 3);
            let here = size.min(payload.len() - at);
            let data = payload.slice(at..at + here);
            at += here;
            let timestamp = timestamp.saturating_add(number as i64 * self.samples);
            if here == size && size > 0 {
                self.partial = None;
                self.give(data, timestamp, ready);
            } else if size > here && number == 0 {
                self.fragment(&data, size, timestamp, ready);
            }
        }
    }

    /// A payload that holds a part of one access unit (§3.2.3.1): the size is that of the whole.
    fn fragment(&mut self, data: &[u8], size: usize, timestamp: i64, ready: &mut VecDeque<Unit>) {
        let (mut bytes, ..) = self
            .partial
            .take()
            .filter(|(_, known, at)| (*known, *at) == (size, timestamp))
            .unwrap_or_else(|| (BytesMut::with_capacity(size), size, timestamp));
        bytes.extend_from_slice(data);
        if bytes.len() < size {
            self.partial = Some((bytes, size, timestamp));
        } else if bytes.len() == size {
            self.give(bytes.freeze(), timestamp, ready);
        }
    }

    fn give(&self, data: Bytes, timestamp: i64, ready: &mut VecDeque<Unit>) {
        ready.push_back(Unit { timestamp, duration: self.samples, key: true, data });
    }
}
