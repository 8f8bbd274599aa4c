//! `brooklet play`, with ffplay's options.

use brooklet::play::PlaySpec;

use super::super::parse;
use crate::command::Command;

fn play(line: &str) -> Result<PlaySpec, String> {
    let arguments = line.split(' ').map(Into::into).collect();
    match parse(arguments) {
        Ok(Command::Play { spec, .. }) => Ok(*spec),
        Ok(other) => Err(format!("{other:?}")),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn ffplays_options_mean_what_they_mean_there() {
    let spec =
        play("play -autoexit -nodisp -volume 50 -x 320 -y 180 -ss 10 -t 5 -loop 3 -an clip.mp4").unwrap();
    assert!(spec.auto_exit && spec.no_display && spec.input.no_audio);
    assert_eq!((spec.size, spec.volume), ((Some(320), Some(180)), 0.5));
    assert_eq!((spec.input.url.as_str(), spec.input.loops), ("clip.mp4", 2));
    assert_eq!(spec.input.start.map(|start| start.as_secs()), Some(10));
    assert_eq!(play("play -loop 0 -i clip.mp4").map(|spec| spec.input.loops), Ok(-1));
    let raw = play("play -f rawvideo -pixel_format rgb24 -video_size 64x48 -framerate 25 -").unwrap();
    assert_eq!((raw.input.format.as_deref(), raw.input.video_size), (Some("rawvideo"), Some((64, 48))));
}

#[test]
fn mistakes_are_told() {
    assert!(play("play -volume 101 clip.mp4").is_err_and(|error| error.contains("0 to 100")));
    assert!(play("play a.mp4 b.mp4").is_err_and(|error| error.contains("one thing at a time")));
    assert!(play("play -sync video a.mp4").is_err_and(|error| error.contains("audio, or ext")));
}
