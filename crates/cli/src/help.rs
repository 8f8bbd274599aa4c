//! `-h`: made from the table of options.

use crate::args::flag::{Action, Choices, Flag, Section, Streams, Takes};
use crate::args::flags;
use crate::command::Verb;
use crate::failure::Failure;
use crate::version;

/// How the program is called.
pub(crate) const SYNOPSIS: &str =
    "brooklet [global options] {[input options] -i url}... {[output options] url}...";

/// The sections in order, with their headings.
pub(crate) const SECTIONS: [(Section, &str); 13] = [
    (Section::Show, "Print something and end"),
    (Section::Global, "Global options (anywhere)"),
    (Section::File, "Options of inputs and outputs (before the URL that they are for)"),
    (Section::Input, "Options of inputs (before -i)"),
    (Section::Output, "Options of outputs"),
    (Section::Video, "Pictures of outputs"),
    (Section::Audio, "Sound of outputs"),
    (Section::Probe, "Options of brooklet probe"),
    (Section::Play, "Options of brooklet play, and those of inputs"),
    (Section::Demo, "Options of brooklet demo"),
    (Section::Serve, "Options of brooklet serve"),
    (Section::Accepted, "Accepted for the sake of scripts, with a line that says why nothing comes of them"),
    (Section::Refused, "Known, and refused"),
];

/// Where the text of an option begins.
const COLUMN: usize = 30;

/// Help of a kind: none or `short`, `long`, `full`, or the name of an option.
pub(crate) fn text(topic: Option<&str>) -> Result<String, Failure> {
    match topic {
        None | Some("short") => Ok(overview(|flag| flag.common)),
        Some("long") => Ok(overview(|flag| !matches!(flag.section, Section::Accepted | Section::Refused))),
        Some("full") => Ok(overview(|_| true)),
        Some(name) => of_option(name),
    }
}

/// How an option is written: `-c[:v|:a], -codec CODEC`.
pub(crate) fn label(flag: &Flag) -> String {
    let specifier = if flag.streams == Streams::Any { "[:v|:a]" } else { "" };
    let mut label = dashed(flag, flag.name) + specifier;
    for alias in flag.aliases.iter().filter(|alias| !alias.starts_with(['-', '?'])) {
        label += &format!(", {}", dashed(flag, alias));
    }
    let value = match flag.takes {
        Takes::Nothing | Takes::Switch => String::new(),
        Takes::Value(placeholder) => format!(" {placeholder}"),
        Takes::Maybe(placeholder) => format!(" [{placeholder}]"),
    };
    label + &value
}

fn dashed(flag: &Flag, name: &str) -> String {
    let both = flag.takes == Takes::Switch && flag.section == Section::Global;
    if both { format!("-[no]{name}") } else { format!("-{name}") }
}

fn overview(wanted: impl Fn(&Flag) -> bool) -> String {
    let mut text =
        format!("{}: live audio and video in pure Rust\n\nUsage:\n  {SYNOPSIS}\n", version::banner());
    for verb in Verb::all() {
        text += &format!("  brooklet {}\n", verb.synopsis());
    }
    for (section, heading) in SECTIONS {
        let mut flags = flags::all().filter(|flag| flag.section == section && wanted(flag)).peekable();
        if flags.peek().is_some() {
            text += &format!("\n{heading}:\n");
        }
        flags.for_each(|flag| text += &entry(&label(flag), flag.help));
    }
    text + "\nbrooklet -h long says more, -h full all, -h OPTION one thing; brooklet man is the man page.\n"
}

fn entry(label: &str, help: &str) -> String {
    let width = COLUMN - 4;
    if label.chars().count() <= width {
        format!("  {label:width$}  {help}\n")
    } else {
        format!("  {label}\n{:COLUMN$}{help}\n", "")
    }
}

/// All that is known of one option; of each, where two have the same name in different places.
fn of_option(topic: &str) -> Result<String, Failure> {
    let name = topic.trim_start_matches('-');
    let name = name.split(':').next().unwrap_or(name);
    let found: Vec<_> = flags::all().filter(|flag| flag.names().any(|known| known == name)).collect();
    if found.is_empty() {
        let text = format!("no help on '{topic}'; there is brooklet -h, -h long, -h full, and -h OPTION");
        return Err(Failure::Said(text));
    }
    Ok(found.into_iter().map(full_entry).collect())
}

fn full_entry(flag: &Flag) -> String {
    let mut text = format!("{}\n    {} ({})\n", label(flag), flag.help, place(flag));
    if !flag.details.is_empty() {
        text += &format!("    {}\n", flag.details);
    }
    for (name, specifier) in flag.shorthands {
        text += &format!("    -{name} is -{}:{specifier}\n", flag.name);
    }
    if let Choices::Words(words) = flag.choices {
        text += &format!("    for example: {}\n", words.join(", "));
    }
    text
}

/// Where an option stands, in words.
pub(crate) fn place(flag: &Flag) -> &'static str {
    match flag.action {
        Action::Show(_) => "prints something and ends",
        Action::Global(_) => "anywhere",
        Action::Open => "after the options of an input",
        Action::Input(_) => "before -i",
        Action::Output(_) => "before an output",
        Action::File(..) => "before -i or an output",
        Action::Accept => "accepted, without effect",
        Action::Refuse => "refused",
        Action::Probe(_) => "after brooklet probe",
        Action::Play(_) => "after brooklet play",
        Action::Demo(_) => "after brooklet demo",
        Action::Serve(_) => "after brooklet serve",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_help_has_every_option_and_short_help_the_common_ones() {
        let (short, full) = (text(None).unwrap(), text(Some("full")).unwrap());
        for flag in flags::all() {
            assert!(full.contains(&label(flag)) && full.contains(flag.help), "-{}", flag.name);
            assert_eq!(short.contains(&entry(&label(flag), flag.help)), flag.common, "-{}", flag.name);
        }
        assert!(short.lines().count() < 70, "{} lines", short.lines().count());
        for verb in Verb::all() {
            assert!(short.contains(verb.synopsis()));
        }
    }

    #[test]
    fn every_section_has_a_heading() {
        for flag in flags::all() {
            assert!(SECTIONS.iter().any(|(section, _)| *section == flag.section), "-{}", flag.name);
        }
    }

    #[test]
    fn help_on_one_option() {
        let text = super::text(Some("-c:v")).unwrap();
        assert!(text.contains("-c[:v|:a], -codec CODEC") && text.contains("-vcodec is -c:v"), "{text}");
        assert_eq!(super::text(Some("t")).unwrap().matches("-t TIME").count(), 2, "of files and of the demo");
        assert!(super::text(Some("xyzzy")).unwrap_err().line().starts_with("no help on 'xyzzy'"));
    }
}
