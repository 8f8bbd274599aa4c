//! Where there is no way yet to read single keys.

use brooklet::Stopper;

/// Never there.
pub(crate) struct Keyboard;

impl Keyboard {
    /// Nothing.
    pub(crate) fn watch(_: Stopper) -> Option<Self> {
        None
    }
}

/// Nothing to give back.
pub(crate) fn restore() {}
