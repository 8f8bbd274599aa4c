//! Options of inputs and outputs on a network: RTMP's, by ffmpeg's names, and TLS's.

use std::path::PathBuf;

use crate::args::flag::{Choices, Flag, Outcome};
use crate::args::given::Given;

pub(super) const FLAGS: &[Flag] = &[
    Flag::file(
        "rtmp_app",
        |input, given| text(&mut input.spec.rtmp.app, given),
        |output, given| text(&mut output.spec.rtmp.app, given),
    )
    .value("NAME")
    .help("the application of the server, in place of the URL's"),
    Flag::file(
        "rtmp_playpath",
        |input, given| text(&mut input.spec.rtmp.playpath, given),
        |output, given| text(&mut output.spec.rtmp.playpath, given),
    )
    .value("NAME")
    .help("the stream to play or to publish, in place of the URL's"),
    Flag::file(
        "rtmp_tcurl",
        |input, given| text(&mut input.spec.rtmp.tc_url, given),
        |output, given| text(&mut output.spec.rtmp.tc_url, given),
    )
    .value("URL")
    .help("what to tell the server that the URL of the application is"),
    Flag::file(
        "rtmp_live",
        |input, given| word(&mut input.spec.rtmp.live, given),
        |output, given| word(&mut output.spec.rtmp.live, given),
    )
    .value("WHICH")
    .choices(Choices::Words(&["any", "live", "recorded"]))
    .help("which streams to play: live, recorded, or any"),
    Flag::file(
        "rtmp_flashver",
        |input, given| text(&mut input.spec.rtmp.flash_version, given),
        |output, given| text(&mut output.spec.rtmp.flash_version, given),
    )
    .value("TEXT")
    .help("what to tell the server that we are"),
    Flag::file(
        "rtmp_swfurl",
        |input, given| text(&mut input.spec.rtmp.swf_url, given),
        |output, given| text(&mut output.spec.rtmp.swf_url, given),
    )
    .value("URL")
    .help("what to tell the server that the URL of our Flash program is"),
    Flag::file(
        "rtmp_pageurl",
        |input, given| text(&mut input.spec.rtmp.page_url, given),
        |output, given| text(&mut output.spec.rtmp.page_url, given),
    )
    .value("URL")
    .help("what to tell the server that the page around the player is"),
    Flag::file(
        "rtmp_conn",
        |input, given| text(&mut input.spec.rtmp.connect_values, given),
        |output, given| text(&mut output.spec.rtmp.connect_values, given),
    )
    .value("VALUES")
    .help("values at the end of connect: B:1 S:text N:1.5 O:1 NS:name:text O:0"),
    Flag::file(
        "rtmp_subscribe",
        |input, given| text(&mut input.spec.rtmp.subscribe, given),
        |output, given| text(&mut output.spec.rtmp.subscribe, given),
    )
    .value("NAME")
    .help("the live stream to subscribe to; without it the one that -rtmp_live live plays"),
    Flag::file(
        "rtmp_enhanced_codecs",
        |input, given| text(&mut input.spec.rtmp.enhanced_codecs, given),
        |output, given| text(&mut output.spec.rtmp.enhanced_codecs, given),
    )
    .value("LIST")
    .help("codecs beyond RTMP 1.0 to tell the server of, by FourCC: hvc1,av01,Opus")
    .details(
        "Without it the server is told of all that can be carried; an empty LIST tells it nothing, for servers that take offence.",
    ),
    Flag::file(
        "rtmp_buffer",
        |input, given| millis(&mut input.spec.rtmp.buffer, given),
        |output, given| millis(&mut output.spec.rtmp.buffer, given),
    )
    .value("MS")
    .help("how long to tell the server that we buffer, in milliseconds: 3000"),
    Flag::file(
        "tls_verify",
        |input, given| truth(&mut input.spec.tls.verify, given),
        |output, given| truth(&mut output.spec.tls.verify, given),
    )
    .alias(&["verify"])
    .value("0|1")
    .choices(Choices::Words(&["0", "1"]))
    .help("whether a server must prove by its certificate who it is: 1")
    .details("Unlike in older ffmpegs it must unless told otherwise. With 0 anyone on the way can listen."),
    Flag::file(
        "ca_file",
        |input, given| path(&mut input.spec.tls.ca_file, given),
        |output, given| path(&mut output.spec.tls.ca_file, given),
    )
    .alias(&["cafile"])
    .value("FILE")
    .choices(Choices::Files)
    .help("certificates (PEM) of those who may vouch for the server, or the server's own")
    .details(
        "It takes the place of the usual roots. A server that shows a certificate of this file is believed.",
    ),
    Flag::file(
        "cert_file",
        |input, given| path(&mut input.spec.tls.cert_file, given),
        |output, given| path(&mut output.spec.tls.cert_file, given),
    )
    .alias(&["cert"])
    .value("FILE")
    .choices(Choices::Files)
    .help("our own certificate (PEM) and those above it: needed to listen on rtmps://"),
    Flag::file(
        "key_file",
        |input, given| path(&mut input.spec.tls.key_file, given),
        |output, given| path(&mut output.spec.tls.key_file, given),
    )
    .alias(&["key"])
    .value("FILE")
    .choices(Choices::Files)
    .help("the private key (PEM) of -cert_file, where it is not in the same file"),
];

fn text(place: &mut Option<String>, given: &Given) -> Outcome {
    *place = Some(given.value.clone());
    Ok(())
}

fn path(place: &mut Option<PathBuf>, given: &Given) -> Outcome {
    *place = Some(PathBuf::from(&given.value));
    Ok(())
}

fn word<T: std::str::FromStr<Err: std::fmt::Display>>(place: &mut T, given: &Given) -> Outcome {
    *place = given.word()?;
    Ok(())
}

fn millis(place: &mut Option<std::time::Duration>, given: &Given) -> Outcome {
    *place = Some(std::time::Duration::from_millis(given.count()?));
    Ok(())
}

fn truth(place: &mut bool, given: &Given) -> Outcome {
    let value = match given.value.as_str() {
        "0" | "false" | "no" => Some(false),
        "1" | "true" | "yes" => Some(true),
        _ => None,
    };
    *place = given.read(value, "0 or 1")?;
    Ok(())
}
