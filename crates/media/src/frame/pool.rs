//! Memory for frames: 64-byte aligned, shared by reference count, given back when the last user lets go.

use alloc::sync::{Arc, Weak};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::stock::Stock;

/// Alignment of every plane and every row, in bytes: a cache line, and the widest vector register.
pub(crate) const ALIGN: usize = 64;

/// A stock of buffers, so that a steady stream allocates nothing per frame. Cloning shares the stock.
///
/// Never blocks on the size of the stock: with none free, it allocates.
#[derive(Clone, Default)]
pub struct FramePool {
    free: Arc<Stock>,
}

impl FramePool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// A buffer of `len` bytes, aligned to 64. Its contents are whatever the last user left there, or zeros.
    pub(crate) fn take(&self, len: usize) -> Buffer {
        let reused = self.free.take(len + ALIGN, 2 * len + 2 * ALIGN);
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
    home: Weak<Stock>,
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
        if let Some(home) = self.home.upgrade() {
            home.give(core::mem::take(&mut self.data));
        }
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
