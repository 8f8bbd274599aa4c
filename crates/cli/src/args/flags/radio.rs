//! Options of HTTP, both ways, and of broadcasting sound: by ffmpeg's names where it has them.

use std::time::Duration;

use brooklet::job::Gap;
use brooklet::protocol::TlsOptions;
use brooklet::radio::Burst;

use crate::args::flag::{Choices, Flag, Outcome};
use crate::args::given::Given;
use crate::args::values;

pub(super) const FLAGS: &[Flag] = &[
    Flag::file(
        "user_agent",
        |input, given| text(&mut input.spec.http.user_agent, given),
        |output, given| text(&mut output.spec.http.user_agent, given),
    )
    .value("TEXT")
    .help("what to tell a web server that we are"),
    Flag::file(
        "headers",
        |input, given| headers(&mut input.spec.http.headers, given),
        |output, given| headers(&mut output.spec.http.headers, given),
    )
    .value("LINES")
    .help("more lines of HTTP: 'Name: value', several with line breaks between; with -listen 1 of answers"),
    Flag::input("icy", |input, given| {
        input.spec.http.without_titles = !given.switch()?;
        Ok(())
    })
    .value("0|1")
    .choices(Choices::Words(&["0", "1"]))
    .help("whether to ask a web server for titles within the stream: 1"),
    Flag::output("content_type", |output, given| text(&mut output.spec.http.content_type, given))
        .value("TYPE")
        .help("the MIME type to tell, in place of what the format says"),
    Flag::output("method", |output, given| text(&mut output.spec.http.method, given))
        .value("METHOD")
        .choices(Choices::Words(&["POST", "PUT"]))
        .help("how to send to a web server: POST"),
    Flag::output("ice_name", |output, given| text(&mut output.spec.http.about.name, given))
        .value("TEXT")
        .help("the name of the station, for listeners and for Icecast"),
    Flag::output("ice_description", |output, given| text(&mut output.spec.http.about.description, given))
        .value("TEXT")
        .help("what to say of the station"),
    Flag::output("ice_genre", |output, given| text(&mut output.spec.http.about.genre, given))
        .value("TEXT")
        .help("what it plays"),
    Flag::output("ice_url", |output, given| text(&mut output.spec.http.about.url, given))
        .value("URL")
        .help("the home page of the station"),
    Flag::output("ice_public", |output, given| {
        output.spec.http.about.public = given.switch()?;
        Ok(())
    })
    .value("0|1")
    .choices(Choices::Words(&["0", "1"]))
    .help("whether the station may be listed in directories: 0"),
    Flag::output("burst", |output, given| {
        output.spec.http.burst = Some(given.read(burst(&given.value), "an amount (150k) or a time (10s)")?);
        Ok(())
    })
    .value("BYTES|TIME")
    .help("what a listener of -listen 1 http:// gets at once: 150k, or a time with its unit, 10s")
    .details("Players begin with it at once. The more it is, the further behind they stay."),
    Flag::output("gap", |output, given| {
        output.spec.gap = Some(match given.value.as_str() {
            "silence" => Gap::Silence,
            "hold" => Gap::Hold,
            _ => return Err(given.refuse("known: silence, hold")),
        });
        Ok(())
    })
    .value("silence|hold")
    .choices(Choices::Words(&["silence", "hold"]))
    .help("where sound that is encoded stops coming: encode silence, or wait")
    .details(
        "Broadcasts by -listen 1 http:// and icecast:// have silence where nothing is said, all else waits.",
    ),
    Flag::output("max_listeners", |output, given| {
        output.spec.http.listeners = Some(given.positive()?);
        Ok(())
    })
    .value("N")
    .help("listeners of -listen 1 http:// at once; more are told to try later"),
    Flag::output("admin", |output, given| {
        let login = Some(&given.value).filter(|login| login.contains(':')).cloned();
        output.spec.http.admin = Some(given.read(login, "USER:PASSWORD")?);
        Ok(())
    })
    .value("USER:PASSWORD")
    .help("who may change the title of -listen 1 http:// by /admin/metadata?song=…"),
    Flag::output("tls", |output, given| certificate(&mut output.spec.tls, given))
        .value("self|CERT,KEY")
        .choices(Choices::Words(&["self"]))
        .help("the certificate to listen with: one made here and kept, or files (PEM)"),
    Flag::serve("http", |options, given| {
        options.http = Some(address(given, "http://"));
        Ok(())
    })
    .alias(&["-http"])
    .value("HOST:PORT")
    .common()
    .help("where to show the streams: a page, /metrics and /health"),
    Flag::serve("https", |options, given| {
        options.https = Some(address(given, "https://"));
        Ok(())
    })
    .alias(&["-https"])
    .value("HOST:PORT")
    .help("the same within TLS; needs -tls or -cert_file"),
    Flag::serve("tls", |options, given| certificate(&mut options.tls, given))
        .alias(&["-tls"])
        .value("self|CERT,KEY")
        .choices(Choices::Words(&["self"]))
        .help("the certificate for -rtmps and -https: one made here and kept, or files (PEM)"),
];

fn text(place: &mut Option<String>, given: &Given) -> Outcome {
    *place = Some(given.value.clone());
    Ok(())
}

fn headers(place: &mut Vec<(String, String)>, given: &Given) -> Outcome {
    for line in given.value.split(['\r', '\n']).filter(|line| !line.trim().is_empty()) {
        let line = line.split_once(':').filter(|(name, _)| !name.trim().is_empty());
        let (name, value) = given.read(line, "'Name: value'")?;
        place.push((name.trim().into(), value.trim().into()));
    }
    Ok(())
}

fn burst(value: &str) -> Option<Burst> {
    // A unit of time says that it is one.
    if value.ends_with('s') || value.contains(':') {
        return values::duration(value).map(|time| Burst { bytes: 0, time });
    }
    values::whole(value).map(|bytes| Burst { bytes, time: Duration::ZERO })
}

fn certificate(tls: &mut TlsOptions, given: &Given) -> Outcome {
    if given.value == "self" {
        tls.self_made = true;
        return Ok(());
    }
    let (certificate, key) = match given.value.split_once(',') {
        Some((certificate, key)) => (certificate, Some(key.into())),
        None => (given.value.as_str(), None),
    };
    if certificate.is_empty() {
        return given.read(None, "self, CERT.pem, or CERT.pem,KEY.pem");
    }
    tls.cert_file = Some(certificate.into());
    tls.key_file = key.or(tls.key_file.take());
    Ok(())
}

/// Host and port, however much of a URL they stand in.
fn address(given: &Given, scheme: &str) -> String {
    given.value.strip_prefix(scheme).unwrap_or(&given.value).trim_end_matches('/').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_are_bytes_or_times() {
        assert_eq!(burst("150k"), Some(Burst { bytes: 150_000, time: Duration::ZERO }));
        assert_eq!(burst("500ms"), Some(Burst { bytes: 0, time: Duration::from_millis(500) }));
        assert_eq!((burst("0").map(|burst| burst.bytes), burst("much")), (Some(0), None));
    }
}
