//! Options that stand before inputs only.

use std::time::Duration;

use brooklet::{Buffering, CatchUp};

use crate::args::flag::{Choices, Flag};

pub(super) const FLAGS: &[Flag] = &[
    Flag::input("re", |input, given| {
        input.spec.realtime = given.on;
        Ok(())
    })
    .switch()
    .common()
    .help("read no faster than the timestamps say: for live outputs from files"),
    Flag::input("use_wallclock_as_timestamps", |input, given| {
        input.spec.wallclock = match given.value.as_str() {
            "0" => false,
            "1" => true,
            _ => return Err(given.refuse("known: 1 (packets have the time at which they came), 0 (their own)")),
        };
        Ok(())
    })
    .value("0|1")
    .choices(Choices::Words(&["0", "1"]))
    .help("1: packets have the time at which they came: for cameras whose format tells none (MJPEG)"),
    Flag::input("readrate", |input, given| {
        input.spec.realtime = match given.number()? {
            0.0 => false,
            1.0 => true,
            _ => return Err(given.refuse("only 1 (as -re) and 0 (as fast as it goes) are supported")),
        };
        Ok(())
    })
    .value("SPEED")
    .help("1 is the same as -re, 0 is as fast as it goes"),
    Flag::input("stream_loop", |input, given| {
        let loops = given.signed()?;
        input.spec.loops =
            given.read(Some(loops).filter(|loops| *loops >= -1), "a number from -1 (for ever) on")?;
        Ok(())
    })
    .value("N")
    .common()
    .help("begin again so many times; -1 is for ever"),
    Flag::input("itsoffset", |input, given| {
        input.spec.offset_nanos = given.time()?;
        Ok(())
    })
    .value("TIME")
    .help("add this to every timestamp; may be negative"),
    Flag::input("buffer", |input, given| {
        let delay = given.duration()?;
        let known = input.spec.buffer.map_or(CatchUp::Drop, |known| known.catch_up);
        input.spec.buffer = Some(Buffering { delay, catch_up: known });
        Ok(())
    })
    .value("TIME")
    .common()
    .help("play sound as it comes: gather so much first, conceal what is lost; 60ms or 1s")
    .details(
        "Of rtp:// and .sdp, and of bare samples over udp:// (-f s16le). The delay grows as far as the network needs, and is never \
         less than TIME, 40 ms at least. What is lost is concealed, what comes too fast is dropped or hastened (-catch_up), and \
         the sender's clock is followed by resampling. It ends when nothing came for ?timeout= or -timeout, or with the \
         sender's goodbye. Without -buffer, packets are read as they come.",
    ),
    Flag::input("catch_up", |input, given| {
        let catch_up = match given.value.as_str() {
            "drop" => Some(CatchUp::Drop),
            "speed" => Some(CatchUp::Hasten),
            _ => None,
        };
        let catch_up = given.read(catch_up, "drop or speed")?;
        let delay = input.spec.buffer.map_or(Duration::from_secs(1), |known| known.delay);
        input.spec.buffer = Some(Buffering { delay, catch_up });
        Ok(())
    })
    .value("HOW")
    .choices(Choices::Words(&["drop", "speed"]))
    .help("what becomes of sound that comes faster than it can be played: drop, or speed"),
];
