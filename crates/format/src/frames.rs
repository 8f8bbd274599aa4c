//! Finding self-framed sound (ADTS, MPEG audio) in a run of bytes: every frame says in its header how long it is.

use brooklet_media::TimeBase;
use bytes::Bytes;

use crate::input::Input;

/// What a frame's header must tell to be found.
pub(crate) trait FrameHeader: Sized {
    /// Bytes of the header that decide.
    const BYTES: usize;

    /// Reads a header at the start of `bytes`; `None` where there is none.
    fn parse(bytes: &[u8]) -> Option<Self>;

    /// Bytes of header and payload, at least [`FrameHeader::BYTES`].
    fn frame_bytes(&self) -> usize;

    /// Whether `next` may follow in the same stream: the same rate, kind and channels.
    fn leads_to(&self, next: &Self) -> bool;
}

/// What [`FrameFinder::next`] found.
#[derive(Debug)]
pub(crate) enum Found<H> {
    /// A whole frame, header included, and whether bytes before it were skipped.
    Frame { header: H, bytes: Bytes, at: u64, lost: bool },
    /// More bytes are needed.
    More,
    /// There are no more frames.
    End,
}

/// Walks from frame to frame. Where a frame does not follow on another, it is believed only when the next one
/// follows on it.
#[derive(Debug, Default)]
pub(crate) struct FrameFinder {
    synced: bool,
    found_any: bool,
    /// Whether what stands here follows on bytes that were neither a frame nor a tag: what looks like a tag is none.
    in_garbage: bool,
    /// Whether bytes were skipped since the last frame.
    lost: bool,
}

impl FrameFinder {
    pub(crate) fn next<H: FrameHeader>(&mut self, input: &mut Input) -> Found<H> {
        loop {
            let bytes = input.bytes();
            if bytes.len() < H::BYTES.max(10) && !input.ended() {
                return Found::More;
            }
            if bytes.len() < H::BYTES {
                return Found::End;
            }
            if let Some(tag) = tag_bytes(bytes).filter(|_| !self.in_garbage) {
                input.skip(tag);
                continue;
            }
            let Some(header) = H::parse(bytes) else {
                let garbage = 1 + bytes[1..].iter().position(|byte| *byte == 0xFF).unwrap_or(bytes.len() - 1);
                self.skip_garbage(garbage, input);
                continue;
            };
            let length = header.frame_bytes();
            let needed = length + if self.synced { 0 } else { H::BYTES };
            if bytes.len() < needed && !input.ended() {
                return Found::More;
            }
            let believed = match bytes.get(length..) {
                None => false,
                Some(after) if self.synced || after.len() < H::BYTES => true,
                Some(after) => H::parse(after).is_some_and(|next| header.leads_to(&next)),
            };
            if !believed {
                self.skip_garbage(1, input);
                continue;
            }
            (self.synced, self.found_any, self.in_garbage) = (true, true, false);
            let (at, lost) = (input.at(), std::mem::take(&mut self.lost));
            return Found::Frame { header, bytes: input.take(length), at, lost };
        }
    }

    fn skip_garbage(&mut self, count: usize, input: &mut Input) {
        input.skip(count as u64);
        // What came before the first frame is no loss.
        self.lost |= self.found_any;
        (self.synced, self.in_garbage) = (false, true);
    }
}

/// The length in bytes of a tag at the start of `bytes`: ID3v2, or ID3v1, which stands at the end of a file.
fn tag_bytes(bytes: &[u8]) -> Option<u64> {
    id3v2_bytes(bytes).or_else(|| bytes.starts_with(b"TAG").then_some(128))
}

/// The length in bytes of an ID3v2 tag at the start of `bytes`, header included (id3.org, ID3v2.4 §3.1).
pub(crate) fn id3v2_bytes(bytes: &[u8]) -> Option<u64> {
    let head: &[u8; 10] = bytes.first_chunk()?;
    if !head.starts_with(b"ID3") || head[6..].iter().any(|byte| *byte > 0x7F) {
        return None;
    }
    let size = head[6..].iter().fold(0u64, |size, byte| size << 7 | u64::from(*byte));
    let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
}

/// Counts samples into ticks of a stream whose rate may change while its time base stays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampleClock {
    ticks: TimeBase,
    rate: u32,
    /// Ticks at which the rate was last set.
    epoch: i64,
    /// Samples since then.
    samples: i64,
}

impl SampleClock {
    pub(crate) const fn new(rate: u32) -> Self {
        Self { ticks: TimeBase::hz(rate), rate, epoch: 0, samples: 0 }
    }

    /// A clock that shows `samples` at first.
    pub(crate) const fn starting_at(rate: u32, samples: i64) -> Self {
        Self { epoch: samples, ..Self::new(rate) }
    }

    pub(crate) const fn time_base(&self) -> TimeBase {
        self.ticks
    }

    pub(crate) const fn now(&self) -> i64 {
        self.epoch.saturating_add(TimeBase::hz(self.rate).rescale(self.samples, self.ticks))
    }

    /// Passes `samples`; returns when they began and how long they last, in ticks.
    pub(crate) const fn advance(&mut self, samples: u32) -> (i64, i64) {
        let begin = self.now();
        self.samples = self.samples.saturating_add(samples as i64);
        (begin, self.now() - begin)
    }

    pub(crate) const fn change_rate(&mut self, rate: u32) {
        (self.epoch, self.rate, self.samples) = (self.now(), rate, 0);
    }
}
