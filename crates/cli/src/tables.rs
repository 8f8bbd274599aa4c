//! `-formats`, `-codecs` and the like: what there is, in ffmpeg's columns.

use std::collections::BTreeMap;

use brooklet::filters::{AudioFilters, VideoFilters};
use brooklet::{INPUT_DEVICES, InputDevice, OUTPUT_DEVICES, OutputDevice};
use brooklet_codec::{DECODERS, DecoderInfo, ENCODERS, EncoderInfo, stand_ins};
use brooklet_format::{DEMUXERS, MUXERS};
use brooklet_media::{ChannelLayout, CodecId, MediaKind, PcmFormat, PixelFormat, SampleFormat};

use crate::command::Table;

/// What each filter does.
const FILTERS: [(&str, &str); 18] = [
    ("acopy", "nothing"),
    ("aformat", "another sample format, rate or layout: aformat=s16:48000"),
    ("anull", "nothing"),
    ("aresample", "another sample rate: aresample=48000"),
    ("asetnsamples", "so many samples in each frame: asetnsamples=1024"),
    ("copy", "nothing"),
    ("crop", "a part of the picture: crop=w:h:x:y"),
    ("format", "another pixel format: format=yuv420p"),
    ("fps", "another frame rate, pictures duplicated or dropped: fps=25"),
    ("hflip", "left becomes right"),
    ("hue", "without colour: hue=s=0"),
    ("null", "nothing"),
    ("scale", "another size: scale=640:-2"),
    ("setdar", "another shape of the whole picture: setdar=16/9"),
    ("setpts", "other timestamps: setpts=PTS-STARTPTS"),
    ("setsar", "another shape of samples: setsar=1"),
    ("vflip", "top becomes bottom"),
    ("volume", "louder or quieter: volume=0.5"),
];

/// The channels of the layouts that have a name.
const LAYOUTS: [(ChannelLayout, &str); 7] = [
    (ChannelLayout::Mono, "FC"),
    (ChannelLayout::Stereo, "FL+FR"),
    (ChannelLayout::Surround, "FL+FR+FC"),
    (ChannelLayout::FourZero, "FL+FR+FC+BC"),
    (ChannelLayout::FiveZero, "FL+FR+FC+SL+SR"),
    (ChannelLayout::FiveOne, "FL+FR+FC+LFE+SL+SR"),
    (ChannelLayout::SevenOne, "FL+FR+FC+LFE+BL+BR+SL+SR"),
];

/// A whole table, with its head.
pub(crate) fn text(table: Table) -> String {
    match table {
        Table::Formats => formats("File formats:", true, true),
        Table::Demuxers => formats("File formats:", true, false),
        Table::Muxers => formats("File formats:", false, true),
        Table::Devices => devices(),
        Table::Codecs => codecs(),
        Table::Decoders => {
            let row = |info: &DecoderInfo| (info.name, info.codec, info.description.to_string());
            coders("Decoders:", DECODERS.iter().map(row))
        }
        Table::Encoders => {
            let own = ENCODERS.iter().map(|info| (info.name, info.codec, info.description.to_string()));
            let others = stand_ins().map(|(name, info)| (name, info.codec, in_its_place(info)));
            coders("Encoders:", own.chain(others))
        }
        // Programs that look for one there find none, and do without.
        Table::BitstreamFilters => "Bitstream filters:\n".into(),
        Table::Accelerations => "Hardware acceleration methods:\n".into(),
        Table::Protocols => protocols(),
        Table::Filters => filters(),
        Table::PixelFormats => pixel_formats(),
        Table::SampleFormats => sample_formats(),
        Table::Layouts => layouts(),
    }
}

/// Names that `-f` takes.
pub(crate) fn format_names() -> Vec<&'static str> {
    let inputs = DEMUXERS.iter().flat_map(|info| info.names.split(','));
    let devices = INPUT_DEVICES.iter().flat_map(InputDevice::names);
    let devices = devices.chain(OUTPUT_DEVICES.iter().flat_map(OutputDevice::names));
    let mut names: Vec<_> = inputs.chain(MUXERS.iter().map(|info| info.name)).chain(devices).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Names that `-c` takes.
pub(crate) fn codec_names() -> Vec<&'static str> {
    let mut names: Vec<_> =
        ENCODERS.iter().map(|info| info.name).chain(DECODERS.iter().map(|info| info.name)).collect();
    names.push("copy");
    names.sort_unstable();
    names.dedup();
    names
}

fn formats(head: &str, demux: bool, mux: bool) -> String {
    let mut rows: BTreeMap<&str, (bool, bool, &str)> = BTreeMap::new();
    for info in DEMUXERS.iter().filter(|info| demux && !info.is_generated()) {
        rows.entry(info.names).or_insert((false, false, info.description)).0 = true;
    }
    for info in MUXERS.iter().filter(|_| mux) {
        rows.entry(info.name).or_insert((false, false, info.description)).1 = true;
    }
    directions(
        head,
        rows.into_iter().map(|(name, (read, write, description))| (name, read, write, description)),
    )
}

fn devices() -> String {
    let generated = DEMUXERS.iter().filter(|info| info.is_generated());
    let inputs = generated.map(|info| (info.names.to_string(), true, false, info.description));
    let listed = |names: &mut dyn Iterator<Item = &'static str>| names.collect::<Vec<_>>().join(",");
    let captured =
        INPUT_DEVICES.iter().map(|device| (listed(&mut device.names()), true, false, device.description));
    let outputs =
        OUTPUT_DEVICES.iter().map(|device| (listed(&mut device.names()), false, true, device.description));
    let mut rows: Vec<_> = inputs.chain(captured).chain(outputs).collect();
    rows.sort_unstable();
    directions("Devices:", rows.iter().map(|(name, read, write, what)| (name.as_str(), *read, *write, *what)))
}

fn directions<'a>(head: &str, rows: impl Iterator<Item = (&'a str, bool, bool, &'a str)>) -> String {
    let mut text = format!("{head}\n D. = Demuxing supported\n .E = Muxing supported\n --\n");
    for (name, read, write, description) in rows {
        text += &format!(" {}{} {name:15} {description}\n", mark(read, 'D', ' '), mark(write, 'E', ' '));
    }
    text
}

fn codecs() -> String {
    let mut text = String::from(
        "Codecs:\n D..... = Decoding supported\n .E.... = Encoding supported\n ..V... = Video codec\n \
         ..A... = Audio codec\n ..S... = Subtitle codec\n ...I.. = Intra frame-only codec\n \
         ....L. = Lossy compression\n .....S = Lossless compression\n -------\n",
    );
    let mut rows: Vec<(&str, String)> = all_codecs().map(|codec| (codec.name(), codec_row(codec))).collect();
    rows.sort_unstable();
    rows.into_iter().for_each(|(_, row)| text += &row);
    text
}

fn codec_row(codec: CodecId) -> String {
    let decoder = DECODERS.iter().find(|info| info.codec == codec);
    let encoder = ENCODERS.iter().find(|info| info.codec == codec);
    let description = decoder.map(|info| info.description).or(encoder.map(|info| info.description));
    let uncompressed = matches!(codec, CodecId::RawVideo | CodecId::Pcm(_));
    let intra = uncompressed || matches!(codec, CodecId::Mjpeg);
    let lossless = codec == CodecId::Flac
        || uncompressed && !matches!(codec, CodecId::Pcm(PcmFormat::Alaw | PcmFormat::Mulaw));
    format!(
        " {}{}{}{}{}{} {:20} {}\n",
        mark(decoder.is_some(), 'D', '.'),
        mark(encoder.is_some(), 'E', '.'),
        kind_letter(kind(codec)),
        mark(intra, 'I', '.'),
        mark(!lossless && codec != CodecId::MovText, 'L', '.'),
        mark(lossless, 'S', '.'),
        codec.name(),
        description.unwrap_or("copied from one container to another (-c copy)"),
    )
}

/// What scripts that look for a library find.
fn in_its_place(info: &EncoderInfo) -> String {
    format!("{}: our own in its place (codec {})", info.description, info.codec)
}

fn coders(head: &str, rows: impl Iterator<Item = (&'static str, CodecId, String)>) -> String {
    let mut text = format!("{head}\n V..... = Video\n A..... = Audio\n S..... = Subtitle\n ------\n");
    for (name, codec, description) in rows {
        text += &format!(" {}..... {name:20} {description}\n", kind_letter(kind(codec)));
    }
    text
}

fn protocols() -> String {
    let schemes = brooklet::protocol::schemes();
    let list = |wanted: fn(&(&str, bool, bool)) -> bool| -> String {
        schemes.iter().filter(|row| wanted(row)).map(|(name, ..)| format!("  {name}\n")).collect()
    };
    let (inputs, outputs) = (list(|(_, input, _)| *input), list(|(.., output)| *output));
    format!("Supported file protocols:\nInput:\n{inputs}Output:\n{outputs}")
}

fn filters() -> String {
    let mut text = String::from("Filters:\n  A = Audio input/output\n  V = Video input/output\n");
    let sound = AudioFilters::names().iter().map(|name| (*name, "A->A"));
    let pictures = VideoFilters::names().iter().map(|name| (*name, "V->V"));
    // By name, as ffmpeg lists them.
    for (name, kind) in sound.chain(pictures).collect::<BTreeMap<_, _>>() {
        text += &format!(" ... {name:17} {kind:10} {}\n", filter_in_words(name));
    }
    text
}

fn filter_in_words(name: &str) -> &'static str {
    FILTERS.iter().find(|(known, _)| *known == name).map_or("", |(_, words)| words)
}

fn pixel_formats() -> String {
    let mut text = String::from(
        "Pixel formats:\nI.... = Supported Input  format for conversion\n.O... = Supported Output format for conversion\n\
         FLAGS NAME            NB_COMPONENTS BITS_PER_PIXEL BIT_DEPTHS\n-----\n",
    );
    for format in PixelFormat::ALL {
        let depth = if matches!(format, PixelFormat::Yuv420p10 | PixelFormat::Yuv422p10) { 10 } else { 8 };
        let depths = vec![depth.to_string(); format.components() as usize].join("-");
        // Ten bits are stored in sixteen, which are not counted here.
        let bits = format.bits_per_pixel() * depth / if depth == 10 { 16 } else { 8 };
        text += &format!("IO... {:22} {} {bits:14}      {depths}\n", format.name(), format.components());
    }
    text
}

fn sample_formats() -> String {
    let mut text = String::from("name   depth\n");
    for format in SampleFormat::ALL {
        text += &format!("{:8} {:3} \n", format.name(), format.bytes() * 8);
    }
    text
}

fn layouts() -> String {
    let mut text = String::from("Standard channel layouts:\nNAME           DECOMPOSITION\n");
    for (layout, channels) in LAYOUTS {
        text += &format!("{:14} {channels}\n", layout.to_string());
    }
    text
}

/// Those that have a name; what has neither decoder nor encoder can be copied.
fn all_codecs() -> impl Iterator<Item = CodecId> {
    use CodecId::*;
    let compressed = [
        H264, Hevc, Av1, Vp8, Vp9, Mpeg2Video, Mpeg4, Mjpeg, RawVideo, Aac, Mp3, Mp2, Opus, G722, Flac, Ac3,
        Eac3, Vorbis, MovText,
    ];
    compressed.into_iter().chain(PcmFormat::ALL.map(Pcm))
}

fn kind(codec: CodecId) -> MediaKind {
    use CodecId::*;
    match codec {
        H264 | Hevc | Av1 | Vp8 | Vp9 | Mpeg2Video | Mpeg4 | Mjpeg | RawVideo => MediaKind::Video,
        MovText | Unknown(_) => MediaKind::Other,
        _ => MediaKind::Audio,
    }
}

fn kind_letter(kind: MediaKind) -> char {
    match kind {
        MediaKind::Video => 'V',
        MediaKind::Audio => 'A',
        MediaKind::Other => 'S',
    }
}

fn mark(yes: bool, letter: char, otherwise: char) -> char {
    if yes { letter } else { otherwise }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_ffmpeg() {
        assert!(
            text(Table::PixelFormats)
                .contains("\nIO... yuv420p                3             12      8-8-8\n")
        );
        assert!(
            text(Table::PixelFormats)
                .contains("\nIO... yuv420p10le            3             15      10-10-10\n")
        );
        assert!(text(Table::SampleFormats).contains("\nflt       32 \n"));
        assert!(text(Table::Codecs).contains("\n DEV.L. h264                 H.264"));
        assert!(text(Table::Codecs).contains("\n ..V.L. hevc                 "));
        assert!(text(Table::Encoders).contains("\n A..... pcm_s16le            PCM"));
        assert!(text(Table::Encoders).contains("\n V..... libx264              H.264"));
        assert!(text(Table::Encoders).contains("(codec h264)\n") && !text(Table::Encoders).contains("nvenc"));
        assert!(text(Table::Formats).contains("\n DE flv             FLV"));
        assert!(text(Table::Devices).contains("\n D  lavfi           "));
        assert!(text(Table::Protocols).contains("Output:\n  file\n"));
    }

    #[cfg(feature = "full")]
    #[test]
    fn the_whole_program_decodes_what_it_says() {
        let names: Vec<_> = DECODERS.iter().map(|info| info.name).collect();
        for name in [
            "h264",
            "mjpeg",
            "vp9",
            "av1",
            "rawvideo",
            "aac",
            "mp3",
            "mp2",
            "opus",
            "g722",
            "flac",
            "vorbis",
            "pcm_s16le",
        ] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
    }

    #[test]
    fn filters_are_those_that_there_are() {
        let names: Vec<_> = AudioFilters::names().iter().chain(VideoFilters::names()).collect();
        let table = text(Table::Filters);
        for name in &names {
            assert!(table.contains(&format!(" ... {name} ")), "{name}");
            assert!(!filter_in_words(name).is_empty(), "{name} has no words");
        }
        assert!(FILTERS.iter().all(|(name, _)| names.contains(&name)), "one that there is not");
    }

    #[test]
    fn every_table_has_rows() {
        use Table::*;
        for table in [Formats, Demuxers, Muxers, Codecs, Decoders, Encoders, Protocols, Filters, Layouts] {
            assert!(text(table).lines().count() > 6, "{table:?}");
        }
        assert!(codec_names().contains(&"copy") && format_names().contains(&"flv"));
    }

    #[test]
    fn every_decoder_and_encoder_is_among_the_codecs() {
        let codecs: Vec<_> = all_codecs().collect();
        assert!(DECODERS.iter().all(|info| codecs.contains(&info.codec)));
        assert!(ENCODERS.iter().all(|info| codecs.contains(&info.codec)));
    }
}
