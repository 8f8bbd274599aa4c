//! Levels of messages, by ffmpeg's names and numbers.

use std::str::FromStr;

/// How much the program says; each level says what those before it say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) enum Level {
    /// Nothing at all.
    Quiet,
    /// What ends the run: ffmpeg's panic, fatal and error.
    Error,
    /// What the user should know of.
    Warning,
    /// What is done: the default.
    #[default]
    Info,
    /// More of it.
    Verbose,
    /// For whoever looks for a fault.
    Debug,
}

/// ffmpeg's names and numbers.
pub(crate) const LEVEL_NAMES: [(&str, i32, Level); 9] = [
    ("quiet", -8, Level::Quiet),
    ("panic", 0, Level::Error),
    ("fatal", 8, Level::Error),
    ("error", 16, Level::Error),
    ("warning", 24, Level::Warning),
    ("info", 32, Level::Info),
    ("verbose", 40, Level::Verbose),
    ("debug", 48, Level::Debug),
    ("trace", 56, Level::Debug),
];

impl FromStr for Level {
    type Err = String;

    /// A name or a number, after any of ffmpeg's flags: `repeat+level+info`. The flags have no effect.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut level = None;
        for word in text.split('+').filter(|word| !word.is_empty()) {
            if !["repeat", "level", "datetime", "time"].contains(&word) {
                level = Some(named(word).ok_or_else(|| unknown(text))?);
            }
        }
        if text.is_empty() { Err(unknown(text)) } else { Ok(level.unwrap_or_default()) }
    }
}

fn named(word: &str) -> Option<Level> {
    if let Some((.., level)) = LEVEL_NAMES.into_iter().find(|(name, ..)| *name == word) {
        return Some(level);
    }
    let number: i32 = word.parse().ok()?;
    Some(
        LEVEL_NAMES
            .into_iter()
            .rev()
            .find(|(_, from, _)| number >= *from)
            .map_or(Level::Quiet, |(.., level)| level),
    )
}

fn unknown(text: &str) -> String {
    let names: Vec<_> =
        LEVEL_NAMES.into_iter().map(|(name, number, _)| format!("{name} ({number})")).collect();
    format!("'{text}' is not a log level; known: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_flags() {
        let known = [
            ("quiet", Level::Quiet),
            ("-8", Level::Quiet),
            ("0", Level::Error),
            ("16", Level::Error),
            ("20", Level::Error),
            ("warning", Level::Warning),
            ("32", Level::Info),
            ("99", Level::Debug),
            ("repeat+level+verbose", Level::Verbose),
            ("repeat", Level::Info),
        ];
        for (text, level) in known {
            assert_eq!(text.parse(), Ok(level), "{text}");
        }
        assert!("loud".parse::<Level>().unwrap_err().contains("warning (24)"));
        assert!("".parse::<Level>().is_err());
    }
}
