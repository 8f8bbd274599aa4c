//! Sound in MP3, Opus and FLAC: what peers hear of ours, what we hear of theirs, and when it comes out of a pipe.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use brooklet_media::bitstream::mpeg_audio::MpegAudioHeader;
use brooklet_tests::compare::{difference, floats, loudness};
use brooklet_tests::program::{DEADLINE, Running, brooklet, finish, run};
use brooklet_tests::words::words;
use brooklet_tests::{clips, peers};

/// Two seconds and a bit of what is neither silence nor a steady tone, so that a shift in time shows.
const SOURCE: &str =
    "aevalsrc=exprs=0.3*sin(2*PI*(300+200*t)*t)+0.1*sin(2*PI*1900*t)*lt(mod(t\\,0.5)\\,0.25):d=2.1";

/// A name, the rate, how we write it, and how near it must be to the source, dB.
const WRITTEN: &[(&str, u32, &str, f64)] = &[
    ("a.mp3", 48_000, "-b:a 128k -metadata title=Sweep", 25.0),
    ("b.mp3", 44_100, "-c:a libmp3lame -b:a 192k", 25.0),
    ("c.mp3", 24_000, "-b:a 64k", 25.0),
    ("d.mp3", 8_000, "-b:a 32k", 20.0),
    ("a.opus", 48_000, "-c:a libopus -b:a 128k", 15.0),
    ("b.ogg", 48_000, "-c:a libopus -application voip -frame_duration 60 -b:a 64k", 5.0),
    ("a.flac", 48_000, "-metadata title=Sweep", 80.0),
    ("b.flac", 44_100, "-compression_level 8 -sample_fmt s32", 80.0),
    ("c.oga", 48_000, "-metadata title=Sweep", 80.0),
];

/// What ffmpeg writes, and how; how loud the difference between its decoder and ours may be, dB of full scale.
const THEIRS: &[(&str, u32, &str, f64)] = &[
    ("t.mp3", 44_100, "-c:a libmp3lame -b:a 128k", -100.0),
    ("v.mp3", 22_050, "-c:a libmp3lame -q:a 4", -100.0),
    // Its decoder rounds as it goes.
    ("t.mp2", 48_000, "-c:a mp2 -b:a 192k", -60.0),
    // Both are ports of libopus, ours of its arithmetic in whole numbers.
    ("t.opus", 48_000, "-c:a libopus -b:a 96k", -60.0),
    ("t.ogg", 44_100, "-c:a libvorbis -q:a 4", -100.0),
    ("t.flac", 44_100, "-c:a flac", -190.0),
    ("t24.flac", 96_000, "-c:a flac -sample_fmt s32", -190.0),
    ("t.oga", 48_000, "-c:a flac", -190.0),
];

#[test]
fn peers_hear_what_we_wrote_to_the_sample() {
    let folder = clips::scratch();
    for (name, rate, options, least) in WRITTEN {
        let Some(source) = source(*rate) else { return };
        let path = folder.path().join(name);
        let line = format!("-v error -y -i {{}} {options} {{}}");
        run(&words(&line, &[&source, &path])).expect_success();
        let original = heard(&mut brooklet(), &source);
        for ffmpeg in [peers::ffmpeg(), peers::ffmpeg9()] {
            let Some(mut ffmpeg) = ffmpeg else { continue };
            let theirs = heard(&mut ffmpeg, &path);
            let ratio = ratio(&original, &theirs);
            assert!(ratio > *least, "{name} by {:?}: {ratio:.1} dB", ffmpeg.get_program());
        }
        let ratio = ratio(&original, &heard(&mut brooklet(), &path));
        assert!(ratio > *least, "{name} by ourselves: {ratio:.1} dB");
    }
}

#[test]
fn we_hear_what_peers_wrote_as_they_do() {
    let folder = clips::scratch();
    for (name, rate, options, most) in THEIRS {
        let Some(source) = source(*rate) else { return };
        let Some(mut ffmpeg) = peers::ffmpeg() else { return };
        let path = folder.path().join(name);
        let line = format!("-nostdin -v error -y -i {{}} {options} {{}}");
        finish(ffmpeg.args(words(&line, &[&source, &path])), DEADLINE).expect_success();
        let Some(mut ffmpeg) = peers::ffmpeg() else { return };
        let theirs = heard(&mut ffmpeg, &path);
        let ours = heard(&mut brooklet(), &path);
        let difference = difference(&ours, &theirs);
        assert!(difference < *most, "{name}: {difference:.1} dB");
        if name.ends_with("mp2") {
            continue;
        }
        let copy = folder.path().join(format!("copy.{name}"));
        run(&words("-v error -y -i {} -c copy {}", &[&path, &copy])).expect_success();
        let Some(mut ffmpeg) = peers::ffmpeg() else { return };
        // A copy is the same to the bit.
        assert!(heard(&mut ffmpeg, &copy) == theirs, "{name} copied");
    }
}

#[test]
fn the_tools_of_each_format_find_nothing_wrong() {
    let folder = clips::scratch();
    let Some(source) = source(48_000) else { return };
    let write = |name: &str, options: &str| {
        let path = folder.path().join(name);
        run(&words(&format!("-v error -y -i {{}} {options} {{}}"), &[&source, &path])).expect_success();
        path
    };
    let (flac, opus) = (write("a.flac", "-metadata artist=Me"), write("a.opus", "-b:a 64k"));
    if let Some(mut tool) = peers::tool("flac") {
        // It checks each frame's sum and that of all samples, and warns where there is none.
        let said = finish(tool.args(["--test", "--warnings-as-errors", "--silent"]).arg(&flac), DEADLINE);
        assert_eq!(said.expect_success().stderr, "");
    }
    if let Some(mut tool) = peers::tool("opusdec") {
        let wav = folder.path().join("a.wav");
        let said = finish(tool.args(["--quiet"]).args([&opus, &wav]), DEADLINE).expect_success();
        assert_eq!(said.stderr, "");
        assert_eq!(heard(&mut brooklet(), &wav).len(), 100_800);
    }
    if let Some(mut tool) = peers::tool("opusenc") {
        let (wav, path) = (write("b.wav", ""), folder.path().join("theirs.opus"));
        finish(tool.args(["--quiet", "--framesize", "5", "--title", "Sweep"]).args([&wav, &path]), DEADLINE)
            .expect_success();
        let Some(mut ffmpeg) = peers::ffmpeg() else { return };
        let (ours, theirs) = (heard(&mut brooklet(), &path), heard(&mut ffmpeg, &path));
        assert_eq!(ours.len(), theirs.len());
        let said = run(&words("probe {}", &[&path])).expect_success().text();
        assert!(said.contains("Sweep") && said.contains("opus"), "{said}");
    }
}

#[test]
fn tags_are_written_and_read() {
    let folder = clips::scratch();
    let Some(source) = source(24_000) else { return };
    for name in ["a.mp3", "a.flac", "a.opus"] {
        let path = folder.path().join(name);
        let line = "-v error -y -i {} -metadata title=Süß -metadata artist=Me -metadata track=3 {}";
        run(&words(line, &[&source, &path])).expect_success();
        let Some(described) = brooklet_tests::probe::describe(&path) else { return };
        let tags = [&described["format"]["tags"], &described["streams"][0]["tags"]]
            .map(|tags| tags.to_string().to_lowercase())
            .concat();
        for tag in ["\"title\":\"süß\"", "\"artist\":\"me\"", "\"track\":\"3\""] {
            assert!(tags.contains(tag), "{name}: {tag} in {tags}");
        }
        let ours = run(&words("probe {}", &[&path])).expect_success().text();
        assert!(ours.contains("Süß"), "{ours}");
    }
}

/// Frames of 576 samples at 24 kHz come out while their samples go in: after each part that was written, those frames
/// are awaited that need no more, and the pipe is left open meanwhile, so that nothing else can push them out.
#[test]
fn a_pipe_of_floats_gives_each_mp3_frame_with_its_last_sample() {
    let line = "-v error -f f32le -acodec pcm_f32le -ar 24000 -ac 1 -i pipe: -b:a 64k -f mp3 pipe:";
    let mut command = brooklet();
    command.args(words(line, &[])).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}"));
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut bytes = Vec::new();
    let mut went_in = 0;
    for part in [240, 100, 1_388, 24, 4_000, 240, 8, 10_000] {
        let samples: Vec<u8> =
            (went_in..went_in + part).flat_map(|at| (0.3 * (at as f32 * 0.1).sin()).to_le_bytes()).collect();
        input.write_all(&samples).and_then(|()| input.flush()).unwrap();
        went_in += part;
        // The input is read in steps of 10 ms, so what is less may wait.
        let due = went_in / 240 * 240 / 576;
        assert!(due + 1 >= went_in / 576, "no more than one frame is behind");
        while bytes.len() < due * 192 {
            let mut buffer = [0; 4_096];
            let count = output.read(&mut buffer).unwrap();
            assert!(count > 0, "it ended after {went_in} samples with {} bytes", bytes.len());
            bytes.extend_from_slice(&buffer[..count]);
        }
        assert!(bytes.len() <= went_in / 576 * 192, "no frame comes before its samples");
    }
    drop(input);
    output.read_to_end(&mut bytes).unwrap();
    assert!(child.wait().unwrap().success());
    // No Info frame, no tag: from the first byte on frames of one length, enough for all samples and the delay.
    let frames: Vec<_> = bytes.chunks(192).map(|frame| MpegAudioHeader::parse(frame).unwrap()).collect();
    assert!(frames.iter().all(|frame| (frame.frame_bytes, frame.rate, frame.samples) == (192, 24_000, 576)));
    assert_eq!(frames.len(), (went_in + 1_057).div_ceil(576));
    assert!(!bytes[..192].windows(4).any(|part| part == b"Info" || part == b"Xing"));
}

#[test]
fn an_ogg_pipe_gives_a_page_for_every_tenth_of_a_second() {
    let line = "-v error -f s16le -ar 48000 -ac 2 -i pipe: -c:a libopus -f ogg pipe:";
    let mut command = brooklet();
    command.args(words(line, &[])).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}"));
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut bytes = Vec::new();
    for second in 1..=3 {
        input.write_all(&vec![7; 48_000 * 4]).and_then(|()| input.flush()).unwrap();
        // Two pages of headers, and ten for each second.
        while pages(&bytes) < 2 + 10 * second {
            let mut buffer = [0; 4_096];
            let count = output.read(&mut buffer).unwrap();
            assert!(count > 0, "it ended in second {second}");
            bytes.extend_from_slice(&buffer[..count]);
        }
    }
    drop(input);
    output.read_to_end(&mut bytes).unwrap();
    assert!(child.wait().unwrap().success());
}

fn pages(bytes: &[u8]) -> usize {
    bytes.windows(5).filter(|part| part == b"OggS\0").count()
}

#[test]
fn a_radio_that_changes_its_programme_goes_on() {
    let folder = clips::scratch();
    let Some(source) = source(48_000) else { return };
    let parts: Vec<PathBuf> = ["mono", "stereo"]
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let path = folder.path().join(format!("{name}.opus"));
            run(&words(&format!("-v error -y -i {{}} -ac {} -t 1 {{}}", index + 1), &[&source, &path]))
                .expect_success();
            path
        })
        .collect();
    let chain = folder.path().join("chain.ogg");
    std::fs::write(&chain, parts.iter().flat_map(|part| clips::read(part)).collect::<Vec<u8>>()).unwrap();
    let samples = run(&words("-v error -i {} -ac 1 -f f32le -", &[&chain])).expect_success();
    assert_eq!(floats(&samples.stdout).len(), 2 * 48_000);
}

/// The source at a rate, as 16-bit WAV.
fn source(rate: u32) -> Option<PathBuf> {
    clips::generated(&format!("sound{rate}.wav"), &format!("-f lavfi -i {SOURCE}:s={rate}"))
}

/// What a program hears in a file, without a word of complaint.
#[track_caller]
fn heard(command: &mut Command, path: &Path) -> Vec<f32> {
    let is_ours = command.get_program() == brooklet().get_program();
    let quiet = if is_ours { "-v warning" } else { "-nostdin -v warning" };
    let run = finish(command.args(words(&format!("{quiet} -i {{}} -f f32le -"), &[path])), DEADLINE);
    let run = run.expect_success();
    // What ffmpeg says of every file of bare frames.
    let complaints = run.stderr.lines().filter(|line| !line.contains("Estimating duration from bitrate"));
    assert_eq!(complaints.collect::<Vec<_>>(), [""; 0], "{}", path.display());
    floats(&run.stdout)
}

/// How far the difference of two sounds of one length is below the first, dB.
#[track_caller]
fn ratio(original: &[f32], heard: &[f32]) -> f64 {
    assert_eq!(heard.len(), original.len(), "samples");
    loudness(original.iter().copied())
        - loudness(original.iter().zip(heard).map(|(original, heard)| original - heard))
}

#[test]
fn a_stopped_pipe_is_flushed() {
    let line = "-v error -re -f lavfi -i sine=sample_rate=16000 -b:a 32k -f mp3 pipe:";
    let mut command = brooklet();
    let mut running = Running::start(command.args(words(line, &[])));
    std::thread::sleep(Duration::from_millis(700));
    assert!(running.is_running());
    running.signal("INT");
    let bytes = running.finish(DEADLINE).stdout;
    assert!(bytes.len() >= 144 && bytes.len().is_multiple_of(144), "{} bytes", bytes.len());
    assert!(
        bytes.chunks(144).all(|frame| MpegAudioHeader::parse(frame).is_some_and(|head| head.rate == 16_000))
    );
}
