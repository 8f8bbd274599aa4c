//! Options of the verbs.

use crate::args::flag::{Choices, Flag};

pub(super) const FLAGS: &[Flag] = &[
    Flag::probe("json", |options, _| {
        options.json = true;
        Ok(())
    })
    .alias(&["-json"])
    .help("for programs: ffprobe's -show_format -show_streams -of json"),
    Flag::probe("of", |options, given| {
        options.json = match given.value.as_str() {
            "json" => true,
            "default" => false,
            _ => return Err(given.refuse("known: json, default")),
        };
        Ok(())
    })
    .alias(&["print_format", "output_format"])
    .value("FORMAT")
    .choices(Choices::Words(&["json", "default"]))
    .help("ffprobe's way to say -json"),
    Flag::probe("show_streams", |_, _| Ok(())).help("ffprobe's option: streams are always shown"),
    Flag::probe("show_format", |_, _| Ok(())).help("ffprobe's option: the format is always shown"),
    Flag::demo("size", |options, given| {
        options.size = given.size()?;
        Ok(())
    })
    .alias(&["s", "-size"])
    .value("SIZE")
    .choices(Choices::Sizes)
    .help("size of the test picture: 640x360"),
    Flag::demo("rate", |options, given| {
        options.rate = given.rate()?;
        Ok(())
    })
    .alias(&["r", "-rate"])
    .value("RATE")
    .choices(Choices::Rates)
    .help("pictures in a second: 30"),
    Flag::demo("rtmp", |options, given| {
        options.rtmp = given.value.clone();
        Ok(())
    })
    .alias(&["-rtmp"])
    .value("URL")
    .help("where to wait for viewers: rtmp://127.0.0.1:1935/live/app"),
    Flag::demo("udp", |options, given| {
        options.udp = given.value.clone();
        Ok(())
    })
    .alias(&["-udp"])
    .value("URL")
    .help("where to send MPEG-TS: udp://127.0.0.1:48550?pkt_size=1316"),
    Flag::demo("t", |options, given| {
        options.duration = Some(given.duration()?);
        Ok(())
    })
    .alias(&["-t"])
    .value("TIME")
    .help("how long; without it until q or Ctrl-C"),
];
