//! The runtime that all sockets run on: owned here, hidden from callers, met only through bounded queues.

use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

/// A handle to spawn on. The runtime starts with the first socket and lives as long as the process.
pub(crate) fn handle() -> io::Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    // One thread serves thousands of sockets; media are coded on threads of their own.
    let runtime =
        Builder::new_multi_thread().worker_threads(1).thread_name("brooklet-sockets").enable_all().build()?;
    Ok(RUNTIME.get_or_init(|| runtime).handle().clone())
}
