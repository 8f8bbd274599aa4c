//! RTP from peers that send anything: receivers, payload formats, and the jitter buffer in virtual time.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use brooklet_media::{TimeBase, Timestamp};
use brooklet_rtp::{
    CatchUp, Decision, Depacketizer, PayloadFormat, Playout, PlayoutOptions, RawSound, Reorder, RtpReceiver,
    Unit,
};
use bytes::Bytes;

/// What payloads may be.
const FORMATS: [(&str, &[(&str, &str)]); 7] = [
    ("L16/44100/2", &[]),
    ("L24/48000/1", &[]),
    ("PCMU/8000", &[]),
    ("G722/8000", &[]),
    ("opus/48000/2", &[("sprop-stereo", "1")]),
    ("mpeg4-generic/44100/2", &[("mode", "AAC-hbr"), ("config", "1210")]),
    ("H264/90000", &[("packetization-mode", "1"), ("sprop-parameter-sets", "Z0LAHtkA2D3n,aMuMsg==")]),
];

fn formats() -> Vec<PayloadFormat> {
    let mut formats = Vec::new();
    for (number, (map, fmtp)) in FORMATS.iter().enumerate() {
        if let Ok(mut format) = PayloadFormat::from_map(96 + number as u8, map) {
            format.fmtp = fmtp.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
            formats.push(format);
        }
    }
    formats
}

/// Payloads of one format: nothing that comes out is more than went in, but for what a header says again.
pub fn check_depacketizer(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else { return };
    let formats = formats();
    let Some(format) = formats.get(usize::from(*kind) % formats.len()) else { return };
    let mut depacketizer = Depacketizer::new(format);
    let mut draw = Unstructured::new(rest);
    let (mut taken, mut given) = (0, 0);
    let mut step = || -> Result<()> {
        while !draw.is_empty() {
            let length = draw.int_in_range(0..=1_500usize)?.min(draw.len());
            let (timestamp, marker, gap) = (draw.arbitrary::<u32>()?, draw.arbitrary()?, draw.arbitrary()?);
            let payload = Bytes::copy_from_slice(draw.bytes(length.min(draw.len()))?);
            taken += payload.len();
            depacketizer.push(&payload, timestamp.into(), marker, gap);
            while let Some(unit) = depacketizer.poll() {
                assert!(unit.duration >= 0);
                given += unit.data.len();
            }
            let _ = depacketizer.take_params();
        }
        Ok(())
    };
    let _ = step();
    depacketizer.finish();
    while let Some(unit) = depacketizer.poll() {
        given += unit.data.len();
    }
    // A NAL unit of one byte in a packet of three gets four bytes of length.
    assert!(given <= 5 * taken, "{given} bytes out of {taken}");
}

/// Datagrams to a receiver and to the order of its packets.
pub fn check_receiver(input: &[u8]) {
    let mut draw = Unstructured::new(input);
    let mut receiver = RtpReceiver::new(formats(), 1, "fuzz@brooklet");
    let mut reorder = Reorder::new(Duration::from_millis(100));
    let mut now = Timestamp::ZERO;
    let mut step = || -> Result<()> {
        while !draw.is_empty() {
            now = now + Duration::from_micros(draw.int_in_range(0..=2_000_000u64)? / 20);
            let length = draw.int_in_range(0..=64usize)?.min(draw.len());
            let mut datagram = draw.bytes(length)?.to_vec();
            if draw.ratio(3, 4)? && datagram.len() >= 12 {
                // Looks right: version 2, a payload type that means something, one of a few sources.
                datagram[0] = 0x80;
                datagram[1] = 96 + datagram[1] % 7;
                datagram[8..11].fill(0);
                datagram[11] %= 3;
            }
            if draw.ratio(1, 8)? {
                let _ = receiver.control(&datagram, now);
            } else if let Ok(Some(received)) = receiver.packet(&datagram.into(), now) {
                if received.anew {
                    reorder.restart();
                }
                reorder.push(received.sequence, received.packet, now);
            }
            while reorder.poll(now, false).is_some() {}
            let _ = receiver.report(now);
        }
        Ok(())
    };
    let _ = step();
    while reorder.poll(now, true).is_some() {}
    let _ = receiver.bye(now);
}

/// A jitter buffer, whatever comes whenever: it always decides, what it holds is bounded, and it ends.
pub fn check_playout(input: &[u8]) {
    let _ = play(&mut Unstructured::new(input));
}

fn play(draw: &mut Unstructured<'_>) -> Result<()> {
    let clock = TimeBase::hz(*draw.choose(&[8_000, 48_000, 90_000])?);
    let buffer = Duration::from_millis(draw.int_in_range(0..=1_500)?);
    let catch_up = if draw.arbitrary()? { CatchUp::Drop } else { CatchUp::Hasten };
    let timeout = Some(Duration::from_secs(1));
    let mut playout =
        Playout::new(PlayoutOptions { catch_up, timeout, ..PlayoutOptions::new(clock, buffer) });
    let mut raw = RawSound::new(2, clock.den());
    let is_raw = draw.arbitrary()?;
    let (mut now, mut timestamp) = (Timestamp::ZERO, 0i64);
    while !draw.is_empty() {
        now = now + Duration::from_micros(draw.int_in_range(0..=100_000)?);
        let length = draw.int_in_range(0..=400usize)?;
        if is_raw {
            if let Some(unit) = raw.push(vec![0; length].into(), now) {
                playout.push(unit, now);
            }
        } else {
            timestamp = match draw.int_in_range(0..=9)? {
                0 => draw.arbitrary()?,
                1 => timestamp.wrapping_add(draw.int_in_range(-5_000..=5_000)?),
                _ => timestamp.wrapping_add(160),
            };
            let duration = if draw.ratio(1, 8)? { draw.arbitrary()? } else { 160 };
            playout.push(Unit { timestamp, duration, key: true, data: vec![0; length].into() }, now);
        }
        if draw.arbitrary()? {
            check_decision(&playout.next(now));
        }
        let _ = (playout.level(), playout.target(), playout.delay(now), playout.measures().mean_delay());
        assert!((playout.ratio() - 1.0).abs() < 0.002);
    }
    playout.finish();
    for _ in 0..100_000 {
        now = now + Duration::from_millis(20);
        let decision = playout.next(now);
        check_decision(&decision);
        if decision == Decision::End {
            return Ok(());
        }
    }
    panic!("it does not end: {:?}", playout.measures());
}

fn check_decision(decision: &Decision) {
    if let Decision::Conceal(ticks) | Decision::Expand(ticks) = decision {
        assert!(*ticks > 0, "{decision:?}");
    }
}
