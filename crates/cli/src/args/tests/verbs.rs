//! Verbs, and what is printed on request.

use std::time::Duration;

use brooklet::rtmp::{Access, Token};
use brooklet::{Buffering, CatchUp};
use brooklet_media::Rational;

use super::*;
use crate::command::{Show, Table};

#[test]
fn play_buffers_what_comes_by_datagrams() {
    let line = "play -f s16le -ar 8000 -ac 1 udp://0.0.0.0:5005?timeout=5000000 -buffer 1s -catch_up speed";
    let Ok(Command::Play { spec, .. }) = read(line) else { panic!("{line}") };
    let expected = Buffering { delay: Duration::from_secs(1), catch_up: CatchUp::Hasten };
    assert_eq!(spec.input.buffer, Some(expected));
}

#[test]
fn things_to_print() {
    for (line, show) in [
        ("-version", Show::Version),
        ("--version", Show::Version),
        ("-hide_banner -bsfs", Show::Table(Table::BitstreamFilters)),
        ("-hide_banner -encoders", Show::Table(Table::Encoders)),
        ("-v quiet -pix_fmts", Show::Table(Table::PixelFormats)),
        ("-h", Show::Help),
        ("--help", Show::Help),
        ("help", Show::Help),
        ("demo -h", Show::Help),
    ] {
        assert!(matches!(read(line), Ok(Command::Show { show: given, .. }) if given == show), "{line}");
    }
    for line in ["-h full", "help full"] {
        assert!(
            matches!(read(line), Ok(Command::Show { topic: Some(topic), .. }) if topic == "full"),
            "{line}"
        );
    }
    assert!(matches!(read("-h -y"), Ok(Command::Show { topic: None, .. })));
}

#[test]
fn an_input_alone_is_described() {
    assert!(
        matches!(read("-i a.mp4 -hide_banner"), Ok(Command::Describe { inputs, .. }) if inputs.len() == 1)
    );
}

#[test]
fn looking_at_a_file() {
    for line in [
        "probe a.mp4 -json",
        "probe -json -v error a.mp4",
        "probe -of json -show_streams -i a.mp4",
        "-v quiet -hide_banner probe -json a.mp4",
    ] {
        assert!(
            matches!(read(line), Ok(Command::Probe { input, json: true, .. }) if input.url == "a.mp4"),
            "{line}"
        );
    }
    let Ok(Command::Probe { input, json: false, .. }) = read("probe -f rawvideo -s 64x64 a.raw") else {
        panic!()
    };
    assert_eq!((input.format.as_deref(), input.video_size), (Some("rawvideo"), Some((64, 64))));
}

#[test]
fn the_demonstration() {
    let Ok(Command::Demo { options, globals }) =
        read("demo -size hd720 -rate 25 --rtmp rtmp://0.0.0.0/a/b --udp udp://10.0.0.1:5000 -t 5 -nostdin")
    else {
        panic!()
    };
    let expected = DemoOptions {
        size: (1280, 720),
        rate: Rational::whole(25),
        rtmp: "rtmp://0.0.0.0/a/b".into(),
        udp: "udp://10.0.0.1:5000".into(),
        duration: Some(Duration::from_secs(5)),
        ..DemoOptions::default()
    };
    assert_eq!(*options, expected);
    assert!(!globals.stdin);
    assert!(matches!(read("demo"), Ok(Command::Demo { options, .. }) if *options == DemoOptions::default()));
}

#[test]
fn the_server() {
    let Ok(Command::Serve { options, globals }) = read(
        "-v error serve --rtmp rtmp://[::]:1936/ --publish-token a1 -play_token b2 -max_connections 5k \
         -max_connections_per_address 7 -grace 2 -wait 500ms -max_message 1M",
    ) else {
        panic!()
    };
    assert_eq!(options.rtmp, "[::]:1936");
    let token = |text| Access::Token(Token::new(text).unwrap());
    assert_eq!((&options.server.publish, &options.server.play), (&token("a1"), &token("b2")));
    assert_eq!((options.server.connections, options.server.connections_of_one), (5_000, 7));
    assert_eq!(options.hub.grace, Duration::from_secs(2));
    assert_eq!((options.server.wait, options.server.message), (Duration::from_millis(500), 1_000_000));
    assert_eq!(globals.level, crate::log::Level::Error);
    assert!(
        matches!(read("serve"), Ok(Command::Serve { options, .. }) if *options == ServeOptions::default())
    );
    assert_eq!(ServeOptions::default().rtmp, "127.0.0.1:1935", "nobody but this machine, unless asked");
    for (line, says) in [
        ("serve a.mp4", "publish it to the server"),
        ("serve -play_token a&b", "letters, digits"),
        ("serve -re", "not of brooklet serve"),
        ("-grace 1 -i a.mp4 b.flv", "serve"),
    ] {
        let error = read(line).unwrap_err().to_string();
        assert!(error.contains(says), "{line}: {error}");
    }
}
