//! `-ss` and durations of transport streams, judged by ffmpeg: it decodes all and leaves out what comes before, for it
//! seeks in them only to some place near.

use std::path::PathBuf;

use brooklet_tests::program::{DEADLINE, finish, run};
use brooklet_tests::words::words;
use brooklet_tests::{clips, peers, probe};

#[test]
fn a_cut_begins_with_the_very_picture() {
    for clip in transport_streams() {
        for seconds in ["0.5", "3", "4.96", "11.2"] {
            let select = format!(
                "-v error -i {{}} -map 0:v:0 -map 0:a:0 -vf select=gte(t\\,{seconds}) -fps_mode passthrough -pix_fmt yuv420p -f framemd5 -"
            );
            let Some(mut ffmpeg) = peers::ffmpeg() else { return };
            let theirs = finish(ffmpeg.args(words(&select, &[&clip])), DEADLINE).expect_success().text();
            let ours = format!(
                "-v error -ss {seconds} -i {{}} -map 0:v:0 -map 0:a:0 -pix_fmt yuv420p -f framemd5 -"
            );
            let ours = run(&words(&ours, &[&clip])).text();
            assert!(pictures(&ours) == pictures(&theirs), "{} from {seconds}", clip.display());
        }
    }
}

#[test]
fn durations_are_those_of_ffprobe() {
    for clip in transport_streams() {
        let Some(theirs) = probe::describe(&clip) else { return };
        let said = run(&words("probe -json {}", &[&clip])).expect_success().text();
        let ours: serde_json::Value = serde_json::from_str(&said).unwrap();
        let seconds = |value: &serde_json::Value| value["duration"].as_str().unwrap().parse::<f64>().unwrap();
        let pictures = [&ours, &theirs].map(|said| seconds(&said["streams"][0]));
        assert!((pictures[0] - pictures[1]).abs() < 0.001, "{}: pictures {pictures:?}", clip.display());
        // ffprobe takes the last PES packet for one frame, however many there are in it. It knows better of packets.
        let Some((base, packets)) = probe::packets(&clip, "a:0") else { return };
        let [before, last] = packets.last_chunk().unwrap();
        let ticks = 2 * last.pts - before.pts - packets[0].pts;
        let sound = [seconds(&ours["streams"][1]), probe::nanoseconds(ticks, base) as f64 / 1e9];
        assert!((sound[0] - sound[1]).abs() < 0.001, "{}: sound {sound:?}", clip.display());
        let file = [&ours, &theirs].map(|said| seconds(&said["format"]));
        assert!((file[0] - file[1]).abs() < 0.2, "{}: {file:?}", clip.display());
    }
}

/// Real clips and one with open groups of pictures, one of each with a clock that wraps in the middle.
fn transport_streams() -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut add = |name: &str, line: String| all.extend(clips::generated(name, &line));
    for name in [clips::NASA, clips::BUNNY] {
        if let Some(clip) = clips::shared(name) {
            add("plain.ts", format!("-i {} -map 0:v:0 -map 0:a:0 -c copy", clip.display()));
        }
    }
    if let Some(clip) = clips::shared(clips::BUNNY) {
        add("wrapped.ts", format!("-i {} -c copy -output_ts_offset 95440", clip.display()));
    }
    let open = "-f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t 30 -c:a aac -c:v libx264 -preset veryfast -bf 2 -x264-params open-gop=1:keyint=50 -b:v 800k -pix_fmt yuv420p";
    add("open.ts", open.into());
    add("open-wrapped.ts", format!("{open} -output_ts_offset 95435"));
    all
}

fn pictures(sums: &str) -> Vec<&str> {
    let of_pictures = sums.lines().filter(|line| line.starts_with("0,"));
    of_pictures.filter_map(|line| line.rsplit(',').next()).map(str::trim).collect()
}
