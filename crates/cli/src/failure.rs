//! What ends a run before its time, in one line for the user.

use std::io;

use crate::args::UsageError;

/// Anything that makes the exit code 1.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line is wrong.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The library failed.
    #[error(transparent)]
    Library(#[from] brooklet::Error),
    /// Something that the program itself does failed.
    #[error("{what}: {reason}")]
    System {
        /// What was being done, with the file or URL.
        what: String,
        /// The system's reason.
        reason: io::Error,
    },
    /// Already in words.
    #[error("{0}")]
    Said(String),
}

impl Failure {
    /// A failure of the system.
    pub(crate) fn system(what: impl Into<String>, reason: io::Error) -> Self {
        Self::System { what: what.into(), reason }
    }

    /// Whether the reader of our output went away, which is a normal end.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        match self {
            Self::Library(error) => error.is_closed_pipe(),
            Self::System { reason, .. } => reason.kind() == io::ErrorKind::BrokenPipe,
            Self::Usage(_) | Self::Said(_) => false,
        }
    }

    /// The line, without line ends that a file name may have and without Rust's ` (os error 2)`.
    pub(crate) fn line(&self) -> String {
        let text: String =
            self.to_string().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        match text.rsplit_once(" (os error ") {
            Some((before, number)) if number.trim_end_matches(')').parse::<u32>().is_ok() => before.into(),
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_and_no_number() {
        let failure = Failure::system("a\nb", io::Error::from_raw_os_error(2));
        assert_eq!(failure.line(), "a b: No such file or directory");
        assert_eq!(Failure::Said("x (os error x)".into()).line(), "x (os error x)");
    }
}
