//! Which stream goes where, and what is done to it: ffmpeg's choices.

use brooklet_codec::{EncoderInfo, EncoderInput, find_encoder};
use brooklet_media::{CodecId, MediaKind, StreamParams};

use super::spec::{CodecChoice, Map, OutputSpec, Specifier};
use crate::output::{Holds, default_codec};
use crate::{Error, Result};

/// The streams of all inputs, by input and number.
pub(super) type Streams<'a> = [&'a [StreamParams]];

/// One stream of an output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    /// Number of the input.
    pub(super) input: usize,
    /// Number of the stream in it.
    pub(super) stream: usize,
    pub(super) kind: MediaKind,
    pub(super) action: Action,
    /// The library of ffmpeg's that was named and that ours stands in for.
    pub(super) in_place_of: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    Copy,
    Encode(&'static EncoderInfo),
    /// Frames go to a device as they are.
    Present,
}

/// The streams of an output, in the order of their numbers there.
pub(super) fn choose(spec: &OutputSpec, holds: Holds, streams: &Streams<'_>) -> Result<Vec<Chosen>> {
    let pairs = if spec.maps.is_empty() { best(spec, holds, streams) } else { mapped(spec, streams)? };
    let mut chosen = Vec::new();
    for (input, stream) in pairs {
        let kind = streams[input][stream].media();
        let disabled = match kind {
            MediaKind::Video => spec.video.disabled,
            MediaKind::Audio => spec.audio.disabled,
            MediaKind::Other => true,
        };
        if !disabled {
            let (action, in_place_of) = action(spec, holds, kind)?;
            chosen.push(Chosen { input, stream, kind, action, in_place_of });
        }
    }
    if chosen.is_empty() {
        let what = "no stream for it: its options or its format leave nothing to write";
        return Err(Error::Usage(format!("{}: {what}", spec.url)));
    }
    if let (Holds::Frames(device), true) = (holds, chosen.len() > 1) {
        let what = format!("a {} takes one stream; -map chooses it", device.name);
        return Err(Error::Usage(format!("{}: {what}", spec.url)));
    }
    Ok(chosen)
}

/// Without `-map`: the largest picture and the sound with most channels of all inputs, the first of equals, those
/// marked as default first; each where the format has a place for its kind.
fn best(spec: &OutputSpec, holds: Holds, streams: &Streams<'_>) -> Vec<(usize, usize)> {
    let all = || {
        streams.iter().enumerate().flat_map(|(input, streams)| {
            streams.iter().enumerate().map(move |(number, stream)| ((input, number), stream))
        })
    };
    let takes = |kind, choice: &CodecChoice| match choice {
        CodecChoice::Named(_) if matches!(holds, Holds::Packets(_)) => true,
        CodecChoice::Copy => holds.takes_copy(kind),
        CodecChoice::Named(_) | CodecChoice::Default => holds.takes(kind),
    };
    // `max_by_key` gives the last of equals, so the order is turned round.
    let mut reversed: Vec<_> = all().collect();
    reversed.reverse();
    let mut pairs = Vec::new();
    if takes(MediaKind::Video, &spec.video.codec) {
        let size = |stream: &StreamParams| {
            let video = stream.as_video()?;
            Some((stream.default, u64::from(video.width) * u64::from(video.height)))
        };
        let videos = reversed.iter().filter_map(|(at, stream)| Some((*at, size(stream)?)));
        pairs.extend(videos.max_by_key(|(_, size)| *size).map(|(at, _)| at));
    }
    if takes(MediaKind::Audio, &spec.audio.codec) {
        let size = |stream: &StreamParams| Some((stream.default, stream.as_audio()?.layout.channels()));
        let sounds = reversed.iter().filter_map(|(at, stream)| Some((*at, size(stream)?)));
        pairs.extend(sounds.max_by_key(|(_, size)| *size).map(|(at, _)| at));
    }
    pairs
}

fn mapped(spec: &OutputSpec, streams: &Streams<'_>) -> Result<Vec<(usize, usize)>> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for map in &spec.maps {
        let input = streams.get(map.input).ok_or_else(|| {
            Error::Usage(format!("-map {}: there is no input {}; the first is 0", map.input, map.input))
        })?;
        let matching = matching(map, input);
        if map.negative {
            pairs.retain(|(input, stream)| *input != map.input || !matching.contains(stream));
        } else if matching.is_empty() && !map.optional {
            let what = "matches no stream of that input; a ? behind it makes that no error";
            return Err(Error::Usage(format!("-map {}:{}: {what}", map.input, describe(map.streams))));
        } else {
            pairs.extend(matching.into_iter().map(|stream| (map.input, stream)));
        }
    }
    Ok(pairs)
}

fn matching(map: &Map, streams: &[StreamParams]) -> Vec<usize> {
    let of_kind = |kind: MediaKind, which: Option<usize>| -> Vec<usize> {
        let numbers = streams.iter().enumerate().filter(|(_, stream)| stream.media() == kind);
        let numbers: Vec<_> = numbers.map(|(number, _)| number).collect();
        match which {
            None => numbers,
            Some(which) => numbers.get(which).copied().into_iter().collect(),
        }
    };
    match map.streams {
        Specifier::All => (0..streams.len()).collect(),
        Specifier::Video(which) => of_kind(MediaKind::Video, which),
        Specifier::Audio(which) => of_kind(MediaKind::Audio, which),
        Specifier::Other(which) => of_kind(MediaKind::Other, which),
        Specifier::Index(number) => (number..streams.len()).take(1).collect(),
    }
}

fn describe(specifier: Specifier) -> String {
    let numbered =
        |letter: char, which: Option<usize>| which.map_or(letter.to_string(), |n| format!("{letter}:{n}"));
    match specifier {
        Specifier::All => String::new(),
        Specifier::Video(which) => numbered('v', which),
        Specifier::Audio(which) => numbered('a', which),
        Specifier::Other(which) => numbered('s', which),
        Specifier::Index(number) => number.to_string(),
    }
}

/// What is done to a stream of this kind, and the library of ffmpeg's that ours stands in for.
pub(crate) fn action(
    spec: &OutputSpec,
    holds: Holds,
    kind: MediaKind,
) -> Result<(Action, Option<&'static str>)> {
    let choice = if kind == MediaKind::Video { &spec.video.codec } else { &spec.audio.codec };
    let info = match holds {
        Holds::Packets(info) => info,
        Holds::Frames(_) => return present(spec, holds, kind, choice).map(|action| (action, None)),
    };
    let name = match choice {
        CodecChoice::Copy => return Ok((Action::Copy, None)),
        CodecChoice::Named(name) => name.as_str(),
        CodecChoice::Default => default_codec(info, kind)
            .ok_or_else(|| Error::Usage(format!("{}: {} holds no {}", spec.url, info.name(), kind.name())))?,
    };
    let found = find_encoder(name).map_err(|source| Error::Encode { source })?;
    let right_kind = match found.info.input {
        EncoderInput::Video { .. } => kind == MediaKind::Video,
        EncoderInput::Audio { .. } => kind == MediaKind::Audio,
    };
    if !right_kind {
        return Err(Error::Usage(format!("{}: encoder '{name}' is not one of {}", spec.url, kind.name())));
    }
    Ok((Action::Encode(found.info), found.in_place_of))
}

/// A device takes frames of one kind; the codecs that hold nothing else may be named, as ffmpeg has them named.
fn present(spec: &OutputSpec, holds: Holds, kind: MediaKind, choice: &CodecChoice) -> Result<Action> {
    if !holds.takes(kind) {
        return Err(Error::Usage(format!("{}: a {} plays no {}", spec.url, holds.name(), kind.name())));
    }
    let is_raw = |name: &str| name == CodecId::RawVideo.name() || name.starts_with("pcm_");
    match choice {
        CodecChoice::Named(name) if !is_raw(name) => {
            let what = format!("a {} takes what is not coded; leave {name} out", holds.name());
            Err(Error::Usage(format!("{}: {what}", spec.url)))
        }
        CodecChoice::Copy => {
            let what = format!("a {} takes what is decoded; leave copy out", holds.name());
            Err(Error::Usage(format!("{}: {what}", spec.url)))
        }
        CodecChoice::Named(_) | CodecChoice::Default => Ok(Action::Present),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{AudioParams, ChannelLayout, CodecId, StreamKind, TimeBase, VideoParams};

    /// The six streams of NASA's clip: two pictures, two sounds, two texts.
    fn nasa() -> Vec<StreamParams> {
        let video = |width, height| {
            StreamParams::video(CodecId::H264, TimeBase::MPEG, VideoParams::new(width, height))
        };
        let audio = |rate| {
            StreamParams::audio(
                CodecId::Aac,
                TimeBase::hz(rate),
                AudioParams::new(rate, ChannelLayout::Stereo),
            )
        };
        let text = || StreamParams::new(CodecId::MovText, TimeBase::MPEG, StreamKind::Other);
        vec![video(320, 180), audio(8_000), text(), video(480, 270), audio(16_000), text()]
    }

    fn chosen(spec: &OutputSpec) -> Result<Vec<(usize, usize)>> {
        let info = brooklet_format::muxer("mpegts").map_err(|error| Error::Usage(error.to_string()))?;
        let streams = nasa();
        Ok(choose(spec, Holds::Packets(info), &[&streams])?
            .iter()
            .map(|chosen| (chosen.input, chosen.stream))
            .collect())
    }

    #[test]
    fn the_largest_picture_and_the_first_of_equal_sounds() {
        assert_eq!(chosen(&OutputSpec::default()).ok(), Some(vec![(0, 3), (0, 1)]));
    }

    #[test]
    fn what_is_copied_is_what_the_format_has_a_place_for() {
        let copied = |format: &str| {
            let mut spec = OutputSpec::default();
            (spec.video.codec, spec.audio.codec) = (CodecChoice::Copy, CodecChoice::Copy);
            let holds = Holds::Packets(brooklet_format::muxer(format).unwrap());
            let chosen = choose(&spec, holds, &[&nasa()]).unwrap();
            chosen.iter().map(|chosen| chosen.stream).collect::<Vec<_>>()
        };
        assert_eq!(["adts", "h264", "hevc", "flv"].map(copied), [vec![1], vec![3], vec![3], vec![3, 1]]);
    }

    #[test]
    fn maps_add_and_take_away_in_order() {
        let map = |streams, negative| Map { input: 0, streams, optional: false, negative };
        let maps = vec![map(Specifier::All, false), map(Specifier::Video(Some(0)), true)];
        let copy = CodecChoice::Copy;
        let mut spec = OutputSpec { maps, ..OutputSpec::default() };
        (spec.video.codec, spec.audio.codec) = (copy.clone(), copy);
        assert_eq!(chosen(&spec).ok(), Some(vec![(0, 1), (0, 3), (0, 4)]));
        spec.maps = vec![map(Specifier::Audio(Some(2)), false)];
        assert!(chosen(&spec).is_err_and(|error| error.to_string().contains("-map 0:a:2")));
        spec.maps[0].optional = true;
        assert!(chosen(&spec).is_err_and(|error| error.to_string().contains("no stream for it")));
    }
}
