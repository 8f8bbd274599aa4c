//! Options of sound.

use std::time::Duration;

use crate::args::flag::{Choices, Flag};

pub(super) const FLAGS: &[Flag] = &[
    Flag::audio(
        "sample_fmt",
        |input, given| {
            input.spec.sample_format = given.format()?;
            Ok(())
        },
        |output, given| {
            output.spec.audio.sample_format = given.format()?;
            Ok(())
        },
    )
    .value("FORMAT")
    .choices(Choices::SampleFormats)
    .help("sample format: s16, fltp; of an input, what a microphone gives"),
    Flag::output("application", |output, given| {
        output.spec.audio.opus.application = given.word()?;
        Ok(())
    })
    .value("KIND")
    .help("Opus: what to tune for: audio, voip, lowdelay"),
    Flag::output("frame_duration", |output, given| {
        let millis = given.number()?;
        let length = Duration::try_from_secs_f64(millis / 1_000.0).ok();
        output.spec.audio.opus.frame_duration =
            given.read(length, "milliseconds: 2.5, 5, 10, 20, 40, 60, 80, 100, 120")?;
        Ok(())
    })
    .value("MS")
    .help("Opus: the length of a packet, 2.5 to 120 ms; 20 where nothing is said"),
    Flag::output("fec", |output, given| {
        output.spec.audio.opus.fec = given.switch()?;
        Ok(())
    })
    .value("0|1")
    .help("Opus: each packet of speech carries a coarse copy of the one before; needs -packet_loss"),
    Flag::output("packet_loss", |output, given| {
        let percent = given.count::<u8>()?;
        let sane = (percent <= 100).then_some(percent);
        output.spec.audio.opus.packet_loss = given.read(sane, "a percentage, 0 to 100")?;
        Ok(())
    })
    .value("PERCENT")
    .help("Opus: how many packets are expected to be lost"),
    Flag::output("dtx", |output, given| {
        output.spec.audio.opus.dtx = given.switch()?;
        Ok(())
    })
    .value("0|1")
    .help("Opus: send hardly anything in pauses of speech"),
    Flag::output("vbr", |output, given| {
        output.spec.audio.opus.constant_rate = match given.value.as_str() {
            "off" | "0" => true,
            "on" | "1" | "constrained" | "2" => false,
            _ => return Err(given.refuse("on, off or constrained")),
        };
        Ok(())
    })
    .value("on|off")
    .help("Opus: off for packets of one length"),
    Flag::output("compression_level", |output, given| {
        let level = given.count::<u8>()?;
        output.spec.audio.complexity = Some(level.min(12));
        Ok(())
    })
    .value("0-12")
    .help("how hard to try: FLAC 0 to 12, Opus 0 to 10"),
];
