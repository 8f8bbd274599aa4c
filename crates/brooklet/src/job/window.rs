//! `-ss`, `-t` and `-to`: which part of a stream is wanted.

use std::time::Duration;

use brooklet_media::Timestamp;

use super::Job;
use super::spec::{InputSpec, OutputSpec};
use crate::input::Input;
use crate::stage::cut::Window;

/// That of an input, for frames: exact. Without `-ss`, nothing is cut from the start.
pub(super) fn decode_window(spec: &InputSpec) -> Window {
    let length = length(spec);
    Window { from: spec.start.map(|_| Timestamp::ZERO), to: length.map(|length| Timestamp::ZERO + length) }
}

/// The same for packets: everything that a frame before the end may need.
pub(super) fn input_window(spec: &InputSpec, input: &Input) -> Window {
    // A picture is shown after it is decoded: what is decoded by the end is needed.
    let reorder = if input.is_live() { Duration::ZERO } else { Duration::from_millis(1) };
    Window { from: None, to: length(spec).map(|length| Timestamp::ZERO + length + reorder) }
}

/// How much of an input is wanted.
fn length(spec: &InputSpec) -> Option<Duration> {
    spec.duration.or(spec.end.map(|end| end.saturating_sub(spec.start.unwrap_or_default())))
}

/// That of an output.
pub(super) fn output_window(spec: &OutputSpec) -> Window {
    let start = spec.start.unwrap_or_default();
    let end = spec.duration.map(|duration| start + duration).or(spec.end);
    Window { from: spec.start.map(|start| Timestamp::ZERO + start), to: end.map(|end| Timestamp::ZERO + end) }
}

/// Length of the first output, where it is known.
pub(super) fn total(job: &Job, inputs: &[Input]) -> Option<Duration> {
    let of_input = |(spec, input): (&InputSpec, &Input)| {
        let whole = input.duration().map(|whole| whole.saturating_sub(spec.start.unwrap_or_default()));
        match (length(spec), whole) {
            _ if spec.loops != 0 => None,
            (Some(wanted), Some(whole)) => Some(wanted.min(whole)),
            (wanted, whole) => wanted.or(whole),
        }
    };
    let longest = job.inputs.iter().zip(inputs).map(of_input).max().flatten();
    let output = &job.outputs[0];
    let limit =
        output.duration.or(output.end.map(|end| end.saturating_sub(output.start.unwrap_or_default())));
    match (limit, longest) {
        (Some(limit), Some(longest)) => Some(limit.min(longest)),
        (limit, longest) => limit.or(longest),
    }
}
