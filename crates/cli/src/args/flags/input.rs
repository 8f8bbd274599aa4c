//! Options that stand before inputs only.

use crate::args::flag::Flag;

pub(super) const FLAGS: &[Flag] = &[
    Flag::input("re", |input, given| {
        input.spec.realtime = given.on;
        Ok(())
    })
    .switch()
    .common()
    .help("read no faster than the timestamps say: for live outputs from files"),
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
];
