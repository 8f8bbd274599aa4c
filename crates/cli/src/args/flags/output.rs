//! Options of outputs as a whole.

use brooklet::job::Listen;
use brooklet_media::MediaKind;

use crate::args::draft::OutputDraft;
use crate::args::flag::{Choices, Flag, Outcome, Streams};
use crate::args::given::Given;
use crate::args::specifier;

/// What `-flvflags` may name.
const FLV_FLAGS: [&str; 5] =
    ["aac_seq_header_detect", "no_sequence_end", "no_metadata", "no_duration_filesize", "add_keyframe_index"];

/// What `-movflags` may name. Some ask for what is done in any case (defaults relative to the fragment, a header that waits until it is
/// known where streams begin), or for boxes that tell what the streams tell themselves.
const MOV_FLAGS: [&str; 22] = [
    "faststart",
    "frag_keyframe",
    "frag_every_frame",
    "empty_moov",
    "default_base_moof",
    "delay_moov",
    "omit_tfhd_offset",
    "skip_trailer",
    "cmaf",
    "dash",
    "hybrid_fragmented",
    "separate_moof",
    "frag_discont",
    "global_sidx",
    "skip_sidx",
    "disable_chpl",
    "use_metadata_tags",
    "negative_cts_offsets",
    "prefer_icc",
    "write_colr",
    "write_gama",
    "write_tmcd",
];

pub(super) const FLAGS: &[Flag] = &[
    Flag::output("map", |output, given| {
        if given.value.starts_with('[') {
            return Err(
                given.refuse("labels belong to -filter_complex, which is not supported; use -map 0:v")
            );
        }
        let map = specifier::map(&given.value);
        output.spec.maps.push(given.read(map, "a map ([-]INPUT[:v|:a|:s|:N][:N][?], as 0:v or 0:a:1?)")?);
        Ok(())
    })
    .value("[-]INPUT[:STREAM][?]")
    .common()
    .help("which streams: 0, 0:v, 1:a:0, 0:a:1? (no error where it is not there), -0:s (not these)")
    .details("Without -map an output has the best video and the best audio stream of all inputs."),
    Flag::output("b", bit_rate)
        .alias(&["bit_rate"])
        .short(&[("vb", "v"), ("ab", "a")])
        .value("RATE")
        .streams(Streams::Any)
        .common()
        .help("bits in a second: -b:v 2M, -b:a 128k")
        .details("Plain -b is for pictures, as in ffmpeg. 0 leaves it to the encoder."),
    Flag::output("frames", |output, given| {
        let frames = given.positive()?;
        if given.is_for(MediaKind::Video) {
            output.spec.video.frames = Some(frames);
        }
        if given.is_for(MediaKind::Audio) {
            output.spec.audio.frames = Some(frames);
        }
        Ok(())
    })
    .short(&[("vframes", "v"), ("aframes", "a")])
    .value("N")
    .streams(Streams::Any)
    .help("end after so many pictures (:v), or packets of sound (:a)"),
    Flag::output("filter", |output, given| {
        match (given.is_for(MediaKind::Video), given.is_for(MediaKind::Audio)) {
            (true, false) => output.spec.video.filters = Some(given.value.clone()),
            (false, true) => output.spec.audio.filters = Some(given.value.clone()),
            _ => return Err(given.refuse("say which: -filter:v (-vf) or -filter:a (-af)")),
        }
        Ok(())
    })
    .short(&[("vf", "v"), ("af", "a")])
    .value("FILTERS")
    .streams(Streams::Any)
    .common()
    .help("-vf: scale, fps, format, crop, hflip, vflip, hue=s=0; -af: aresample, volume")
    .details("Filters are separated by commas, their values by colons: -vf scale=640:-2,fps=25."),
    Flag::output("shortest", |output, given| {
        output.spec.shortest = given.on;
        Ok(())
    })
    .switch()
    .common()
    .help("end with the first stream that ends"),
    Flag::output("metadata", metadata)
        .value("KEY=VALUE")
        .streams(Streams::Unread)
        .help("a tag of the file: -metadata title=News"),
    Flag::output("map_metadata", |output, given| {
        match given.value.as_str() {
            "-1" => output.spec.no_input_metadata = true,
            "0" | "0:g" => output.spec.no_input_metadata = false,
            _ => output.notes.push(format!("-{} has no effect: tags are those of the first input, or with -1 of none", given.spelled)),
        }
        Ok(())
    })
    .value("-1|0")
    .streams(Streams::Unread)
    .help("-1: none of the input's tags are carried over; -metadata title= takes away one"),
    Flag::output("listen", |output, given| {
        output.spec.listen = match given.value.as_str() {
            "0" => Listen::No,
            "1" => Listen::One,
            _ => return Err(given.refuse("known: 1 (wait for a viewer), 0 (connect)")),
        };
        Ok(())
    })
    .alias(&["rtmp_listen"])
    .value("0|1")
    .choices(Choices::Words(&["0", "1"]))
    .common()
    .help("1: wait for a viewer, then play to it; http:// is for any number of listeners")
    .details(
        "-timeout says how long to wait for the viewer. Listeners of http:// come and go while the job runs.",
    ),
    Flag::output("muxrate", |output, given| {
        output.spec.muxrate = given.bit_rate()?;
        Ok(())
    })
    .value("RATE")
    .help("bits in a second of an MPEG-TS of constant rate, padded with null packets"),
    Flag::output("movflags", mov_flags)
        .value("FLAGS")
        .choices(Choices::Words(&MOV_FLAGS))
        .common()
        .help("how to lay out MP4: faststart, frag_keyframe, empty_moov, … joined by +")
        .details(
            "+faststart moves the index to the front, for players that fetch the file. +frag_keyframe writes fragments, each \
             whole in itself: for pipes, and for what may break off.",
        ),
    Flag::output("frag_duration", |output, given| {
        output.spec.frag_duration = given.timeout()?;
        Ok(())
    })
    .value("TIME")
    .help("how long a fragment of MP4 is, in microseconds; 5s and 500ms are understood"),
    Flag::output("flvflags", flv_flags)
        .value("FLAGS")
        .choices(Choices::Words(&FLV_FLAGS))
        .help("how to write FLV: no_duration_filesize, add_keyframe_index, … joined by +"),
];

/// `-b` alone is for pictures: ffmpeg says so too, and warns.
fn bit_rate(output: &mut OutputDraft, given: &Given) -> Outcome {
    let rate = given.bit_rate()?;
    if given.is_for(MediaKind::Video) {
        output.spec.video.bit_rate = rate;
        if given.is_for(MediaKind::Audio) {
            output.notes.push("-b is taken for -b:v; say -b:v or -b:a".into());
        }
    } else if given.is_for(MediaKind::Audio) {
        output.spec.audio.bit_rate = rate;
    }
    Ok(())
}

fn metadata(output: &mut OutputDraft, given: &Given) -> Outcome {
    let Some((key, value)) = given.value.split_once('=').filter(|(key, _)| !key.is_empty()) else {
        return given.read(None, "KEY=VALUE");
    };
    if given.spelled.split_once(':').is_some_and(|(_, specifier)| specifier != "g") {
        output.notes.push(format!("-{} has no effect: tags are for the whole file", given.spelled));
        return Ok(());
    }
    let tags = &mut output.spec.metadata;
    // An empty one takes away what the input has.
    tags.retain(|(known, _)| known != key);
    tags.push((key.into(), value.into()));
    Ok(())
}

fn flv_flags(output: &mut OutputDraft, given: &Given) -> Outcome {
    set_flags(&mut output.spec.flv_flags, given, &FLV_FLAGS)
}

fn mov_flags(output: &mut OutputDraft, given: &Given) -> Outcome {
    set_flags(&mut output.spec.mov_flags, given, &MOV_FLAGS)
}

/// Flags joined by `+` and `-`; those without a sign before them take the place of all that were said before.
fn set_flags(flags: &mut Vec<String>, given: &Given, known: &[&str]) -> Outcome {
    if !given.value.starts_with(['+', '-']) {
        flags.clear();
    }
    for flag in given.value.split_inclusive(['+', '-']).scan('+', signed).filter(|(_, name)| !name.is_empty())
    {
        let (sign, name) = flag;
        if !known.contains(&name) {
            return Err(given.refuse(format!("unknown flag '{name}'; known: {}", known.join(", "))));
        }
        flags.retain(|flag| flag != name);
        if sign == '+' {
            flags.push(name.into());
        }
    }
    Ok(())
}

/// Pairs each name with the sign before it; `part` is a name and the sign that ends it.
fn signed<'a>(before: &mut char, part: &'a str) -> Option<(char, &'a str)> {
    let name = part.trim_end_matches(['+', '-']);
    let sign = std::mem::replace(before, part.chars().last().unwrap_or('+'));
    Some((sign, name))
}
