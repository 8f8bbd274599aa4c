//! The runtime that all sockets run on: owned here, met by callers only through bounded queues. It is public for those who add a
//! protocol of their own ([`crate::protocol::register`]) and want its sockets beside the others.

use std::future::pending;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Handle};

/// A handle to spawn on. The runtime starts with the first socket, lives as long as the process, and has one thread: nothing
/// on it may block.
///
/// # Errors
///
/// Where the system gives no thread for it.
pub fn handle() -> io::Result<Handle> {
    static HANDLE: Mutex<Option<Handle>> = Mutex::new(None);
    let mut handle = HANDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*handle {
        return Ok(handle.clone());
    }
    // One thread serves thousands of sockets; media are coded on threads of their own.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let started = runtime.handle().clone();
    thread::Builder::new()
        .name("brooklet-sockets".into())
        .spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(handle.insert(started).clone())
}
