//! Where terminals are not Unix's, no key is read: Ctrl-C ends the program.

use brooklet::Stopper;

/// Never there.
pub(crate) struct Keyboard;

impl Keyboard {
    /// Nothing.
    pub(crate) fn watch(_stopper: Stopper) -> Option<Self> {
        None
    }
}

/// The terminal is as it was.
pub(crate) fn restore() {}
