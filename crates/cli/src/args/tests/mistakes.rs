//! What is wrong, and what is said of it.

use super::*;

#[test]
fn an_unknown_option_is_named_with_the_nearest() {
    assert_eq!(error("-i a.mp4 -presset fast o.flv"), "unknown option -presset; did you mean -preset?");
    assert_eq!(error("-i a.mp4 -pixfmt rgb24 o.flv"), "unknown option -pixfmt; did you mean -pix_fmt?");
    assert_eq!(error("-i a.mp4 --vcodec h264 o.flv"), "unknown option --vcodec; did you mean -vcodec?");
    assert!(error("-i a.mp4 -xyzzy o.flv").contains("unknown option -xyzzy; brooklet -h full"));
    assert_eq!(error("demo -sizes 4x4"), "unknown option -sizes; did you mean -size?");
}

#[test]
fn an_option_in_the_wrong_place_says_where_it_belongs() {
    let text = error("-b:v 1M -i a.mp4 o.flv");
    assert!(text.starts_with("-b:v is an option of outputs, and stands before the input a.mp4"), "{text}");
    assert!(text.ends_with("put it after the last -i, before the output's URL"), "{text}");
    let text = error("-i a.mp4 -re o.flv");
    assert!(text.starts_with("-re is an option of inputs, and stands before the output o.flv"), "{text}");
    assert!(error("-c copy -i a.mp4 o.flv").contains("copy is for outputs"));
    assert!(error("demo -map 0").contains("-map is an option of outputs, not of brooklet demo"));
    assert!(error("-i a.mp4 -json o.flv").contains("an option of brooklet probe"));
}

#[test]
fn a_missing_value_says_so() {
    assert_eq!(error("-i a.mp4 -b:v"), "-b:v needs a value: -b:v RATE");
    let text = error("-i a.mp4 -b:v -y o.flv");
    assert_eq!(text, "-b:v needs a value: -b:v RATE (it is followed by the option -y)");
    assert!(error("-i a.mp4 -c:v -b:v 1M o.flv").contains("followed by the option -b:v"));
    assert!(error("-i").contains("-i needs a value"));
}

#[test]
fn a_wrong_value_says_what_is_right() {
    for (line, says) in [
        ("-ss soon -i a o", "-ss: 'soon' is not a time"),
        ("-i a -t -5 o", "-t: '-5' is not a time from 0 on"),
        ("-i a -s 640 o", "-s: '640' is not a picture size"),
        ("-i a -r 0 o", "-r: '0' is not a frame rate"),
        ("-i a -b:v 2m o", "-b:v: '2m' is not a bit rate"),
        ("-i a -b:v -1 o", "-b:v: '-1' is not a bit rate"),
        ("-i a -g 0 o", "-g: '0' is not a whole number from 1 on"),
        ("-i a -f rawvideo -pix_fmt yuva420p o", "-pix_fmt: pixel format 'yuva420p' is not supported"),
        ("-listen 1 -i rtmp://h/live/a o", "brooklet serve takes publishers"),
        ("-i a -pix_fmt rgb25 o", "-pix_fmt: pixel format 'rgb25' is not supported; supported: yuv420p"),
        ("-i a -ac 0 o", "-ac: '0' is not a number of channels"),
        ("-i a -ac 9999 o", "-ac: '9999' is not a whole number in range"),
        ("-i a -ar 99999999999 o", "-ar: '99999999999' is not a whole number from 1 on"),
        ("-i a -map 0:x o", "-map: '0:x' is not a map"),
        ("-i a -map [out] o", "-filter_complex, which is not supported"),
        ("-i a -preset fastest o", "-preset: 'fastest' is not a preset (ultrafast"),
        ("-i a -level 9 o", "-level: '9' is not a level of H.264"),
        ("-i a -crf 64 o", "-crf: '64' is not a quality"),
        ("-i a -force_key_frames source o", "-force_key_frames: 'source' is not a list of times"),
        ("-i a -metadata title o", "-metadata: 'title' is not KEY=VALUE"),
        ("-i a -flvflags +fast o", "-flvflags: unknown flag 'fast'; known: aac_seq_header_detect"),
        ("-i a -listen 2 o", "-listen: known: 1"),
        ("-i a -fps_mode fast o", "-fps_mode: known: auto"),
        ("-stream_loop -2 -i a o", "-stream_loop: '-2' is not a number from -1"),
        ("-readrate 2 -i a o", "-readrate: only 1"),
        ("-v loud -i a o", "'loud' is not a log level; known: quiet (-8)"),
        ("-ss 5 -to 3 -i a o", "-to: it ends before it starts: -ss 5, -to 3"),
        ("-i a -filter scale=1:1 o", "-filter: say which: -filter:v"),
        ("-i a -filter_complex [0:v]null o", "-filter_complex: filter graphs are not supported"),
        ("-f v4l2 -list_formats all -i /dev/video0", "-list_formats: brooklet devices lists"),
        ("-list_devices true -f dshow -i dummy", "-list_devices: brooklet devices lists"),
    ] {
        let text = error(line);
        assert!(text.contains(says), "{line}\n{text}");
    }
}

#[test]
fn wrong_specifiers() {
    for (line, says) in [
        ("-i a -g:a 5 o", "-g:a: it is for pictures only"),
        ("-i a -ar:v 5 o", "-ar:v: it is for sound only"),
        ("-i a -b:v:1 1M o", "-b:v:1: all streams of a kind in one output have the same settings"),
        ("-i a -c:0 copy o", "-c:0: streams are told apart by kind here"),
        ("-i a -c: copy o", "-c:: nothing after the colon"),
        ("-i a -t:v 5 o", "-t:v: it is not for single streams"),
        ("-i a -vcodec:a copy o", "-vcodec:a: its name says already"),
    ] {
        let text = error(line);
        assert!(text.contains(says), "{line}\n{text}");
    }
}

#[test]
fn incomplete_lines() {
    assert!(
        error("clip.mp4").starts_with("no input: put -i before the file to read (brooklet -i clip.mp4 …)")
    );
    assert!(error("prob").ends_with("did you mean brooklet probe?"));
    assert!(error("-y").starts_with("nothing to do"));
    assert!(error("").starts_with("nothing to do"));
    let text = error("-i a.mp4 o.flv -b:v 1M -an");
    assert!(text.starts_with("trailing options: -b:v -an after the last output"), "{text}");
    assert!(error("probe").contains("brooklet probe FILE [-json]"));
    assert!(error("probe a b").contains("one file at a time"));
    assert!(error("demo clip.mp4").contains("takes no file"));
    assert!(error("completions tcsh").contains("completions bash|zsh|fish"));
}

#[test]
#[cfg(unix)]
fn names_that_are_no_text() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = OsString::from_vec(vec![b'a', 0xff]);
    let text = parse(vec!["-i".into(), bytes, "o.flv".into()]).unwrap_err().to_string();
    assert!(text.starts_with("argument 2 is not UTF-8 text: a\u{fffd}"), "{text}");
}

proptest::proptest! {
    #[test]
    fn no_line_makes_it_panic(words in proptest::collection::vec(word(), 0..12)) {
        let _ = parse(words.into_iter().map(OsString::from).collect());
    }
}

/// Arguments as a hostile script writes them.
fn word() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let names: Vec<_> = flags::all().flat_map(flag::Flag::names).collect();
    prop_oneof![
        proptest::sample::select(names.clone()).prop_map(|name| format!("-{name}")),
        (proptest::sample::select(names), ":[avs0-9:]{0,4}")
            .prop_map(|(name, rest)| format!("-{name}{rest}")),
        "[-+:0-9a-zA-Z=.,/?]{0,12}",
        Just("-i".to_string()),
        any::<String>(),
    ]
}
