//! The runtime that all sockets run on: owned here, met by callers only through bounded queues. It is public for those who add a
//! protocol of their own ([`crate::protocol::register`]) and want its sockets beside the others.

use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

/// A handle to spawn on. The runtime starts with the first socket, lives as long as the process, and has one thread: nothing
/// on it may block.
///
/// # Errors
///
/// Where the system gives no thread for it.
pub fn handle() -> io::Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    // One thread serves thousands of sockets; media are coded on threads of their own.
    let runtime =
        Builder::new_multi_thread().worker_threads(1).thread_name("brooklet-sockets").enable_all().build()?;
    Ok(RUNTIME.get_or_init(|| runtime).handle().clone())
}
