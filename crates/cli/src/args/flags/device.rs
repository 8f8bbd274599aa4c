//! Options of outputs that are devices: a speaker, a window.

use crate::args::flag::Flag;
use crate::args::values::{self, Bare};

pub(super) const FLAGS: &[Flag] = &[
    Flag::output("buffer_duration", |output, given| {
        let latency = values::timeout(&given.value, Bare::Millis);
        output.spec.device.latency = given.read(latency, "a time (milliseconds, or 0.2s, 200ms)")?;
        Ok(())
    })
    .value("TIME")
    .help("from sound's being written to its being heard, in milliseconds, or 0.2s: 200")
    .details("Of speakers only. Shorter answers sooner, longer stumbles less; the device may need more than is asked."),
    Flag::output("window_title", |output, given| {
        output.spec.device.title = Some(given.value.clone());
        Ok(())
    })
    .alias(&["stream_name"])
    .value("TITLE")
    .help("of a window, what stands over it; of a speaker, what mixers show"),
    Flag::input("fragment_size", |input, given| {
        input.spec.device.fragment_size = Some(given.positive()?);
        Ok(())
    })
    .value("BYTES")
    .help("of a microphone: how much sound is captured before it is handed on: 20 ms"),
];
