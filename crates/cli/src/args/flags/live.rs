//! Options of peers that may go away.

use brooklet::job::Reconnect;

use crate::args::flag::{Choices, Flag, Outcome};
use crate::args::given::Given;

const SWITCH: Choices = Choices::Words(&["0", "1"]);

pub(super) const FLAGS: &[Flag] = &[
    Flag::file(
        "reconnect",
        |input, given| enable(&mut input.spec.reconnect, given),
        |output, given| enable(&mut output.spec.reconnect, given),
    )
    .value("0|1")
    .choices(SWITCH)
    .help("connect again where a live connection breaks in the middle")
    .details(
        "Of rtmp://, http:// and icecast://. The first connection is tried once, so that a wrong address is told at once. An input that \
         nothing comes from counts as broken after -rw_timeout, 30 s where none is given. An output goes on at a key \
         frame; its encoder does not stop.",
    ),
    Flag::file(
        "reconnect_at_eof",
        |input, given| at_end(&mut input.spec.reconnect, given),
        |output, given| at_end(&mut output.spec.reconnect, given),
    )
    .value("0|1")
    .choices(SWITCH)
    .help("connect again also where the server says that the stream is over"),
    Flag::file(
        "reconnect_delay_max",
        |input, given| delay(&mut input.spec.reconnect, given),
        |output, given| delay(&mut output.spec.reconnect, given),
    )
    .value("TIME")
    .help("the longest wait before connecting again, in seconds; 30 where none is given")
    .details("The first wait is half a second, and each is twice the one before."),
    Flag::file(
        "reconnect_max_retries",
        |input, given| retries(&mut input.spec.reconnect, given),
        |output, given| retries(&mut output.spec.reconnect, given),
    )
    .value("COUNT")
    .help("give up after so many tries in a row; without limit where none is given"),
    Flag::output("max_delay", |output, given| {
        output.spec.max_delay = given.timeout()?;
        Ok(())
    })
    .value("TIME")
    .help("how far a server may fall behind before it skips to a key frame, in microseconds; or 5s")
    .details(
        "Of rtmp:// only. What is live, or read with -re, has 5 s where nothing is given: packets that wait for longer are \
         dropped up to the last key frame, and counted as drop= in the status line. All else waits for the server.",
    ),
];

fn enable(how: &mut Reconnect, given: &Given) -> Outcome {
    how.enabled = given.switch()?;
    Ok(())
}

fn at_end(how: &mut Reconnect, given: &Given) -> Outcome {
    how.at_end = given.switch()?;
    Ok(())
}

fn delay(how: &mut Reconnect, given: &Given) -> Outcome {
    how.delay_max = given.duration()?;
    Ok(())
}

/// -1 is without limit, as in ffmpeg.
fn retries(how: &mut Reconnect, given: &Given) -> Outcome {
    how.max_retries = u32::try_from(given.signed()?).ok();
    Ok(())
}
