//! Options that print something and end.

use crate::args::flag::Flag;
use crate::command::{Show, Table};

pub(super) const FLAGS: &[Flag] = &[
    Flag::show("h", Show::Help)
        .alias(&["help", "-help", "?"])
        .maybe("long|full|OPTION")
        .common()
        .help("this help; long: more options; full: all; OPTION: that one"),
    Flag::show("version", Show::Version).alias(&["-version"]).common().help("the version"),
    table("formats", Table::Formats, "containers that are read and written"),
    table("demuxers", Table::Demuxers, "containers that are read"),
    table("muxers", Table::Muxers, "containers that are written"),
    table("devices", Table::Devices, "inputs and outputs that are no files"),
    Flag::show("sources", Show::Sources)
        .maybe("DEVICE")
        .help("devices that media come from: all, or those of pulse, v4l2"),
    Flag::show("sinks", Show::Sinks)
        .maybe("DEVICE")
        .help("devices that media go to: all, or those of pulse, window"),
    table("codecs", Table::Codecs, "codecs that are known"),
    table("decoders", Table::Decoders, "codecs that are decoded"),
    table("encoders", Table::Encoders, "codecs that are encoded"),
    table("bsfs", Table::BitstreamFilters, "bitstream filters: none"),
    table("hwaccels", Table::Accelerations, "ways to use hardware: none"),
    table("protocols", Table::Protocols, "schemes of URLs"),
    table("filters", Table::Filters, "filters for -vf and -af"),
    table("pix_fmts", Table::PixelFormats, "pixel formats"),
    table("sample_fmts", Table::SampleFormats, "sample formats"),
    table("layouts", Table::Layouts, "channel layouts"),
];

const fn table(name: &'static str, table: Table, help: &'static str) -> Flag {
    Flag::show(name, Show::Table(table)).help(help)
}
