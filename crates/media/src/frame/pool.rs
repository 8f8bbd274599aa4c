//! Memory for frames: 64-byte aligned, shared by reference count, given back when the last user lets go.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};

/// Alignment of every plane and every row, in bytes: a cache line, and the widest vector register.
pub(crate) const ALIGN: usize = 64;

/// Free buffers kept for the next frame; the rest go back to the allocator.
const KEPT: usize = 32;

/// A stock of buffers, so that a steady stream allocates nothing per frame. Cloning shares the stock.
///
/// Never blocks on the size of the stock: with none free, it allocates.
#[derive(Clone, Default)]
pub struct FramePool {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl FramePool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// A buffer of `len` bytes, aligned to 64. Its contents are whatever the last user left there, or zeros.
    pub(crate) fn take(&self, len: usize) -> Buffer {
        let reused = self.free.lock().ok().and_then(|mut free| {
            let at = free
                .iter()
                .rposition(|data| data.len() >= len + ALIGN && data.len() < 2 * len + 2 * ALIGN)?;
            Some(free.swap_remove(at))
        });
        let data = reused.unwrap_or_else(|| vec![0; len + ALIGN]);
        let start = data.as_ptr().align_offset(ALIGN).min(ALIGN);
        Buffer { data, start, len, home: Arc::downgrade(&self.free) }
    }
}

impl fmt::Debug for FramePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FramePool").finish_non_exhaustive()
    }
}

/// `len` bytes from `start`, aligned to [`ALIGN`].
pub(crate) struct Buffer {
    data: Vec<u8>,
    start: usize,
    len: usize,
    home: Weak<Mutex<Vec<Vec<u8>>>>,
}

impl Buffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.data[self.start..self.start + self.len]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.data[self.start..self.start + self.len]
    }
}

impl Clone for Buffer {
    /// A copy of its own, from the same pool.
    fn clone(&self) -> Self {
        let pool = FramePool { free: self.home.upgrade().unwrap_or_default() };
        let mut copy = pool.take(self.len);
        copy.bytes_mut().copy_from_slice(self.bytes());
        copy
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(home) = self.home.upgrade() else { return };
        if let Ok(mut free) = home.lock()
            && free.len() < KEPT
        {
            free.push(std::mem::take(&mut self.data));
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_reuses_one_buffer() {
        let pool = FramePool::new();
        let first = pool.take(1000);
        let address = first.bytes().as_ptr();
        assert_eq!(address.align_offset(ALIGN), 0);
        drop(first);
        assert_eq!(pool.take(990).bytes().as_ptr(), address);
    }

    #[test]
    fn a_buffer_outlives_its_pool() {
        let buffer = FramePool::new().take(10);
        assert_eq!(buffer.clone().bytes().len(), 10);
    }
}
