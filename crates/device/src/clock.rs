//! The clock that captured media are stamped with.

use brooklet_media::Timestamp;

/// Now, on a clock that never jumps and that all devices of this machine share: what is captured at the same moment has
/// the same stamp, whatever captured it. On Unix it is `CLOCK_MONOTONIC`, by which the kernel stamps pictures of cameras.
pub fn capture_time() -> Timestamp {
    now()
}

#[cfg(unix)]
fn now() -> Timestamp {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Timestamp::from_nanos(now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec))
}

#[cfg(not(unix))]
fn now() -> Timestamp {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    Timestamp::ZERO + START.get_or_init(Instant::now).elapsed()
}
