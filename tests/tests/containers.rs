//! The containers that we write, read by peers: no warning, every packet as it was, sound against picture in place.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use brooklet_mpegts::check::Check;
use brooklet_tests::compare::{difference, floats};
use brooklet_tests::program::{DEADLINE, Running, brooklet, finish, run};
use brooklet_tests::words::words;
use brooklet_tests::{clips, peers, probe};

const PICTURE: &str = "-f lavfi -i testsrc2=size=176x144:rate=25";
const SOUND: &str = "-f lavfi -i sine=frequency=440:sample_rate=44100";

/// What to write, in as many shapes as containers meet.
const SHAPES: &[(&str, &str)] = &[
    ("5fps", "-f lavfi -i testsrc2=size=64x64:rate=5 -f lavfi -i sine -t 4"),
    ("25fps", "-f lavfi -i testsrc2=size=176x144:rate=25 -f lavfi -i sine -t 3"),
    ("ntsc", "-f lavfi -i testsrc2=size=64x64:rate=30000/1001 -f lavfi -i sine -t 3 -g 15"),
    ("60fps", "-f lavfi -i testsrc2=size=64x64:rate=60 -f lavfi -i sine=sample_rate=48000 -t 2"),
    ("sound", "-f lavfi -i sine -t 4"),
    ("picture", "-f lavfi -i testsrc2=size=64x64:rate=25 -t 4"),
];

/// The containers, and how they are laid out.
const WAYS: [(&str, &str); 5] = [
    ("flv", ""),
    ("ts", ""),
    ("mp4", ""),
    ("mov", "-movflags +faststart"),
    ("mp4", "-movflags +frag_keyframe"),
];

#[test]
fn peers_read_what_we_encode_without_a_warning() {
    let folder = clips::scratch();
    for (name, line) in SHAPES {
        for (end, how) in WAYS {
            let path = folder.path().join(format!("{name}.{end}"));
            write(&format!("{line} {how}"), &[], &path);
            reads_without_a_warning(&path);
        }
    }
}

#[test]
fn peers_read_what_we_copy_without_a_warning() {
    let folder = clips::scratch();
    for source in sources() {
        for (end, how) in WAYS {
            let path = folder.path().join(format!("copy.{end}"));
            write(&format!("-i {{}} -c copy {how}"), &[&source], &path);
            reads_without_a_warning(&path);
        }
    }
}

#[test]
fn transport_streams_keep_the_rules() {
    let folder = clips::scratch();
    let path = folder.path().join("checked.ts");
    for (name, line) in SHAPES {
        write(line, &[], &path);
        keeps_the_rules(name, &path, None);
    }
    for rate in [600_000, 2_000_000] {
        write(&format!("{PICTURE} {SOUND} -t 5 -b:v 250k -muxrate {rate}"), &[], &path);
        keeps_the_rules("muxrate", &path, Some(rate));
        let (bytes, seconds) = (path.metadata().unwrap().len(), 5.0);
        let measured = bytes as f64 * 8.0 / seconds;
        assert!((0.9..1.1).contains(&(measured / rate as f64)), "{measured:.0} bit/s for {rate}");
    }
    for source in sources() {
        write("-i {} -c copy", &[&source], &path);
        keeps_the_rules(&source.display().to_string(), &path, None);
    }
}

#[test]
fn a_copy_has_every_packet_as_it_was() {
    let folder = clips::scratch();
    for source in sources() {
        for (end, how) in WAYS {
            let path = folder.path().join(format!("same.{end}"));
            write(&format!("-i {{}} -map 0:v:0 -map 0:a:0 -c copy {how}"), &[&source], &path);
            same_packets(&source, &path, end != "ts");
        }
    }
}

#[test]
fn other_codecs_are_copied_too() {
    let folder = clips::scratch();
    let picture = "-f lavfi -i testsrc2=size=176x144:rate=25 -t 2";
    let sound = "-f lavfi -i sine=sample_rate=48000 -t 2";
    for (name, line, ends) in [
        (
            "hevc.mp4",
            format!("{picture} -c:v libx265 -x265-params log-level=error -tag:v hvc1"),
            ["ts", "flv", "mp4"],
        ),
        ("mp3.mp4", format!("{sound} -c:a libmp3lame"), ["ts", "flv", "mov"]),
        ("opus.mp4", format!("{sound} -c:a libopus"), ["ts", "flv", "mp4"]),
        ("ac3.ts", format!("{sound} -c:a ac3"), ["ts", "mov", "mp4"]),
    ] {
        let Some(source) = clips::generated(name, &line) else { return };
        for end in ends {
            let path = folder.path().join(format!("{name}.{end}"));
            write("-i {} -c copy", &[&source], &path);
            let Some((_, before)) = probe::packets(&source, "0") else { return };
            // ffmpeg 5.1 cannot read HEVC and Opus in FLV (Enhanced RTMP, 2023): 9.0 counts the packets.
            let read = sums_of_copy(&path);
            let Some(read) = read else { continue };
            assert_eq!(read, before.len(), "{name} in {end}: packets");
        }
    }
}

#[test]
fn flv_tells_its_size_and_duration() {
    let folder = clips::scratch();
    let path = folder.path().join("told.flv");
    write(&format!("{PICTURE} {SOUND} -t 3"), &[], &path);
    let bytes = clips::read(&path);
    let told = |name: &str| {
        let place = bytes.windows(name.len()).position(|window| window == name.as_bytes()).unwrap();
        let number = &bytes[place + name.len() + 1..place + name.len() + 9];
        f64::from_be_bytes(number.try_into().unwrap())
    };
    assert_eq!(told("filesize"), bytes.len() as f64);
    assert!((told("duration") - 3.0).abs() < 0.05, "{} s", told("duration"));
}

#[test]
fn sound_stays_against_picture() {
    let flash = r"color=black:s=64x64:r=25:d=4,drawbox=c=white:t=fill:enable=lt(mod(t\,1)\,0.1)";
    let beep = r"sine=1000:d=4:sample_rate=48000,volume=lt(mod(t\,1)\,0.1):eval=frame";
    let codecs = "-c:v libx264 -bf 2 -g 25 -c:a aac -b:a 128k";
    let folder = clips::scratch();
    for (name, line) in [
        ("together.mp4", format!("-f lavfi -i {flash} -f lavfi -i {beep} {codecs}")),
        ("together.ts", format!("-f lavfi -i {flash} -f lavfi -i {beep} {codecs}")),
        ("sound_later.mp4", format!("-f lavfi -i {flash} -itsoffset 0.7 -f lavfi -i {beep} {codecs}")),
        ("picture_later.mp4", format!("-itsoffset 0.6 -f lavfi -i {flash} -f lavfi -i {beep} {codecs}")),
    ] {
        let Some(source) = clips::generated(name, &line) else { return };
        let Some(before) = lag(&source) else { return };
        for (end, how) in [
            ("flv", "-c copy"),
            ("ts", "-c copy"),
            ("mp4", "-c copy"),
            ("mp4", "-c copy -movflags frag_keyframe"),
            ("flv", ""),
            ("ts", "-r 25 -ar 44100"),
            ("mp4", ""),
        ] {
            let path = folder.path().join(format!("lag.{end}"));
            write(&format!("-i {{}} {how}"), &[&source], &path);
            let Some(after) = lag(&path) else { return };
            assert!(
                (after - before).abs() < 0.02,
                "{name} {how} to {end}: {before} s before, {after} s after"
            );
        }
    }
}

#[test]
fn pipes_serve_as_files_do() {
    let folder = clips::scratch();
    for source in sources() {
        let whole = folder.path().join("whole.ts");
        write("-i {} -c copy", &[&source], &whole);
        let last = source.extension().is_some_and(|end| end == "mp4") && !piped_well(&source);
        let input = File::open(&source).unwrap();
        let mut command = brooklet();
        command.args(words("-v error -i - -c copy -f mpegts -", &[])).stdin(input);
        let answer = Running::start_with(&mut command).finish(DEADLINE);
        if last {
            // Its index comes after all media: a pipe cannot go back; that is one clear line.
            assert!(answer.status.success() || answer.stderr.lines().count() == 1, "{}", answer.stderr);
            continue;
        }
        assert!(answer.status.success(), "{}: {}", source.display(), answer.stderr);
        assert!(answer.stdout == clips::read(&whole), "{}: a pipe gave other bytes", source.display());
    }
}

#[test]
fn small_containers_come_back_as_they_went() {
    let Some(source) = clips::generated("both.mp4", &h264_and_aac("-bf 2")) else { return };
    let folder = clips::scratch();
    let (picture, sound) = (folder.path().join("a.h264"), folder.path().join("a.aac"));
    write("-i {} -c copy -an", &[&source], &picture);
    write("-i {} -c copy -vn", &[&source], &sound);
    let md5 = "-pix_fmt yuv420p -f md5";
    assert_eq!(output("-i {} -an", &source, md5), output("-i {}", &picture, md5), "Annex B");
    // MP4 says how many samples of the encoder's delay to leave out, ADTS cannot.
    let (trimmed, whole) = (output("-i {} -vn", &source, "-f s16le"), output("-i {}", &sound, "-f s16le"));
    let shared = trimmed.len().min(whole.len() - 2_048);
    assert!(shared > 2 * 44_100 * 2 && whole[2_048..][..shared] == trimmed[..shared], "ADTS");

    let samples = folder.path().join("a.s16");
    let wav = folder.path().join("a.wav");
    write("-i {} -vn -f s16le", &[&source], &samples);
    write("-f s16le -ar 44100 -ac 1 -i {} -c copy", &[&samples], &wav);
    assert!(output("-i {}", &wav, "-f s16le") == clips::read(&samples), "WAV");

    let raw = folder.path().join("a.yuv");
    write("-i {} -an -pix_fmt yuv420p -f rawvideo", &[&source], &raw);
    let as_raw = "-f rawvideo -s 176x144 -pix_fmt yuv420p -r 25 -i {}";
    assert_eq!(output("-i {} -an", &source, md5), output(as_raw, &raw, md5), "rawvideo");
    let y4m = folder.path().join("a.y4m");
    write(as_raw, &[&raw], &y4m);
    assert_eq!(output("-i {} -an", &source, md5), output("-i {}", &y4m, md5), "yuv4mpegpipe");
}

/// Clips in every shape of container that is read.
fn sources() -> Vec<PathBuf> {
    let made = [
        ("bframes.mp4", "-bf 3 -b_strategy 0 -g 25"),
        ("first.mp4", "-movflags +faststart -bf 2"),
        ("pieces.mp4", "-movflags +frag_keyframe+empty_moov+default_base_moof -g 10"),
        ("bframes.flv", "-bf 2"),
        ("bframes.ts", "-bf 2 -g 12"),
    ];
    let made = made.iter().filter_map(|(name, how)| clips::generated(name, &h264_and_aac(how)));
    made.chain(clips::shared(clips::NASA)).chain(clips::shared(clips::BUNNY)).collect()
}

fn h264_and_aac(how: &str) -> String {
    format!("{PICTURE} {SOUND} -t 3 -c:v libx264 -pix_fmt yuv420p -c:a aac {how}")
}

/// Whether an MP4 can be read from a pipe: its `moov` comes before its `mdat`.
fn piped_well(path: &Path) -> bool {
    let bytes = clips::read(path);
    let place = |name: &[u8]| bytes.windows(4).position(|window| window == name);
    place(b"moov") < place(b"mdat")
}

#[track_caller]
fn write(line: &str, paths: &[&Path], to: &Path) {
    let line = format!("-v warning {line} -y {{}}");
    let answer = run(&words(&line, &[paths, &[to]].concat())).expect_success();
    assert_eq!(answer.stderr, "", "{line}");
}

#[track_caller]
fn output(input: &str, path: &Path, how: &str) -> Vec<u8> {
    run(&words(&format!("-v error {input} {how} -"), &[path])).expect_success().stdout
}

#[track_caller]
fn reads_without_a_warning(path: &Path) {
    for ffmpeg in [peers::ffmpeg(), peers::ffmpeg9()] {
        let Some(mut ffmpeg) = ffmpeg else { continue };
        let answer = finish(ffmpeg.args(words("-v warning -i {} -map 0 -f null -", &[path])), DEADLINE);
        assert!(answer.status.success() && answer.stderr.is_empty(), "{}: {}", path.display(), answer.stderr);
    }
    let line = "-q filesrc location={} ! decodebin name=d ! fakesink sync=false";
    let line = if has_both(path) { format!("{line} d. ! fakesink sync=false") } else { line.to_owned() };
    // GStreamer's decodebin hangs now and then on a file with one stream, ffmpeg's as well as ours: it is asked again.
    let ask = || {
        let mut gst = peers::gst_launch()?;
        gst.args(words(&line, &[path])).env("GST_DEBUG", "2").env("GST_DEBUG_NO_COLOR", "1");
        Some(Running::start(&mut gst).finish_within(Duration::from_secs(20)))
    };
    let Some(mut answer) = ask() else { return };
    for _ in 0..4 {
        if answer.is_err() {
            answer = ask().unwrap_or(answer);
        }
    }
    let answer = answer.unwrap_or_else(|said| panic!("{said}"));
    assert!(answer.status.success(), "{}: {}", path.display(), answer.stderr);
    // GStreamer's own plugins speak of themselves at start: what counts is what demuxers, parsers and decoders say.
    // It does not know the tag that ends a sequence of pictures, which ffmpeg writes as well, and calls the end a failure; in ffmpeg's
    // MP4 too it misses the defaults of fragments where there are none, and takes QuickTime's texts for iTunes' items.
    let known = |line: &str| {
        let said = [
            "invalid video packet type 2",
            "failed to find fragment defaults",
            "parse_container:<qtdemux0> length too long",
        ];
        said.iter().any(|words| line.contains(words)) || line.ends_with("eos")
    };
    let about = |line: &&str| {
        ["demux", "parse", "avdec", "ERROR"].iter().any(|word| line.contains(word)) && !known(line)
    };
    let said: Vec<&str> = answer.stderr.lines().filter(about).collect();
    assert!(said.is_empty(), "{}: GStreamer: {}", path.display(), said.join("\n"));
}

fn has_both(path: &Path) -> bool {
    let streams = probe::describe(path).map(|all| all["streams"].as_array().map_or(0, Vec::len));
    streams.is_some_and(|streams| streams > 1)
}

#[track_caller]
fn keeps_the_rules(name: &str, path: &Path, muxrate: Option<u64>) {
    let check = muxrate.map_or_else(Check::new, |rate| Check::new().with_muxrate(rate));
    let mut check = check;
    check.push(&clips::read(path));
    let report = check.report();
    assert!(report.violations().is_empty(), "{name}: {:#?}\n{report}", report.violations());
}

/// Compares pts, dts and key of each packet, counted from the first picture; and bytes, where they stay.
#[track_caller]
fn same_packets(source: &Path, copy: &Path, bytes_stay: bool) {
    let read = |path: &Path, stream: &str| probe::packets(path, stream);
    let Some((source_base, first)) = read(source, "v:0") else { return };
    let Some((copy_base, first_copied)) = read(copy, "v:0") else { return };
    let start = probe::nanoseconds(first[0].pts, source_base);
    let start_copied = probe::nanoseconds(first_copied[0].pts, copy_base);
    // Half a tick for each of the two times that are compared, and what nanoseconds round.
    let tick = probe::nanoseconds(1, copy_base) + 2;
    for stream in ["v:0", "a:0"] {
        let (Some((base, before)), Some((base_copied, after))) = (read(source, stream), read(copy, stream))
        else {
            return;
        };
        let name = format!("{} to {}, {stream}", source.display(), copy.display());
        // MP4 counts sound in its samples, and puts packets that came on another clock where the one before ends.
        let own = base != base_copied && stream == "a:0" && copy.extension().is_some_and(|end| end != "flv");
        let tick =
            if own { tick + probe::nanoseconds(1, base) + probe::nanoseconds(1, base_copied) } else { tick };
        assert_eq!(before.len(), after.len(), "{name}: packets");
        for (place, (before, after)) in before.iter().zip(&after).enumerate() {
            for (what, before, after) in [("pts", before.pts, after.pts), ("dts", before.dts, after.dts)] {
                let before = probe::nanoseconds(before, base) - start;
                let after = probe::nanoseconds(after, base_copied) - start_copied;
                assert!(
                    (before - after).abs() <= tick,
                    "{name}: {what} of packet {place}: {before} ns, {after} ns"
                );
            }
            assert_eq!(before.key, after.key, "{name}: key of packet {place}");
            if bytes_stay && source.extension().is_none_or(|end| end != "ts") {
                assert_eq!(before.hash, after.hash, "{name}: bytes of packet {place}");
            }
        }
    }
}

/// How many packets ffmpeg 9.0 finds.
fn sums_of_copy(path: &Path) -> Option<usize> {
    let mut ffmpeg = peers::ffmpeg9()?;
    let answer = finish(ffmpeg.args(words("-v warning -i {} -c copy -f framemd5 -", &[path])), DEADLINE);
    assert!(answer.status.success() && answer.stderr.is_empty(), "{}: {}", path.display(), answer.stderr);
    Some(answer.text().lines().filter(|line| !line.starts_with('#')).count())
}

/// How long after the last flash the last beep comes, in seconds, by ffmpeg's decoding and ffprobe's pts.
#[track_caller]
fn lag(path: &Path) -> Option<f64> {
    let decode = |line: &str| {
        Some(finish(peers::ffmpeg()?.args(words(line, &[path])), DEADLINE).expect_success().stdout)
    };
    let light = decode("-v error -i {} -vf scale=1:1 -fps_mode passthrough -pix_fmt gray -f rawvideo -")?;
    let sound = floats(&decode("-v error -i {} -ac 1 -ar 48000 -f f32le -")?);
    let (picture_base, pictures) = probe::frames(path, "v:0")?;
    let (sound_base, sounds) = probe::frames(path, "a:0")?;
    let flash =
        (1..light.len()).rev().find(|place| light[*place] > 128 && light[place - 1] < 128).expect("a flash");
    let loud = |place: &usize| sound[*place].abs() > 0.03;
    // A beep begins where it was quiet for half a second.
    let last = (0..sound.len()).rev().find(loud).expect("a beep");
    let beep =
        last.saturating_sub(12_000) + (last.saturating_sub(12_000)..=last).position(|place| loud(&place))?;
    let flash = probe::nanoseconds(pictures[flash], picture_base) as f64 / 1e9;
    let beep = probe::nanoseconds(sounds[0], sound_base) as f64 / 1e9 + beep as f64 / 48_000.0;
    Some(beep - flash)
}

#[test]
fn encoded_sound_is_the_sound() {
    let folder = clips::scratch();
    let path = folder.path().join("tone.ts");
    write("-f lavfi -i sine=frequency=440:sample_rate=48000 -t 2 -b:a 192k", &[], &path);
    let decoded = |command: &mut Command, line: &str, paths: &[&Path]| {
        floats(
            &finish(command.args(words(line, paths)).stdin(Stdio::null()), DEADLINE).expect_success().stdout,
        )
    };
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    let theirs = decoded(&mut ffmpeg, "-v error -i {} -f f32le -", &[&path]);
    let ours = decoded(&mut brooklet(), "-v error -i {} -f f32le -", &[&path]);
    assert!(difference(&ours, &theirs) < -60.0);
    let seconds = theirs.len() as f64 / 48_000.0;
    assert!((seconds - 2.0).abs() < 0.05, "{seconds} s of sound");
    let tone: Vec<f32> = theirs[4_800..][..48_000].to_vec();
    let wave = |phase: f64| {
        let at = |place: usize| (place as f64 * 440.0 * std::f64::consts::TAU / 48_000.0 + phase).sin();
        tone.iter().enumerate().map(|(place, sample)| f64::from(*sample) * at(place)).sum::<f64>()
    };
    // Half the square of the amplitude at 440 Hz is its power; the rest is noise.
    let power = tone.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / 48_000.0;
    let pure = 2.0 * (wave(0.0).hypot(wave(std::f64::consts::FRAC_PI_2)) / 48_000.0).powi(2);
    let noise = 10.0 * ((power - pure) / power).max(1e-12).log10();
    assert!(noise < -30.0, "noise and what is not at 440 Hz: {noise:.1} dB of the tone");
}

/// What a telephone held upright writes.
#[test]
fn pictures_that_are_to_be_turned_are_told() {
    let plain = "-f lavfi -i testsrc2=size=64x48:rate=10 -t 1 -c:v libx264 -pix_fmt yuv420p";
    let Some(path) = clips::generated("upright.mp4", plain) else { return };
    let scratch = clips::scratch();
    // What ffmpeg is told turns against the clock.
    for (angle, told) in [(0, None), (90, Some(270)), (180, Some(180)), (270, Some(90))] {
        let turned = scratch.path().join(format!("{angle}.mp4"));
        let line = format!("-v error -y -i {{}} -c copy -metadata:s:v rotate={angle} {{}}");
        let Some(mut ffmpeg) = peers::ffmpeg() else { return };
        finish(ffmpeg.args(words(&line, &[&path, &turned])), DEADLINE).expect_success();
        let said = run(&words("-v warning -i {} -f null -", &[&turned])).expect_success().stderr;
        match told {
            Some(told) => assert!(said.contains(&format!("turned by {told} degrees clockwise")), "{said}"),
            None => assert!(said.is_empty(), "{said}"),
        }
    }
}
