//! Command lines that begin with a verb.

use brooklet::play::PlaySpec;

use super::draft::{InputDraft, ProbeOptions};
use super::flag::Action;
use super::flags::Scope;
use super::tokens::{Token, tokens};
use super::{DemoOptions, Globals, ServeOptions, UsageError, topic};
use crate::command::{Command, Shell, Show, Verb};

/// What follows the verb.
pub(super) fn parse(verb: Verb, arguments: &[String]) -> Result<Command, UsageError> {
    match verb {
        Verb::Probe => probe(arguments),
        Verb::Play => play(arguments),
        Verb::Demo => demo(arguments),
        Verb::Serve => serve(arguments),
        Verb::Devices => match at_most_one(verb, arguments)? {
            None => Ok(Command::Devices),
            Some("-h" | "-help" | "--help") => Ok(Command::Show { show: Show::Help, topic: None }),
            Some(_) => Err(usage(verb)),
        },
        Verb::Bench => bench(arguments),
        Verb::Help => {
            Ok(Command::Show { show: Show::Help, topic: at_most_one(verb, arguments)?.map(String::from) })
        }
        Verb::Man => match at_most_one(verb, arguments)? {
            None => Ok(Command::Man),
            Some(_) => Err(UsageError::Verb("man takes nothing: brooklet man > brooklet.1".into())),
        },
        Verb::Completions => match at_most_one(verb, arguments)? {
            Some("bash") => Ok(Command::Completions(Shell::Bash)),
            Some("zsh") => Ok(Command::Completions(Shell::Zsh)),
            Some("fish") => Ok(Command::Completions(Shell::Fish)),
            _ => Err(usage(verb)),
        },
    }
}

fn probe(arguments: &[String]) -> Result<Command, UsageError> {
    let (mut globals, mut options) = (Globals::default(), ProbeOptions::default());
    let (mut draft, mut file) = (InputDraft::default(), None);
    for token in tokens(arguments, Scope(Some(Verb::Probe)))? {
        match token {
            Token::Input(url) | Token::Url(url) => {
                if let Some(before) = file.replace(url) {
                    return Err(UsageError::Verb(format!(
                        "probe looks at one file at a time: {before} is one"
                    )));
                }
            }
            Token::Option(given) => match given.flag.action {
                Action::Show(show) => return Ok(Command::Show { show, topic: topic(&given) }),
                Action::Global(apply) => apply(&mut globals, &given)?,
                Action::Probe(apply) => apply(&mut options, &given)?,
                Action::Input(apply) | Action::File(apply, _) => apply(&mut draft, &given)?,
                _ => return Err(given.refuse("not an option of brooklet probe")),
            },
        }
    }
    let input = draft.finish(file.ok_or_else(|| usage(Verb::Probe))?, &mut Vec::new())?;
    Ok(Command::Probe { input: Box::new(input), json: options.json, globals })
}

fn play(arguments: &[String]) -> Result<Command, UsageError> {
    let (mut globals, mut spec) = (Globals::default(), PlaySpec::default());
    let (mut draft, mut file) = (InputDraft::default(), None);
    for token in tokens(arguments, Scope(Some(Verb::Play)))? {
        match token {
            Token::Input(url) | Token::Url(url) => {
                if let Some(before) = file.replace(url) {
                    return Err(UsageError::Verb(format!("play plays one thing at a time: {before} is one")));
                }
            }
            Token::Option(given) => match given.flag.action {
                Action::Show(show) => return Ok(Command::Show { show, topic: topic(&given) }),
                Action::Global(apply) => apply(&mut globals, &given)?,
                Action::Play(apply) => apply(&mut spec, &given)?,
                Action::Input(apply) | Action::File(apply, _) => apply(&mut draft, &given)?,
                _ => return Err(given.refuse("not an option of brooklet play")),
            },
        }
    }
    let loops = spec.input.loops;
    spec.input = draft.finish(file.ok_or_else(|| usage(Verb::Play))?, &mut Vec::new())?;
    if loops != 0 {
        spec.input.loops = loops;
    }
    Ok(Command::Play { spec: Box::new(spec), globals })
}

fn demo(arguments: &[String]) -> Result<Command, UsageError> {
    let (mut globals, mut options) = (Globals::default(), DemoOptions::default());
    for token in tokens(arguments, Scope(Some(Verb::Demo)))? {
        match token {
            Token::Input(url) | Token::Url(url) => {
                return Err(UsageError::Verb(format!(
                    "demo makes its own picture and takes no file: {url}; use brooklet -i {url}"
                )));
            }
            Token::Option(given) => match given.flag.action {
                Action::Show(show) => return Ok(Command::Show { show, topic: topic(&given) }),
                Action::Global(apply) => apply(&mut globals, &given)?,
                Action::Demo(apply) => apply(&mut options, &given)?,
                _ => return Err(given.refuse("not an option of brooklet demo")),
            },
        }
    }
    Ok(Command::Demo { options: Box::new(options), globals })
}

fn serve(arguments: &[String]) -> Result<Command, UsageError> {
    let (mut globals, mut options) = (Globals::default(), ServeOptions::default());
    for token in tokens(arguments, Scope(Some(Verb::Serve)))? {
        match token {
            Token::Input(url) | Token::Url(url) => {
                return Err(UsageError::Verb(format!(
                    "serve takes no file: {url}; publish it to the server with brooklet -re -i {url} -f flv rtmp://…"
                )));
            }
            Token::Option(given) => match given.flag.action {
                Action::Show(show) => return Ok(Command::Show { show, topic: topic(&given) }),
                Action::Global(apply) => apply(&mut globals, &given)?,
                Action::Serve(apply) => apply(&mut options, &given)?,
                _ => return Err(given.refuse("not an option of brooklet serve")),
            },
        }
    }
    Ok(Command::Serve { options: Box::new(options), globals })
}

fn bench(arguments: &[String]) -> Result<Command, UsageError> {
    let mut globals = Globals::default();
    for token in tokens(arguments, Scope(Some(Verb::Bench)))? {
        match token {
            Token::Input(url) | Token::Url(url) => {
                return Err(UsageError::Verb(format!(
                    "bench makes its own pictures and takes no file: {url}"
                )));
            }
            Token::Option(given) => match given.flag.action {
                Action::Show(show) => return Ok(Command::Show { show, topic: topic(&given) }),
                Action::Global(apply) => apply(&mut globals, &given)?,
                _ => return Err(given.refuse("not an option of brooklet bench")),
            },
        }
    }
    Ok(Command::Bench { globals })
}

fn at_most_one(verb: Verb, arguments: &[String]) -> Result<Option<&str>, UsageError> {
    match arguments {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(usage(verb)),
    }
}

fn usage(verb: Verb) -> UsageError {
    UsageError::Verb(format!("{} is used so: brooklet {}", verb.name(), verb.synopsis()))
}
