//! Formats that have no mark at their start, but frames or units that follow on one another.

use brooklet_media::bitstream::aac::Adts;
use brooklet_media::bitstream::h264::{self, Sps};
use brooklet_media::bitstream::hevc::{self, HevcSps};
use brooklet_media::bitstream::mpeg_audio::MpegAudioHeader;
use brooklet_media::bitstream::nal;

use crate::frames::{FrameHeader, id3v2_bytes};

/// Frames that must follow on one another.
const PROOF: usize = 3;
/// As many, where the first of them does not stand at the start.
const PROOF_LATER: usize = 6;
/// How far from the start the first frame is looked for.
const MAX_GARBAGE: usize = 4 << 10;

/// The format whose frames, units or packets are found in `head`.
pub(super) fn find(head: &[u8], ended: bool) -> Option<&'static str> {
    let tag = id3v2_bytes(head).and_then(|tag| usize::try_from(tag).ok()).unwrap_or(0);
    let sound = head.get(tag..)?;
    if cfg!(feature = "aac") && has_chain::<Adts>(sound, ended) {
        return Some("aac");
    }
    if cfg!(feature = "mp3") && has_chain::<MpegAudioHeader>(sound, ended) {
        return Some("mp3");
    }
    #[cfg(feature = "mpegts")]
    if (ended || head.len() >= 5 * 204) && brooklet_mpegts::probe(head) {
        return Some("mpegts");
    }
    if cfg!(feature = "pictures") { find_units(head) } else { None }
}

fn has_chain<H: FrameHeader>(bytes: &[u8], ended: bool) -> bool {
    let garbage = bytes.len().min(MAX_GARBAGE);
    chain::<H>(bytes, ended) >= PROOF
        || (1..garbage).any(|start| bytes[start] == 0xFF && chain::<H>(&bytes[start..], false) >= PROOF_LATER)
}

/// How many frames follow on one another from the start of `bytes`; [`PROOF`] where fewer fill the whole input.
fn chain<H: FrameHeader>(mut bytes: &[u8], ended: bool) -> usize {
    let mut last: Option<H> = None;
    let mut count = 0;
    while count < PROOF_LATER {
        let Some(header) = H::parse(bytes) else { return count };
        if last.is_some_and(|last| !last.leads_to(&header)) {
            return count;
        }
        count += 1;
        match bytes.get(header.frame_bytes()..) {
            Some([]) if ended => return count.max(PROOF),
            Some(rest) => bytes = rest,
            None => return count,
        }
        last = Some(header);
    }
    count
}

/// A parameter set that can be read tells H.264 and HEVC from each other and from everything else.
fn find_units(head: &[u8]) -> Option<&'static str> {
    let first = head.iter().position(|byte| *byte != 0)?;
    if first < 2 || head[first] != 1 {
        return None;
    }
    nal::annexb_units(head).find_map(|unit| {
        let clean = unit[0] & 0x80 == 0;
        if clean && h264::nal_type(unit) == h264::NAL_SPS && Sps::parse(unit).is_ok() {
            Some("h264")
        } else if clean && hevc::nal_type(unit) == hevc::NAL_SPS && HevcSps::parse(unit).is_ok() {
            Some("hevc")
        } else {
            None
        }
    })
}
