//! Options that change what comes out, and are not supported: an error, not a line of warning.

use crate::args::flag::{Flag, Takes};

const DEVICES: &str = "brooklet devices lists cameras, speakers and microphones, and what they can do";
const VALUE: Takes = Takes::Value("VALUE");

pub(super) const FLAGS: &[Flag] = &[
    refused("filter_complex", "filter graphs are not supported; -vf, -af and -map do what one input needs"),
    refused("lavfi", "filter graphs are not supported; test pictures are -f lavfi -i testsrc2"),
    refused("filter_complex_script", "filter graphs are not supported; use -vf, -af and -map"),
    refused("fs", "a limit in bytes is not supported; -t is one in time"),
    refused("sseof", "seeking from the end is not supported; -ss counts from the start"),
    refused("hls_time", "HLS is not supported"),
    refused("segment_time", "segments are not supported; run once for each with -ss and -t"),
    refused("list_devices", DEVICES),
    refused("list_formats", DEVICES),
    refused("list_options", DEVICES),
    refused("attach", "attachments are not supported"),
    refused("map_channel", "channels are not mapped one by one; -ac mixes them"),
];

const fn refused(name: &'static str, why: &'static str) -> Flag {
    Flag::refused(name, VALUE, why)
}
