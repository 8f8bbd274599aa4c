//! Files and sockets that may be open at once: many listeners want many.

/// Asks the system for as many as it may give. Where it gives no more, fewer are served.
#[cfg(unix)]
pub(crate) fn raise() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum });
}

#[cfg(not(unix))]
pub(crate) fn raise() {}
