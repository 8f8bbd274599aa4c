//! Options of sound.

use crate::args::flag::{Choices, Flag};

pub(super) const FLAGS: &[Flag] = &[Flag::audio(
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
.help("sample format: s16, fltp; of an input, what a microphone gives")];
