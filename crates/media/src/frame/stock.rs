//! Buffers that wait for the next frame.

use alloc::vec::Vec;

/// Free buffers kept; the rest go back to the allocator.
#[cfg(feature = "std")]
const KEPT: usize = 32;

/// Free buffers, shared by all who use a pool.
#[cfg(feature = "std")]
#[derive(Default)]
pub(super) struct Stock {
    free: std::sync::Mutex<Vec<Vec<u8>>>,
}

#[cfg(feature = "std")]
impl Stock {
    /// A buffer of at least `least` bytes and less than `most`.
    pub(super) fn take(&self, least: usize, most: usize) -> Option<Vec<u8>> {
        let mut free = self.free.lock().ok()?;
        let at = free.iter().rposition(|data| (least..most).contains(&data.len()))?;
        Some(free.swap_remove(at))
    }

    /// Keeps a buffer, where there is room.
    pub(super) fn give(&self, data: Vec<u8>) {
        if let Ok(mut free) = self.free.lock()
            && free.len() < KEPT
        {
            free.push(data);
        };
    }
}

/// Without an operating system there is no lock to share buffers by: nothing is kept.
#[cfg(not(feature = "std"))]
#[derive(Default)]
pub(super) struct Stock;

#[cfg(not(feature = "std"))]
impl Stock {
    /// None: each frame allocates its own.
    pub(super) fn take(&self, _: usize, _: usize) -> Option<Vec<u8>> {
        None
    }

    /// Lets the allocator have it.
    pub(super) fn give(&self, data: Vec<u8>) {
        drop(data);
    }
}
