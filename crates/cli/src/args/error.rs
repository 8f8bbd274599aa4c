//! What can be wrong with a command line. Each says what, where, and what to do.

/// One line for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    /// An option that is in no table.
    #[error("unknown option -{option}{}", instead(nearest))]
    Unknown {
        /// As written, without its dash.
        option: String,
        /// The known option that looks most like it.
        nearest: Option<String>,
    },
    /// An option on the wrong side of a URL, or of another verb.
    #[error("-{option} is an option of {of}, and stands before {url}: {fix}")]
    WrongPlace {
        /// As written, without its dash.
        option: String,
        /// `inputs`, `outputs`.
        of: &'static str,
        /// What it stands before: `the input clip.mp4`.
        url: String,
        /// Where to put it.
        fix: &'static str,
    },
    /// An option of something that this verb does not do.
    #[error("-{option} is an option of {of}, not of brooklet {verb}")]
    WrongVerb {
        /// As written, without its dash.
        option: String,
        /// `inputs`, `outputs`.
        of: &'static str,
        /// The verb of this command line.
        verb: &'static str,
    },
    /// The value is not there.
    #[error("-{option} needs a value: -{option} {value}{}", followed(by))]
    MissingValue {
        /// As written, without its dash.
        option: String,
        /// Its placeholder.
        value: &'static str,
        /// The option that stands in its place.
        by: Option<String>,
    },
    /// The value is not of its kind.
    #[error("-{option}: '{value}' is not {expected}")]
    BadValue {
        /// As written, without its dash.
        option: String,
        /// As written.
        value: String,
        /// `a time (55, 1:02:03.5, 200ms)`.
        expected: &'static str,
    },
    /// What was asked for is understood, and is not done.
    #[error("-{option}: {why}")]
    Refused {
        /// As written, without its dash.
        option: String,
        /// What is the matter, and what to do.
        why: String,
    },
    /// A stream specifier on an option that takes none, or takes another.
    #[error("-{option}: {why}")]
    Specifier {
        /// As written, without its dash.
        option: String,
        /// What is the matter, and what to do.
        why: &'static str,
    },
    /// Options after the last output.
    #[error("trailing options: {options} after the last output; options go before the URL that they are for")]
    Trailing {
        /// All of them, as written.
        options: String,
    },
    /// An output, and nothing to read.
    #[error("no input: put -i before the file to read (brooklet -i {url} …){}", verb(nearest))]
    NoInput {
        /// The first URL.
        url: String,
        /// A verb that looks like it.
        nearest: Option<&'static str>,
    },
    /// Something to read, and nowhere to write.
    #[error("no output: say where to write at the end of the line, or use brooklet probe to look at a file")]
    NoOutput,
    /// No argument at all.
    #[error("nothing to do: brooklet -i INPUT OUTPUT; brooklet -h says more")]
    Nothing,
    /// A verb without what it works on, or with too much.
    #[error("{0}")]
    Verb(String),
    /// Bytes that are no text.
    #[error("argument {number} is not UTF-8 text: {text}; rename the file, or use a pipe")]
    NotText {
        /// Counted from 1.
        number: usize,
        /// As far as it can be shown.
        text: String,
    },
}

fn instead(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean -{name}?"),
        None => "; brooklet -h full lists all that are known".into(),
    }
}

fn followed(by: &Option<String>) -> String {
    by.as_ref().map(|option| format!(" (it is followed by the option {option})")).unwrap_or_default()
}

fn verb(nearest: &Option<&'static str>) -> String {
    nearest.map(|verb| format!("; or did you mean brooklet {verb}?")).unwrap_or_default()
}
