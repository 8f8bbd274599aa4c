//! From arguments to a [`Command`]: pure, so that every command line can be a test.
//!
//! ffmpeg's grammar: `[global] {[input options] -i url}… {[output options] url}…`. Options are one table
//! ([`flags`]), from which parsing, help, the man page and completions are all made.

mod draft;
mod error;
pub(crate) mod flag;
pub(crate) mod flags;
mod given;
mod specifier;
mod suggest;
#[cfg(test)]
mod tests;
mod tokens;
pub(crate) mod values;
mod verb;

use std::ffi::OsString;

use brooklet::job::Job;

use crate::command::{Command, Convert, Verb};
pub(crate) use draft::{DemoOptions, Globals, Overwrite, ServeOptions};
use draft::{InputDraft, OutputDraft};
pub(crate) use error::UsageError;
use flag::Action;
use flags::Scope;
use given::Given;
use tokens::{Token, tokens};

/// What the arguments (without the program's own name) ask for.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Command, UsageError> {
    let arguments = texts(arguments)?;
    if arguments.is_empty() {
        return Err(UsageError::Nothing);
    }
    let globals = tokens::leading_globals(&arguments);
    let word = arguments.get(globals);
    match word.and_then(|word| Verb::named(word)) {
        Some(verb) if !verb.is_here() => Err(UsageError::Verb(format!(
            "this is a smaller program, without brooklet {}; the program of the profile 'full' has it",
            verb.name()
        ))),
        Some(verb) => {
            let (before, after) = arguments.split_at(globals);
            verb::parse(verb, &[before, after.get(1..).unwrap_or_default()].concat())
        }
        None => conversion(&arguments),
    }
}

/// `{[options] -i url}… {[options] url}…`.
fn conversion(arguments: &[String]) -> Result<Command, UsageError> {
    let (mut globals, mut job, mut notes) = (Globals::default(), Job::default(), Vec::new());
    let mut pending: Vec<Given> = Vec::new();
    for token in tokens(arguments, Scope(None))? {
        match token {
            Token::Option(given) => match given.flag.action {
                Action::Show(show) => return Ok(Command::Show { show, topic: topic(&given) }),
                Action::Global(apply) => apply(&mut globals, &given)?,
                _ => pending.push(given),
            },
            Token::Input(url) => job.inputs.push(input(std::mem::take(&mut pending), url, &mut notes)?),
            Token::Url(url) => job.outputs.push(output(std::mem::take(&mut pending), url, &mut notes)?),
        }
    }
    if !pending.is_empty() && !job.outputs.is_empty() {
        let options: Vec<_> = pending.iter().map(|given| format!("-{}", given.spelled)).collect();
        return Err(UsageError::Trailing { options: options.join(" ") });
    }
    match (job.inputs.is_empty(), job.outputs.first()) {
        (true, Some(output)) => Err(no_input(&output.url)),
        (true, None) => Err(UsageError::Nothing),
        (false, None) => Ok(Command::Describe { inputs: job.inputs, globals }),
        (false, Some(_)) => {
            for output in &mut job.outputs {
                output.overwrite = globals.overwrite == Overwrite::Always;
                output.copy_timestamps = globals.copy_timestamps;
                output.sdp_file = globals.sdp_file.clone();
            }
            Ok(Command::Convert(Convert { job, globals, notes: unique(notes) }))
        }
    }
}

/// The options before `-i url`.
fn input(
    options: Vec<Given>,
    url: String,
    notes: &mut Vec<String>,
) -> Result<brooklet::job::InputSpec, UsageError> {
    let mut draft = InputDraft::default();
    for given in options {
        match given.flag.action {
            Action::Input(apply) | Action::File(apply, _) => apply(&mut draft, &given)?,
            _ => {
                let fix = match given.flag.name {
                    "listen" if url.starts_with("rtmp") => {
                        "brooklet serve takes publishers, and its streams are read like any other"
                    }
                    _ => "put it after the last -i, before the output's URL",
                };
                draft.notes.push(no_effect(given, || format!("the input {url}"), fix)?);
            }
        }
    }
    draft.finish(url, notes)
}

/// The options before an output's URL.
fn output(
    options: Vec<Given>,
    url: String,
    notes: &mut Vec<String>,
) -> Result<brooklet::job::OutputSpec, UsageError> {
    let mut draft = OutputDraft::default();
    for given in options {
        match given.flag.action {
            Action::Output(apply) | Action::File(_, apply) => apply(&mut draft, &given)?,
            _ => {
                let fix = "put it before the -i that it is for";
                draft.notes.push(no_effect(given, || format!("the output {url}"), fix)?);
            }
        }
    }
    draft.finish(url, notes)
}

/// The line that says why an option does nothing where it stands, if it may stand there at all.
fn no_effect(given: Given, place: impl Fn() -> String, fix: &'static str) -> Result<String, UsageError> {
    match given.flag.action {
        Action::Accept => Ok(format!("-{} has no effect: {}", given.spelled, given.flag.help)),
        Action::Refuse => Err(given.refuse(given.flag.help)),
        _ => Err(UsageError::WrongPlace { option: given.spelled, of: given.flag.owner(), url: place(), fix }),
    }
}

/// The value of `-h`.
fn topic(given: &Given) -> Option<String> {
    Some(given.value.clone()).filter(|value| !value.is_empty())
}

fn no_input(url: &str) -> UsageError {
    let nearest = suggest::nearest(url, Verb::all().map(Verb::name)).and_then(Verb::named).map(Verb::name);
    UsageError::NoInput { url: url.into(), nearest }
}

/// Each line once, in order.
fn unique(mut notes: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    notes.retain(|note| seen.insert(note.clone()));
    notes
}

/// URLs are text everywhere below; a file name that is none can't be passed on unchanged.
fn texts(arguments: Vec<OsString>) -> Result<Vec<String>, UsageError> {
    let text = |(index, argument): (usize, OsString)| {
        argument.into_string().map_err(|bytes| UsageError::NotText {
            number: index + 1,
            text: bytes.to_string_lossy().into_owned(),
        })
    };
    arguments.into_iter().enumerate().map(text).collect()
}
