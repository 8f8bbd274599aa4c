//! `brooklet man`: the man page, in roff, made from the table of options.

use crate::args::flag::Flag;
use crate::args::flags;
use crate::command::Verb;
use crate::{help, version};

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = format!(".TH BROOKLET 1 \"\" \"brooklet {}\" \"User Commands\"\n", version::VERSION);
    page += ".SH NAME\nbrooklet \\- live audio and video, with the command line of ffmpeg\n.SH SYNOPSIS\n";
    page += &format!(".nf\n{}\n", escape(help::SYNOPSIS));
    for verb in Verb::all() {
        page += &format!("brooklet {}\n", escape(verb.synopsis()));
    }
    page += ".fi\n";
    page += &format!(".SH DESCRIPTION\n{}", paragraphs(DESCRIPTION));
    page += ".SH VERBS\n";
    for verb in Verb::all() {
        page += &format!(".TP\n.B {}\n{}.\n", escape(verb.synopsis()), escape(verb.help()));
    }
    page += ".SH OPTIONS\n";
    for (section, heading) in help::SECTIONS {
        page += &format!(".SS {}\n", escape(heading));
        flags::all().filter(|flag| flag.section == section).for_each(|flag| page += &entry(flag));
    }
    page += ".SH VALUES\n";
    for (name, text) in VALUES {
        page += &format!(".TP\n.B {}\n{}\n", escape(name), escape(text));
    }
    page += ".SH EXIT STATUS\n";
    for (code, text) in EXIT_STATUS {
        page += &format!(".TP\n.B {code}\n{}\n", escape(text));
    }
    page += ".SH EXAMPLES\n";
    for (text, line) in EXAMPLES {
        page += &format!(".PP\n{}:\n.PP\n.nf\n.RS\n{}\n.RE\n.fi\n", escape(text), escape(line));
    }
    page
}

const DESCRIPTION: &str = "brooklet reads audio and video from files, pipes and the network, converts them, and \
writes them to files, pipes and the network, while they happen. It is written in Rust alone and speaks the command \
line of ffmpeg.

Options are for the next URL; global options stand anywhere. A URL is a file, - or pipe:N, or has a scheme that \
brooklet -protocols lists. An option that is not known is an error; one that is known and has no effect here is \
accepted with a line of warning.

Ctrl-C, SIGTERM, and q on a terminal or from a pipe finish the output properly; a second Ctrl-C ends at once.";

const VALUES: [(&str, &str); 6] = [
    (
        "TIME",
        "Seconds (55, 1.5), with a unit (200ms, 40us, 3s), or [HH:]MM:SS[.m]; where it makes sense, negative.",
    ),
    ("SIZE", "WIDTHxHEIGHT, or one of ffmpeg's names: vga, hd720, hd1080, qcif."),
    (
        "RATE",
        "Of pictures: 25, 29.97, 30000/1001, ntsc, pal, film. Of bits: 800k, 2M, 1Mi (1048576), 100KiB.",
    ),
    ("CODEC", "As in brooklet -encoders and -decoders; copy passes packets on."),
    ("FORMAT", "As in brooklet -formats, -pix_fmts, -sample_fmts."),
    ("LEVEL", "quiet, error, warning, info, verbose, debug, or ffmpeg's numbers from -8 to 56."),
];

const EXIT_STATUS: [(&str, &str); 4] = [
    ("0", "Everything was written, or the reader of a pipe went away, or q was pressed."),
    ("1", "Something failed; one line says what, where, and what to do."),
    ("130", "A second Ctrl-C ended the program before the output was finished."),
    ("255", "Ctrl-C or SIGTERM; the output is finished properly."),
];

const EXAMPLES: [(&str, &str); 7] = [
    ("A file to an RTMP server", "brooklet -re -i clip.mp4 -c copy -f flv rtmp://host/live/key"),
    ("Serve publishers and viewers", "brooklet serve -rtmp 0.0.0.0:1935 -publish_token SECRET"),
    ("Wait for one viewer", "brooklet -re -i clip.mp4 -f flv -listen 1 rtmp://127.0.0.1:1935/live/app"),
    (
        "Smaller, to a transport stream",
        "brooklet -i clip.mp4 -s 640x360 -b:v 1M -f mpegts 'udp://239.0.0.1:1234?ttl=1'",
    ),
    ("Pictures for a program", "brooklet -i clip.mp4 -f rawvideo -pix_fmt rgb24 -"),
    (
        "Sound for any number of listeners",
        "brooklet -re -i a.mp3 -f mp3 -listen 1 http://127.0.0.1:8000/live.mp3",
    ),
    ("See that it works", "brooklet demo"),
];

fn entry(flag: &Flag) -> String {
    let mut names: Vec<String> = Vec::new();
    for (name, specifier) in flag.shorthands {
        names.push(format!("-{name} is -{}:{specifier}", flag.name));
    }
    for name in flag.aliases.iter().filter(|name| name.starts_with(['-', '?'])) {
        names.push(format!("also -{name}"));
    }
    let mut entry =
        format!(".TP\n.B {}\n{} ({}).\n", escape(&help::label(flag)), escape(flag.help), help::place(flag));
    if !flag.details.is_empty() {
        entry += &format!("{}\n", escape(flag.details));
    }
    if !names.is_empty() {
        entry += &format!("{}.\n", escape(&names.join("; ")));
    }
    entry
}

fn paragraphs(text: &str) -> String {
    text.split("\n\n").map(|paragraph| format!(".PP\n{}\n", escape(paragraph))).collect()
}

/// Text in which roff sees no requests: dashes that can be copied, no line that begins with a dot or a quote.
fn escape(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-").replace('…', "...");
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_on_the_page_by_each_of_its_names() {
        let page = page();
        for flag in flags::all() {
            for name in flag.names() {
                let dashed = escape(&format!("-{name}"));
                let switched = escape(&format!("-[no]{name}"));
                assert!(page.contains(&dashed) || page.contains(&switched), "-{name}");
            }
            assert!(page.contains(&escape(flag.help)), "-{}", flag.name);
        }
    }

    #[test]
    fn only_known_requests_begin_a_line() {
        for line in page().lines().filter(|line| line.starts_with(['.', '\''])) {
            let request = line.split(' ').next().unwrap_or(line);
            let known = [".TH", ".SH", ".SS", ".TP", ".B", ".PP", ".nf", ".fi", ".RS", ".RE"];
            assert!(known.contains(&request), "{line}");
        }
    }
}
