//! Options of outputs that are devices: a speaker, a window.

use crate::args::flag::{Choices, Flag};
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
    Flag::input("input_format", |input, given| {
        input.spec.device.input_format = Some(given.value.clone());
        Ok(())
    })
    .value("FORMAT")
    .help("of a camera: what it is to give: mjpeg, yuyv422, nv12, h264"),
    Flag::input("fragment_size", |input, given| {
        input.spec.device.fragment_size = Some(given.positive()?);
        Ok(())
    })
    .value("BYTES")
    .help("of a microphone: how much sound is captured before it is handed on: 20 ms"),
    Flag::output("window_size", |output, given| {
        output.spec.device.size = Some(given.size()?);
        Ok(())
    })
    .value("WxH")
    .choices(Choices::Sizes)
    .help("of a window, in pixels: that of the pictures, or as large as the screen allows"),
    Flag::output("window_x", |output, given| {
        output.spec.device.position.get_or_insert_default().0 = given.signed()?;
        Ok(())
    })
    .value("N")
    .help("pixels from the left side of the screen to a window"),
    Flag::output("window_y", |output, given| {
        output.spec.device.position.get_or_insert_default().1 = given.signed()?;
        Ok(())
    })
    .value("N")
    .help("pixels from the upper side of the screen to a window"),
    Flag::output("window_fullscreen", |output, given| {
        output.spec.device.fullscreen = given.switch()?;
        Ok(())
    })
    .value("0|1")
    .choices(Choices::Words(&["0", "1"]))
    .help("whether a window fills the screen"),
    Flag::output("window_borderless", |output, given| {
        output.spec.device.borderless = given.switch()?;
        Ok(())
    })
    .value("0|1")
    .choices(Choices::Words(&["0", "1"]))
    .help("whether a window has no frame"),
];
