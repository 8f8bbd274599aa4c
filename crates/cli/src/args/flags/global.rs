//! Options of the whole run; they may stand anywhere.

use crate::args::draft::Overwrite;
use crate::args::flag::{Choices, Flag};

pub(super) const FLAGS: &[Flag] = &[
    Flag::global("y", |globals, _| {
        globals.overwrite = Overwrite::Always;
        Ok(())
    })
    .common()
    .help("replace output files that exist"),
    Flag::global("n", |globals, _| {
        globals.overwrite = Overwrite::Never;
        Ok(())
    })
    .common()
    .help("never replace a file: end with an error where one exists"),
    Flag::global("v", |globals, given| {
        globals.level = given.word()?;
        Ok(())
    })
    .alias(&["loglevel"])
    .value("LEVEL")
    .choices(Choices::Words(&["quiet", "error", "warning", "info", "verbose", "debug"]))
    .common()
    .help("how much to say: quiet, error, warning, info, verbose, debug, or ffmpeg's number"),
    Flag::global("hide_banner", |globals, given| {
        globals.hide_banner = given.on;
        Ok(())
    })
    .switch()
    .common()
    .help("leave out the line with the version"),
    Flag::global("stats", |globals, given| {
        globals.stats = Some(given.on);
        Ok(())
    })
    .switch()
    .common()
    .help("show the status line; on by itself where stderr is a terminal")
    .details("Without it, where stderr is no terminal, only the last status line is written."),
    Flag::global("stats_period", |globals, given| {
        let period = given.duration()?;
        globals.stats_period = given.read(Some(period).filter(|period| !period.is_zero()), "longer than 0")?;
        Ok(())
    })
    .value("TIME")
    .help("how often to refresh status and progress: 0.5"),
    Flag::global("copyts", |globals, given| {
        globals.copy_timestamps = given.on;
        Ok(())
    })
    .switch()
    .help("leave timestamps as they are in the inputs, for all outputs"),
    Flag::global("progress", |globals, given| {
        globals.progress = Some(given.value.clone());
        Ok(())
    })
    .value("URL")
    .choices(Choices::Files)
    .help("write progress for programs to a file, - or pipe:1, pipe:N, tcp:// or udp://host:port")
    .details(
        "Blocks of lines key=value with ffmpeg's keys (frame, fps, bitrate, total_size, out_time_us, out_time_ms, \
         out_time, dup_frames, drop_frames, speed); the last line of each is progress=continue, or progress=end.",
    ),
    Flag::global("stdin", |globals, given| {
        globals.stdin = given.on;
        Ok(())
    })
    .switch()
    .help("read keys from stdin where it is a terminal, or q from a pipe; -nostdin never touches it"),
    Flag::global("sdp_file", |globals, given| {
        globals.sdp_file = Some(given.value.clone().into());
        Ok(())
    })
    .value("FILE")
    .choices(Choices::Files)
    .help("describe there what is sent by rtp://, for those who receive it"),
];
