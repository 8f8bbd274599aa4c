//! Arguments to options and URLs: which argument is an option's value depends on the table.

use super::error::UsageError;
use super::flag::{Action, Flag, Streams, Takes};
use super::flags::{self, Found, Scope};
use super::given::Given;
use super::specifier::{self, Wanted};
use super::suggest;
use brooklet_media::MediaKind;

/// A piece of a command line.
pub(super) enum Token {
    /// An option with its value.
    Option(Given),
    /// `-i` with its URL.
    Input(String),
    /// Anything else: an output, or what a verb works on.
    Url(String),
}

/// Splits a command line.
pub(super) fn tokens(arguments: &[String], scope: Scope) -> Result<Vec<Token>, UsageError> {
    let mut rest = arguments.iter();
    let mut tokens = Vec::new();
    while let Some(argument) = rest.next() {
        let Some(name) = option_name(argument) else {
            tokens.push(Token::Url(argument.clone()));
            continue;
        };
        let (found, written) = look_up(name, scope)?;
        let value = match found.flag.takes {
            Takes::Nothing | Takes::Switch => String::new(),
            Takes::Value(placeholder) => value(name, placeholder, rest.next())?,
            Takes::Maybe(_) => match rest.as_slice().first() {
                Some(next) if option_name(next).is_none() => rest.next().cloned().unwrap_or_default(),
                _ => String::new(),
            },
        };
        tokens.push(match found.flag.action {
            Action::Open => Token::Input(value),
            _ => Token::Option(Given {
                flag: found.flag,
                spelled: name.into(),
                wanted: wanted(found, name, written)?,
                value,
                on: found.on,
            }),
        });
    }
    Ok(tokens)
}

/// How many arguments at the front are global options and their values: a verb may stand after them.
pub(super) fn leading_globals(arguments: &[String]) -> usize {
    let mut count = 0;
    while let Some(found) = arguments
        .get(count)
        .and_then(|argument| option_name(argument))
        .and_then(|name| flags::find(name, Scope(None)))
    {
        match (found.flag.action, found.flag.takes) {
            (Action::Global(_), Takes::Value(_)) => count += 2,
            (Action::Global(_), _) => count += 1,
            _ => break,
        }
    }
    count.min(arguments.len())
}

/// The argument without its dash, where it is an option: `-` alone is a URL.
fn option_name(argument: &str) -> Option<&str> {
    argument.strip_prefix('-').filter(|name| !name.is_empty())
}

/// The option, and the specifier as written.
fn look_up(name: &str, scope: Scope) -> Result<(Found, Option<&str>), UsageError> {
    let (bare, specifier) =
        name.split_once(':').map_or((name, None), |(bare, specifier)| (bare, Some(specifier)));
    let Some(found) = flags::find(bare, scope) else {
        let known = flags::all().filter(|flag| scope.has(flag)).flat_map(Flag::names);
        let nearest = suggest::nearest(bare.trim_start_matches('-'), known).map(String::from);
        return Err(UsageError::Unknown { option: name.into(), nearest });
    };
    match scope.0 {
        Some(verb) if !scope.has(found.flag) => {
            Err(UsageError::WrongVerb { option: name.into(), of: found.flag.owner(), verb: verb.name() })
        }
        None if !scope.has(found.flag) => {
            let why = format!("it is an option of {}, not of conversions", found.flag.owner());
            Err(UsageError::Refused { option: name.into(), why })
        }
        _ => Ok((found, specifier)),
    }
}

/// The next argument; another option in its place is taken for a value that was forgotten.
fn value(name: &str, placeholder: &'static str, next: Option<&String>) -> Result<String, UsageError> {
    let missing = |by| UsageError::MissingValue { option: name.into(), value: placeholder, by };
    let value = next.ok_or_else(|| missing(None))?;
    let option = option_name(value).map(|option| option.split(':').next().unwrap_or(option));
    match option.and_then(|option| flags::find(option, Scope(None))) {
        Some(_) => Err(missing(Some(value.clone()))),
        None => Ok(value.clone()),
    }
}

/// Which streams an option is for, by its name and by what stands after the colon.
fn wanted(found: Found, name: &str, written: Option<&str>) -> Result<Wanted, UsageError> {
    let refuse = |why| UsageError::Specifier { option: name.into(), why };
    let specifier = match (found.specifier, written) {
        (Some(_), Some(_)) if found.flag.streams != Streams::Unread => {
            return Err(refuse("its name says already which streams it is for"));
        }
        (Some(specifier), _) | (None, Some(specifier)) => specifier,
        (None, None) => return Ok(Wanted::All),
    };
    match found.flag.streams {
        Streams::Unread => Ok(Wanted::All),
        Streams::None => Err(refuse("it is not for single streams: leave out the colon and what follows")),
        Streams::Any => specifier::option_specifier(specifier).map_err(refuse),
        Streams::Video => only(MediaKind::Video, specifier).map_err(|why| {
            refuse(
                why.unwrap_or("it is for pictures only: leave out the colon and what follows, or write :v"),
            )
        }),
        Streams::Audio => only(MediaKind::Audio, specifier).map_err(|why| {
            refuse(why.unwrap_or("it is for sound only: leave out the colon and what follows, or write :a"))
        }),
    }
}

fn only(kind: MediaKind, specifier: &str) -> Result<Wanted, Option<&'static str>> {
    match specifier::option_specifier(specifier).map_err(Some)? {
        wanted if wanted == Wanted::Kind(kind) => Ok(wanted),
        _ => Err(None),
    }
}
