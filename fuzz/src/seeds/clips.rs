//! Pieces of real clips, from `BROOKLET_MEDIA`, else from `shared/media` beside the workspace.

use std::path::PathBuf;

use brooklet_flv::{FlvMuxer, FlvMuxerOptions};
use brooklet_format::{AdtsMuxer, AnnexbMuxer};
use brooklet_media::{CodecId, DemuxEvent, Packet, Source, StreamParams};
use brooklet_mp4::Mp4Demuxer;
use brooklet_mpegts::{TsMuxer, TsMuxerOptions};

use super::files::file;
use crate::reading::{self, Serving};

/// The most bytes of a piece: what the fuzzer takes.
const MAX_PIECE: usize = 65_000;

/// The most bytes of media in a piece of a movie.
const MAX_MEDIA: usize = 40_000;

/// Targets, each with a piece for it.
pub(super) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let mut pieces = Vec::new();
    for clip in clips() {
        let (streams, packets) = begin(&clip);
        let of = |stream: usize| -> Vec<Packet> {
            let own = packets.iter().filter(|packet| packet.stream == stream);
            own.map(|packet| Packet { stream: 0, ..packet.clone() }).collect()
        };
        pieces.push(("flv_demux", file(FlvMuxer::new(FlvMuxerOptions::default()), &streams, &packets)));
        pieces.push(("mpegts_demux", file(TsMuxer::new(TsMuxerOptions::default()), &streams, &packets)));
        for (number, params) in streams.iter().enumerate() {
            pieces.push(match params.codec {
                CodecId::H264 => {
                    ("h264_demux", file(AnnexbMuxer::h264(), &streams[number..][..1], &of(number)))
                }
                _ => ("adts_demux", file(AdtsMuxer::new(), &streams[number..][..1], &of(number))),
            });
        }
        pieces.push(("mp4_demux", shortened(&clip)));
    }
    pieces.iter_mut().for_each(|(_, piece)| piece.truncate(MAX_PIECE));
    pieces
}

/// The first packets of a codec's streams.
pub(super) fn packets(codec: CodecId) -> Vec<Vec<Packet>> {
    let of_clip = |clip: Vec<u8>| {
        let (streams, packets) = begin(&clip);
        let number = streams.iter().position(|params| params.codec == codec)?;
        Some(packets.into_iter().filter(|packet| packet.stream == number).take(12).collect())
    };
    clips().into_iter().filter_map(of_clip).collect()
}

fn clips() -> Vec<Vec<u8>> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/media"));
    let folder = std::env::var_os("BROOKLET_MEDIA").map_or_else(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("no clips in {}: fuzzing starts from made inputs alone", folder.display());
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut movies: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "mp4")).collect();
    movies.sort();
    movies.into_iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

/// The first picture and sound stream that all formats hold, and their first packets.
fn begin(clip: &[u8]) -> (Vec<StreamParams>, Vec<Packet>) {
    let source = Source { seekable: true, length: Some(clip.len() as u64) };
    let reading = reading::read(Mp4Demuxer::new(source), clip, Serving { source, ..Serving::PIPE });
    let (mut streams, mut numbers, mut count) = (Vec::<StreamParams>::new(), Vec::new(), 0);
    for event in &reading.events {
        if let DemuxEvent::StreamAdded(params) = event {
            let is_wanted = matches!(params.codec, CodecId::H264 | CodecId::Aac);
            if is_wanted && !streams.iter().any(|known| known.codec == params.codec) {
                numbers.push(count);
                streams.push(params.clone());
            }
            count += 1;
        }
    }
    let mut left = MAX_PIECE;
    let packet = |packet: &Packet| {
        let stream = numbers.iter().position(|number| *number == packet.stream)?;
        Some(Packet { stream, ..packet.clone() })
    };
    let fits = |packet: &Packet| {
        let fits = packet.data.len() <= left;
        left = left.saturating_sub(packet.data.len());
        fits
    };
    let packets = reading.packets().filter_map(packet).take_while(fits).collect();
    (streams, packets)
}

/// A movie with the start of its media only.
fn shortened(clip: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), clip);
    while let Some(([a, b, c, d, kind @ ..], _)) = rest.split_first_chunk::<8>() {
        let size = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (whole, after) = rest.split_at(size.clamp(8, rest.len()));
        let kept = if kind == b"mdat" { &whole[..whole.len().min(MAX_MEDIA)] } else { whole };
        out.extend_from_slice(&(kept.len() as u32).to_be_bytes());
        out.extend_from_slice(&kept[4..]);
        rest = after;
    }
    out
}
