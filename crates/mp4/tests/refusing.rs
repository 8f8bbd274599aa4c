//! Damage: an error in clear words, or what there is; never a panic, never without end.

mod common;

use std::sync::LazyLock;

use common::{Kind, Layout, Track, boxed, drive, open, read, read_pipe, write};
use proptest::prelude::*;

fn tracks() -> [Track; 3] {
    let mut tracks = [
        Track::new(Kind::Video, 12_800, 120, 512, 12),
        Track::new(Kind::Aac, 48_000, 200, 1_024, 1),
        Track::new(Kind::Pcm, 8_000, 9_000, 1, 1),
    ];
    tracks[0]
        .samples
        .iter_mut()
        .zip([1_024, 2_048, 512, 512].iter().cycle())
        .for_each(|(s, offset)| s.offset = *offset);
    tracks[0].edits = vec![(4_000, 1_024)];
    tracks[1].edits = vec![(100, -1), (4_000, 1_024)];
    tracks
}

static FILES: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let layouts = [
        Layout::PLAIN,
        Layout { moov_first: false, wide: true, group: 30, ..Layout::PLAIN },
        Layout { group: 30, ..Layout::FRAGMENTED },
    ];
    layouts.map(|layout| write(&tracks(), layout))
});

/// Reads it all, in both ways, and seeks about; what comes of it is of no interest.
fn survive(file: &[u8]) {
    let mut demuxer = open(file);
    let _ = drive(&mut demuxer, file, 4_000, false);
    for (stream, pts) in [(0, 30_000), (1, -5), (2, i64::MAX), (7, 0), (0, i64::MIN)] {
        use brooklet_media::Demuxer as _;
        let _ = demuxer.seek(stream, pts);
        let _ = drive(&mut demuxer, file, 4_000, false);
    }
    let _ = read_pipe(file);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn truncated(which in 0usize..3, at in 0.0f64..1.0) {
        let file = &FILES[which];
        survive(&file[..(file.len() as f64 * at) as usize]);
    }

    #[test]
    fn flipped_bits(which in 0usize..3, flips in prop::collection::vec((0.0f64..1.0, 0u8..8), 1..30)) {
        let mut file = FILES[which].clone();
        for (at, bit) in flips {
            let at = (file.len() as f64 * at) as usize;
            file[at] ^= 1 << bit;
        }
        survive(&file);
    }

    #[test]
    fn forged_numbers(
        which in 0usize..3,
        forged in prop::collection::vec((0usize..4_000, prop::sample::select(vec![0u32, 1, 7, 8, 0x7FFF_FFFF, 0x8000_0000, u32::MAX])), 1..6),
    ) {
        // The tables of the moov, or the end where it stands last, are where numbers are dangerous.
        let mut file = FILES[which].clone();
        for (at, number) in forged {
            let at = if which == 1 { file.len() - 4 - at % (file.len() - 4) } else { at };
            file[at..at + 4].copy_from_slice(&number.to_be_bytes());
        }
        survive(&file);
    }

    #[test]
    fn noise(noise in prop::collection::vec(any::<u8>(), 0..3_000)) {
        survive(&noise);
    }
}

#[test]
fn four_billion_samples_of_one_byte_end_with_the_file() {
    // A single chunk that claims u32::MAX samples, each of 1 byte by the common size.
    let mut track = Track::new(Kind::Aac, 48_000, 4, 1_024, 1);
    track.samples.iter_mut().for_each(|sample| sample.data = vec![1]);
    let mut file = write(&[track], Layout::PLAIN);
    let forged = [(b"stsz", 4, 1), (b"stsz", 8, u32::MAX), (b"stsc", 12, u32::MAX)];
    for (kind, after_header, number) in forged {
        let at = file.windows(4).position(|found| found == kind).unwrap() + 4 + after_header;
        file[at..at + 4].copy_from_slice(&number.to_be_bytes());
    }
    let contents = read(&file).unwrap();
    assert_eq!(contents.packets.len(), 4, "the mdat is the last box and has four bytes");
    assert_eq!(read_pipe(&file).unwrap().packets.len(), 4);
}

#[test]
fn a_truncated_mdat_gives_what_is_there() {
    let file = write(&[Track::new(Kind::Aac, 48_000, 20, 1_024, 1)], Layout::PLAIN);
    let cut = &file[..file.len() - 30];
    let (whole, part) = (read(&file).unwrap().packets, read(cut).unwrap().packets);
    assert_eq!(part, whole[..16]);
    assert_eq!(read_pipe(cut).unwrap().packets, part);
}

#[test]
fn encryption_is_refused_by_name() {
    let mut file = write(&[Track::new(Kind::Video, 1_000, 4, 40, 1)], Layout::PLAIN);
    let at = file.windows(4).position(|kind| kind == b"avc1").unwrap();
    file[at..at + 4].copy_from_slice(b"encv");
    let error = read(&file).unwrap_err().to_string();
    assert_eq!(
        error,
        "encrypted mp4 (a track is 'encv': DRM) is not supported; supported: files without encryption"
    );
}

#[test]
fn clear_words_for_files_that_have_no_moov() {
    let said = |file: &[u8]| (read(file).unwrap_err().to_string(), read_pipe(file).unwrap_err().to_string());
    let none = "mp4: the input ends at byte 24, before its moov box".to_owned();
    assert_eq!(said(&boxed(b"ftyp", &[b"isom\0\0\x02\0isom\0\0\0\0"])), (none.clone(), none));
    let text = "mp4: no box starts the input (its type would be 'ey.r') at byte 0".to_owned();
    assert_eq!(said(b"Monkey\nrides a horse"), (text.clone(), text));
    let file = write(&[Track::new(Kind::Video, 1_000, 4, 40, 1)], Layout::PLAIN);
    let cut = "mp4: the input ends at byte 100, inside its moov box, which starts at byte 20".to_owned();
    assert_eq!(said(&file[..100]), (cut.clone(), cut));
}

#[test]
fn a_pipe_with_too_much_media_before_the_moov_says_what_to_do() {
    let head =
        [&boxed(b"ftyp", &[b"isom\0\0\x02\0isom"])[..], &(65u32 << 20).to_be_bytes(), b"mdat"].concat();
    let error = read_pipe(&head).unwrap_err().to_string();
    assert!(
        error.contains("moov box stands at the end") && error.contains("-movflags +faststart"),
        "{error}"
    );
}
