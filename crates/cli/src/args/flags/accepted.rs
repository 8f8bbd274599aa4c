//! Options that scripts say and that nothing comes of: each is one line of warning, with the reason.

use crate::args::flag::{Flag, Takes};

const NOTHING: Takes = Takes::Nothing;
const VALUE: Takes = Takes::Value("VALUE");

const ENCODER: &str = "the encoder has no such setting";
const BUFFERS: &str = "buffers are sized by themselves";
const PROBING: &str = "inputs are looked at no longer than they need";
const TIME: &str = "timestamps are kept in order by themselves";
const MOVIE: &str = "MP4 is laid out by -movflags and -frag_duration; its clocks are those of its streams";
const SOFTWARE: &str = "decoding and encoding are done in software";

pub(super) const FLAGS: &[Flag] = &[
    accepted("minrate", ENCODER),
    accepted("bufsize", "the encoder keeps no rate buffer"),
    accepted("rc_init_occupancy", "the encoder keeps no rate buffer"),
    accepted("keyint_min", "key frames come when -g says, and no sooner"),
    accepted("sc_threshold", "key frames come when -g says, and no sooner"),
    accepted("refs", ENCODER),
    accepted("me_method", ENCODER),
    accepted("subq", ENCODER),
    accepted("me_range", ENCODER),
    accepted("qmin", ENCODER),
    accepted("qmax", ENCODER),
    accepted("qdiff", ENCODER),
    accepted("qcomp", ENCODER),
    accepted("trellis", ENCODER),
    accepted("coder", ENCODER),
    accepted("nal-hrd", ENCODER),
    accepted("x264-params", ENCODER).alias(&["x264opts", "svtav1-params", "aom-params", "rav1e-params"]),
    accepted("row-mt", ENCODER).alias(&["tiles", "tile-columns", "tile-rows", "usage", "deadline"]),
    accepted("q", "use -crf or -b:v for pictures, -b:a for sound").alias(&["qscale", "aq"]),
    accepted("rc", ENCODER),
    accepted("cbr", ENCODER),
    accepted("cutoff", ENCODER),
    accepted("aac_coder", ENCODER),
    accepted("pass", "one pass is all that is needed"),
    accepted("passlogfile", "one pass is all that is needed"),
    accepted("aspect", "the shape of samples is kept as it is"),
    accepted("colorspace", "the colours of the input are kept").alias(&[
        "color_primaries",
        "color_trc",
        "color_range",
    ]),
    accepted("field_order", "pictures are progressive"),
    accepted("threads", "each codec has a thread of its own"),
    accepted("filter_threads", "each codec has a thread of its own"),
    accepted("thread_type", "each codec has a thread of its own"),
    accepted("slices", ENCODER),
    accepted("strict", "no codec here is experimental"),
    accepted("hwaccel", SOFTWARE).alias(&["hwaccel_device", "hwaccel_output_format"]),
    accepted("probesize", PROBING),
    accepted("analyzeduration", PROBING),
    accepted("fpsprobesize", PROBING),
    accepted("max_probe_packets", PROBING),
    accepted("guess_layout_max", "a bare number of channels stands for its usual layout"),
    accepted("fflags", "live inputs are not held back, and damaged packets are skipped"),
    accepted("flags", "live outputs take their low-delay settings by themselves"),
    accepted("flags2", ENCODER),
    accepted("err_detect", "damaged packets are skipped"),
    accepted("rtbufsize", BUFFERS),
    accepted("thread_queue_size", BUFFERS),
    accepted("max_muxing_queue_size", BUFFERS),
    accepted("max_interleave_delta", BUFFERS),
    accepted("buffer_size", BUFFERS),
    accepted("fifo_size", BUFFERS),
    accepted("flush_packets", "packets are written as they come"),
    accepted("muxdelay", "packets are written as they come"),
    accepted("muxpreload", "packets are written as they come"),
    accepted("pkt_size", "write it into the URL: udp://host:port?pkt_size=1316"),
    accepted("video_track_timescale", MOVIE),
    accepted("movie_timescale", MOVIE),
    accepted("min_frag_duration", MOVIE),
    accepted("frag_size", MOVIE),
    accepted("moov_size", MOVIE),
    accepted("brand", MOVIE),
    accepted("use_editlist", MOVIE),
    accepted("write_tmcd", MOVIE),
    accepted("write_btrt", MOVIE),
    accepted("write_prft", MOVIE),
    accepted("timecode", "no timecode track is written"),
    accepted("default_mode", "the first stream of its kind is the default one"),
    accepted("write_id3v1", "MP3 files have ID3v2"),
    accepted("mpegts_flags", "tables are repeated, and key frames marked, by themselves"),
    accepted("pat_period", "tables are repeated at least every 100 ms"),
    accepted("pcr_period", "the clock is sent at least every 40 ms"),
    accepted("avoid_negative_ts", TIME),
    accepted("copytb", TIME),
    accepted("enc_time_base", TIME),
    accepted("async", TIME),
    switch("start_at_zero", TIME),
    accepted("itsscale", TIME),
    accepted("readrate_initial_burst", "-re begins at once"),
    accepted("loop", "pictures are not repeated; -stream_loop repeats an input"),
    accepted("bsf", "bitstreams are converted as the container wants them")
        .short(&[("vbsf", "v"), ("absf", "a")]),
    accepted("tag", "the container's own tag is written").short(&[("vtag", "v"), ("atag", "a")]),
    accepted("map_chapters", "chapters are left out"),
    accepted("disposition", "the first stream of its kind is the default one"),
    switch("ignore_unknown", "streams of no known kind are left out"),
    switch("copy_unknown", "streams of no known kind are left out"),
    switch("bitexact", "there is nothing that changes from run to run"),
    switch("accurate_seek", "-ss is always exact where pictures or sound are decoded"),
    switch("autorotate", "pictures are not turned"),
    switch("benchmark", "time and memory are not measured"),
    accepted("sws_flags", "scaling is bicubic; -vf scale=…:flags= chooses another"),
    accepted("max_error_rate", "an error is an error"),
    switch("xerror", "an error is an error"),
    accepted("cpuflags", "the processor is asked what it can do"),
];

const fn accepted(name: &'static str, why: &'static str) -> Flag {
    Flag::accepted(name, VALUE, why)
}

/// One without a value.
const fn switch(name: &'static str, why: &'static str) -> Flag {
    Flag::accepted(name, NOTHING, why).switch()
}
