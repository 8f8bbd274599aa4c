//! What real scripts say, and what is understood.

use std::time::Duration;

use brooklet::job::{CodecChoice, FpsMode, Listen, Map, Specifier};
use brooklet_media::{ChannelLayout, PixelFormat, Rational, SampleFormat};

use super::*;
use crate::log::Level;

fn named(name: &str) -> CodecChoice {
    CodecChoice::Named(name.into())
}

#[test]
fn raw_pictures_from_a_pipe_to_a_file() {
    let (input, output) =
        one("-y -f rawvideo -vcodec rawvideo -s 960x540 -pix_fmt rgb24 -r 24 -i - -an output_video.flv");
    let expected = InputSpec {
        url: "-".into(),
        format: Some("rawvideo".into()),
        video_codec: Some("rawvideo".into()),
        video_size: Some((960, 540)),
        pixel_format: Some(PixelFormat::Rgb24),
        frame_rate: Some(Rational::whole(24)),
        ..InputSpec::default()
    };
    assert_eq!(input, expected);
    assert_eq!(output.url, "output_video.flv");
    assert!(output.audio.disabled && output.overwrite && !output.video.disabled);
}

#[test]
fn a_stream_to_pictures_on_stdout() {
    let (input, output) =
        one("-i rtmp://127.0.0.1:1935/live/livestream1 -f image2pipe -pix_fmt rgb24 -vcodec rawvideo -");
    assert_eq!(input.url, "rtmp://127.0.0.1:1935/live/livestream1");
    assert_eq!((output.url.as_str(), output.format.as_deref()), ("-", Some("image2pipe")));
    assert_eq!(output.video.pixel_format, Some(PixelFormat::Rgb24));
    assert_eq!(output.video.codec, named("rawvideo"));
    assert_eq!(output.audio.codec, CodecChoice::Default);
}

#[test]
fn a_file_to_a_server_at_its_own_pace() {
    let (input, output) = one("-re -i output_video.flv -f flv rtmp://127.0.0.1/live/livestream2");
    assert!(input.realtime);
    assert_eq!(output.format.as_deref(), Some("flv"));
    assert_eq!(output.listen, Listen::No);
}

#[test]
fn a_push_to_a_video_site() {
    let line = "-re -stream_loop -1 -i clip.mp4 -c:v libx264 -preset veryfast -tune zerolatency -b:v 2500k \
                -maxrate 2500k -bufsize 5000k -pix_fmt yuv420p -g 50 -keyint_min 50 -sc_threshold 0 -c:a aac -b:a 160k \
                -ac 2 -ar 44100 -f flv rtmp://a.rtmp.youtube.com/live2/xxxx-xxxx";
    let run = convert(line);
    assert_eq!(run.job.inputs[0].loops, -1);
    let output = &run.job.outputs[0];
    assert_eq!((output.video.bit_rate, output.video.gop), (Some(2_500_000), Some(50)));
    assert_eq!((output.video.preset.as_deref(), output.live), (Some("veryfast"), Some(true)));
    assert_eq!(output.video.codec, named("libx264"));
    assert_eq!(output.audio.codec, named("aac"));
    assert_eq!((output.audio.bit_rate, output.audio.sample_rate), (Some(160_000), Some(44_100)));
    assert_eq!(output.audio.layout, Some(ChannelLayout::Stereo));
    assert_eq!(run.notes.len(), 3, "-bufsize, -keyint_min, -sc_threshold: {:?}", run.notes);
}

#[test]
fn a_push_with_old_names_of_options() {
    let (_, output) =
        one("-i in.mp4 -vcodec libx264 -vb 800k -acodec libfdk_aac -ab 64k -vframes 100 out.flv");
    assert_eq!((output.video.bit_rate, output.audio.bit_rate), (Some(800_000), Some(64_000)));
    assert_eq!((output.video.codec, output.audio.codec), (named("libx264"), named("libfdk_aac")));
    assert_eq!((output.video.frames, output.audio.frames), (Some(100), None));
}

#[test]
fn a_listener_waits_so_many_seconds() {
    let (_, output) = one("-re -i clip.mp4 -f flv -listen 1 -timeout 10 rtmp://127.0.0.1:1935/live/app");
    assert_eq!((output.listen, output.timeout), (Listen::One, Some(Duration::from_secs(10))));
    let (_, output) = one("-i clip.mp4 -f flv -timeout -1 -listen 1 rtmp://127.0.0.1:1935/live/app");
    assert_eq!(output.timeout, None);
    let (_, output) = one("-i clip.mp4 -f flv -listen 1 -timeout 1500ms rtmp://127.0.0.1:1935/live/app");
    assert_eq!(output.timeout, Some(Duration::from_millis(1500)));
}

#[test]
fn timeouts_elsewhere_are_in_microseconds() {
    let (input, _) = one("-timeout 5000000 -i udp://127.0.0.1:1234 out.ts");
    assert_eq!(input.timeout, Some(Duration::from_secs(5)));
    let (input, _) = one("-rw_timeout 5000000 -i rtmp://host/live/a out.flv");
    assert_eq!(input.timeout, Some(Duration::from_secs(5)));
    let (input, _) = one("-rw_timeout 5s -i rtmp://host/live/a out.flv");
    assert_eq!(input.timeout, Some(Duration::from_secs(5)));
}

#[test]
fn how_long_a_server_may_take_needs_no_word_where_it_can_mean_nothing_else() {
    let notes = |line: &str| convert(line).notes;
    assert_eq!(notes("-i clip.mp4 -rw_timeout 10s -f flv rtmp://host/live/a"), Vec::<String>::new());
    // In ffmpeg this one would listen.
    assert_eq!(notes("-i clip.mp4 -timeout 10 -f flv rtmp://host/live/a").len(), 1);
}

#[test]
fn a_transport_stream_by_datagrams() {
    let (input, output) = one("-re -i clip.mp4 -c copy -f mpegts udp://239.0.0.1:1234?pkt_size=1316&ttl=1");
    assert!(input.realtime);
    assert_eq!(output.url, "udp://239.0.0.1:1234?pkt_size=1316&ttl=1");
    assert_eq!((output.video.codec, output.audio.codec), (CodecChoice::Copy, CodecChoice::Copy));
}

#[test]
fn a_transport_stream_of_constant_rate() {
    let (_, output) = one("-i a.mp4 -c:v libx264 -b:v 3M -muxrate 4000k -pcr_period 20 -f mpegts out.ts");
    assert_eq!((output.muxrate, output.video.bit_rate), (Some(4_000_000), Some(3_000_000)));
}

#[test]
fn one_codec_copied_and_the_other_not() {
    let (_, output) = one("-i in.flv -c:v copy -c:a aac -b:a 128000 out.ts");
    assert_eq!((output.video.codec, output.audio.codec), (CodecChoice::Copy, named("aac")));
    let (_, output) = one("-i in.flv -vcodec copy -acodec copy out.ts");
    assert_eq!((output.video.codec, output.audio.codec), (CodecChoice::Copy, CodecChoice::Copy));
    let (_, output) = one("-i in.flv -codec:a copy -codec:v h264 out.ts");
    assert_eq!((output.video.codec, output.audio.codec), (named("h264"), CodecChoice::Copy));
    let (_, output) = one("-i in.flv -c:v h264 -c copy out.ts");
    assert_eq!(output.video.codec, CodecChoice::Copy, "the last that fits is what counts");
}

#[test]
fn test_pictures_and_a_tone() {
    let run = convert(
        "-f lavfi -re -i testsrc2=size=640x360:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 \
         -c:v h264 -c:a aac -f flv rtmp://127.0.0.1/live/a",
    );
    let urls: Vec<_> = run.job.inputs.iter().map(|input| input.url.as_str()).collect();
    assert_eq!(urls, ["testsrc2=size=640x360:rate=30", "sine=frequency=440:sample_rate=48000"]);
    assert_eq!(run.job.inputs.iter().map(|input| input.realtime).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn options_are_for_the_next_url_only() {
    let run = convert("-ss 5 -i a.mp4 -i b.mp4 -an -b:v 1M one.flv -vn two.aac");
    assert_eq!(run.job.inputs[0].start, Some(Duration::from_secs(5)));
    assert_eq!(run.job.inputs[1].start, None);
    let [one, two] = &run.job.outputs[..] else { panic!() };
    assert!(one.audio.disabled && !one.video.disabled && one.video.bit_rate == Some(1_000_000));
    assert!(two.video.disabled && !two.audio.disabled && two.video.bit_rate.is_none());
}

#[test]
fn global_options_stand_anywhere() {
    let run = convert("-i a.mp4 -v error -hide_banner out.flv -y -nostdin -nostats");
    assert!(run.job.outputs[0].overwrite);
    assert_eq!((run.globals.level, run.globals.stats), (Level::Error, Some(false)));
    assert!(run.globals.hide_banner && !run.globals.stdin);
    let run = convert("-loglevel 24 -stats -progress pipe:1 -n -i a.mp4 out.flv");
    assert_eq!((run.globals.level, run.globals.stats), (Level::Warning, Some(true)));
    assert_eq!(run.globals.progress.as_deref(), Some("pipe:1"));
    assert_eq!(run.globals.overwrite, Overwrite::Never);
}

#[test]
fn streams_by_hand() {
    let (_, output) = one("-i a.mp4 -map 0 -map -0:s -map 0:a:1? -c copy out.ts");
    let map = |streams, optional, negative| Map { input: 0, streams, optional, negative };
    let expected = [
        map(Specifier::All, false, false),
        map(Specifier::Other(None), false, true),
        map(Specifier::Audio(Some(1)), true, false),
    ];
    assert_eq!(output.maps, expected);
    let run = convert("-i a.mp4 -i b.aac -map 0:v:0 -map 1:a:0 -shortest -c copy out.flv");
    assert_eq!(run.job.outputs[0].maps.len(), 2);
    assert!(run.job.outputs[0].shortest);
}

#[test]
fn timestamps_are_kept_wherever_it_is_said() {
    for line in ["-copyts -i a.ts b.ts c.flv", "-i a.ts -copyts b.ts c.flv", "-i a.ts b.ts -copyts c.flv"] {
        let run = convert(line);
        assert!(run.job.outputs.iter().all(|output| output.copy_timestamps), "{line}");
    }
    assert!(!convert("-copyts -nocopyts -i a.ts b.ts").job.outputs[0].copy_timestamps);
}

#[test]
fn without_subtitles_and_data() {
    let (_, output) = one("-i a.mp4 -map 0 -sn -dn -c copy out.ts");
    assert_eq!(output.maps.len(), 2);
    assert!(output.maps[1].negative && output.maps[1].optional);
    assert_eq!(one("-i a.mp4 -sn out.ts").1.maps, []);
}

#[test]
fn times() {
    let (input, output) = one("-ss 00:01:30.5 -t 10 -i a.mp4 -t 1500ms out.flv");
    assert_eq!(
        (input.start, input.duration),
        (Some(Duration::from_millis(90_500)), Some(Duration::from_secs(10)))
    );
    assert_eq!(output.duration, Some(Duration::from_millis(1_500)));
    let (input, output) = one("-ss 5 -to 15 -i a.mp4 -ss 1 -to 3 out.flv");
    assert_eq!((input.start, input.end), (Some(Duration::from_secs(5)), Some(Duration::from_secs(15))));
    assert_eq!((output.start, output.end), (Some(Duration::from_secs(1)), Some(Duration::from_secs(3))));
    let run = convert("-i a.mp4 -t 5 -to 9 out.flv");
    assert_eq!((run.job.outputs[0].duration, run.job.outputs[0].end), (Some(Duration::from_secs(5)), None));
    assert_eq!(run.notes.len(), 1);
}

#[test]
fn negative_times() {
    assert_eq!(one("-itsoffset -0.5 -i a.mp4 out.flv").0.offset_nanos, -500_000_000);
    assert_eq!(one("-itsoffset 1:00 -i a.mp4 out.flv").0.offset_nanos, 60_000_000_000);
    let (input, _) = one("-ss -2 -i a.mp4 out.flv");
    assert_eq!((input.start, input.offset_nanos), (None, 2_000_000_000));
}

#[test]
fn sizes_and_rates_by_name() {
    let (_, output) = one("-i a.mp4 -s hd720 -r ntsc out.flv");
    assert_eq!(output.video.size, Some((1280, 720)));
    assert_eq!(output.video.frame_rate, Rational::new(30_000, 1_001));
    let (input, _) =
        one("-f rawvideo -video_size vga -framerate 30000/1001 -pixel_format bgr24 -i pipe:0 o.flv");
    assert_eq!((input.video_size, input.pixel_format), (Some((640, 480)), Some(PixelFormat::Bgr24)));
    assert_eq!(input.frame_rate, Rational::new(30_000, 1_001));
}

#[test]
fn raw_sound_both_ways() {
    let (input, output) =
        one("-f s16le -ar 48k -ac 2 -i - -f f32le -acodec pcm_f32le -ar 16000 -ac 1 pipe:1");
    assert_eq!((input.sample_rate, input.layout), (Some(48_000), Some(ChannelLayout::Stereo)));
    assert_eq!((output.audio.sample_rate, output.audio.layout), (Some(16_000), Some(ChannelLayout::Mono)));
    let (input, output) = one("-f s16le -channel_layout 5.1 -i a.raw -sample_fmt fltp out.aac");
    assert_eq!(input.layout, Some(ChannelLayout::FiveOne));
    assert_eq!(output.audio.sample_format, Some(SampleFormat::F32p));
}

#[test]
fn the_plus_of_pixel_formats() {
    assert_eq!(one("-i a.mp4 -pix_fmt +rgb24 out.raw").1.video.pixel_format, Some(PixelFormat::Rgb24));
    // What moviepy writes.
    assert_eq!(one("-i a.mp4 -vcodec libx264 -pix_fmt yuva420p out.flv").1.video.pixel_format, None);
    assert_eq!(one("-i a.mp4 -pix_fmt + out.raw").1.video.pixel_format, None);
}

#[test]
fn filters() {
    let (_, output) = one("-i a.mp4 -vf scale=640:-2,fps=25 -af volume=0.5 out.flv");
    assert_eq!(output.video.filters.as_deref(), Some("scale=640:-2,fps=25"));
    assert_eq!(output.audio.filters.as_deref(), Some("volume=0.5"));
    let (_, output) = one("-i a.mp4 -filter:v 'crop=100:100, hflip' -filter:a aresample=16000 out.flv");
    assert_eq!(output.video.filters.as_deref(), Some("crop=100:100, hflip"));
    assert_eq!(output.audio.filters.as_deref(), Some("aresample=16000"));
}

#[test]
fn modes_of_the_frame_rate() {
    for (written, mode) in [
        ("-vsync 0", FpsMode::Passthrough),
        ("-vsync cfr", FpsMode::Constant),
        ("-fps_mode vfr", FpsMode::Variable),
        ("-fps_mode:v passthrough", FpsMode::Passthrough),
        ("-vsync -1", FpsMode::Auto),
    ] {
        assert_eq!(one(&format!("-i a.mp4 {written} out.flv")).1.video.fps_mode, mode, "{written}");
    }
}

#[test]
fn key_frames_when_they_are_wanted() {
    let (_, output) = one("-i a.mp4 -force_key_frames expr:gte(t,n_forced*2) out.flv");
    assert_eq!(output.video.key_frame_interval, Some(Duration::from_secs(2)));
    let (_, output) = one("-i a.mp4 -force_key_frames 0,2.5,00:00:10 out.flv");
    let times = [0, 2_500, 10_000].map(Duration::from_millis);
    assert_eq!(output.video.force_key_frames, times);
}

#[test]
fn quality_in_place_of_a_rate() {
    assert_eq!(one("-i a.mp4 -c:v libx264 -crf 23 out.flv").1.video.quality, Some(23.0));
    assert_eq!(one("-i a.mp4 -qp 18 -bf 0 out.flv").1.video.quality, Some(18.0));
    assert_eq!(one("-i a.mp4 -bf 2 out.flv").1.video.b_frames, Some(2));
    let run = convert("-i a.mp4 -crf 23 -maxrate 2M -bufsize 4M out.flv");
    let video = &run.job.outputs[0].video;
    assert_eq!((video.quality, video.bit_rate), (None, Some(2_000_000)));
    assert_eq!(run.notes.len(), 2);
}

#[test]
fn profiles_and_levels() {
    let run = convert("-i a.mp4 -vprofile main -level:v 40 -profile:a aac_low out.flv");
    let video = &run.job.outputs[0].video;
    assert_eq!((video.profile.as_deref(), video.level), (Some("main"), Some(40)));
    assert_eq!(run.notes, ["-profile:a has no effect: AAC-LC is what there is"]);
}

#[test]
fn bit_rates() {
    for (written, rate) in
        [("1M", 1_000_000), ("1.5M", 1_500_000), ("1Mi", 1_048_576), ("100KiB", 819_200), ("750000", 750_000)]
    {
        assert_eq!(
            one(&format!("-i a.mp4 -b:v {written} out.flv")).1.video.bit_rate,
            Some(rate),
            "{written}"
        );
    }
    assert_eq!(one("-i a.mp4 -b:v:0 1M out.flv").1.video.bit_rate, Some(1_000_000));
    assert_eq!(one("-i a.mp4 -b:v 0 -crf 30 out.flv").1.video.bit_rate, None);
    let run = convert("-i a.mp4 -b 1M out.flv");
    assert_eq!(
        (run.job.outputs[0].video.bit_rate, run.job.outputs[0].audio.bit_rate),
        (Some(1_000_000), None)
    );
    assert_eq!(run.notes.len(), 1);
}

#[test]
fn tags() {
    let run =
        convert("-i a.mp4 -metadata title='A b' -metadata comment=x=y -metadata:s:a:0 language=eng out.flv");
    let expected = [("title".into(), "A b".into()), ("comment".into(), "x=y".into())];
    assert_eq!(run.job.outputs[0].metadata, expected);
    assert_eq!(run.notes.len(), 1, "{:?}", run.notes);
    let (_, output) = one("-i a.mp4 -metadata service_name=Nine -metadata service_name= out.ts");
    assert_eq!(output.metadata, [("service_name".into(), String::new())], "what the input has is taken away");
    let left = |line: &str| one(line).1.no_input_metadata;
    assert_eq!(
        (left("-i a.mp4 -map_metadata -1 o.mp4"), left("-i a.mp4 -map_metadata 0 o.mp4")),
        (true, false)
    );
    assert_eq!(convert("-i a.mp4 -map_metadata 1 o.mp4").notes.len(), 1);
}

#[test]
fn flags_of_flv() {
    let flags = |written: &str| one(&format!("-i a.mp4 -flvflags {written} out.flv")).1.flv_flags;
    assert_eq!(flags("no_duration_filesize"), ["no_duration_filesize"]);
    assert_eq!(flags("+no_duration_filesize+no_metadata"), ["no_duration_filesize", "no_metadata"]);
    assert_eq!(flags("no_metadata-no_metadata+add_keyframe_index"), ["add_keyframe_index"]);
}

#[test]
fn a_camera_script_full_of_options_without_effect() {
    let run = convert(
        "-fflags nobuffer -flags low_delay -strict experimental -thread_queue_size 512 -probesize 32 \
         -analyzeduration 0 -i udp://127.0.0.1:5000 -threads 4 -profile:v baseline -level 3.1 -x264-params \
         keyint=60:no-scenecut -max_muxing_queue_size 1024 -movflags +faststart -q:a 2 -pkt_size 1316 \
         -avoid_negative_ts make_zero -start_at_zero -f mpegts -",
    );
    assert_eq!(run.notes.len(), 13, "{:#?}", run.notes);
    assert!(run.notes.iter().all(|note| note.contains(" has no effect: ")));
    assert!(run.notes.iter().any(|note| note.starts_with("-q:a has no effect")));
    let video = &run.job.outputs[0].video;
    assert_eq!((video.profile.as_deref(), video.level), (Some("baseline"), Some(31)));
}

#[test]
fn the_same_line_of_warning_is_said_once() {
    let run = convert("-threads 1 -i a.mp4 -threads 1 a.flv -threads 1 b.flv");
    assert_eq!(run.notes.len(), 1);
}
