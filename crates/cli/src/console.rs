//! stderr: messages by level, and one status line that is written over again and again.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::log::Level;

/// The user's side of stderr. That it can't be written is nobody's concern.
pub(crate) struct Console {
    level: Level,
    terminal: bool,
    /// Letters of the status line that stands on the screen.
    open: AtomicUsize,
}

impl Console {
    /// Says what `level` allows.
    pub(crate) fn new(level: Level) -> Self {
        Self { level, terminal: io::stderr().is_terminal(), open: AtomicUsize::new(0) }
    }

    /// Whether a person may be looking.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether messages of this level are said.
    pub(crate) fn says(&self, level: Level) -> bool {
        level != Level::Quiet && level <= self.level
    }

    /// One line of what is done.
    pub(crate) fn info(&self, line: &str) {
        self.line(Level::Info, line);
    }

    /// One line that the user should know of.
    pub(crate) fn warning(&self, line: &str) {
        self.line(Level::Warning, &format!("brooklet: warning: {line}"));
    }

    /// The one line that ends the run.
    pub(crate) fn error(&self, line: &str) {
        self.line(Level::Error, &format!("brooklet: {line}"));
    }

    /// Writes over the status line.
    pub(crate) fn status(&self, line: &str) {
        let letters = line.chars().count();
        let padding = self.open.swap(letters.max(1), Ordering::Relaxed).saturating_sub(letters);
        write(&format!("{line}{:padding$}\r", ""));
    }

    /// Ends the status line, so that it stays.
    pub(crate) fn finish_status(&self, line: &str) {
        self.status(line);
        self.open.store(0, Ordering::Relaxed);
        write("\n");
    }

    fn line(&self, level: Level, line: &str) {
        if !self.says(level) {
            return;
        }
        let letters = self.open.swap(0, Ordering::Relaxed);
        match (letters, self.terminal) {
            (0, _) => {}
            (_, true) => write(&format!("{:letters$}\r", "")),
            (_, false) => write("\n"),
        }
        write(&format!("{line}\n"));
    }
}

/// Columns of the terminal that stderr is.
#[cfg(unix)]
pub(crate) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Not asked for.
#[cfg(not(unix))]
pub(crate) fn columns() -> Option<usize> {
    None
}

fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}
