//! Panics of the libraries below, which must not become ours.

use std::cell::Cell;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in a library whose panics are caught here: a panic hook may then keep silent, for what comes
/// of it is an error of the decoder like any other.
pub fn panics_are_caught() -> bool {
    GUARDED.get()
}

/// Calls a library: `None` where it panics, after which nothing of its state is to be trusted.
///
/// Damaged streams make sums overflow and leave things missing, and what checks for that is a panic.
#[allow(dead_code, reason = "PCM alone calls no library")]
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    let outer = GUARDED.replace(true);
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).ok();
    GUARDED.set(outer);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_where_the_library_does() {
        assert!(!panics_are_caught());
        assert_eq!(
            guarded(|| guarded(panics_are_caught).is_some_and(|caught| caught && panics_are_caught())),
            Some(true)
        );
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let failed: Option<()> = guarded(|| panic!("damage"));
        std::panic::set_hook(hook);
        assert!(failed.is_none() && !panics_are_caught());
    }
}
