//! A question until it is answered: sent again and again (RFC 8489 §6.2.1).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the first sending waits for an answer; each after it twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Sendings in all.
const SENDINGS: u32 = 7;
/// How long the last one waits.
const LAST_WAIT: Duration = FIRST_WAIT.saturating_mul(16);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Our address.
    Bind,
    /// A relay.
    Allocate,
    /// To keep it.
    Refresh,
    /// A channel to a peer, or to keep it.
    Channel(SocketAddr),
}

/// One of them under way.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) purpose: Purpose,
    pub(super) id: [u8; 12],
    bytes: Vec<u8>,
    sent: u32,
    /// When it is sent again, or given up.
    pub(super) next: Instant,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Send(Vec<u8>),
    GiveUp,
}

impl Request {
    /// One that is sent now.
    pub(super) fn new(purpose: Purpose, id: [u8; 12], bytes: Vec<u8>, now: Instant) -> Self {
        Self { purpose, id, bytes, sent: 1, next: now + FIRST_WAIT }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Due {
        if now < self.next {
            return Due::Nothing;
        }
        if self.sent == SENDINGS {
            return Due::GiveUp;
        }
        self.sent += 1;
        let wait = if self.sent == SENDINGS { LAST_WAIT } else { FIRST_WAIT * (1 << (self.sent - 1)) };
        self.next = now + wait;
        Due::Send(self.bytes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sent_seven_times_in_39_seconds_and_a_half() {
        let start = Instant::now();
        let mut request = Request::new(Purpose::Bind, [7; 12], vec![1, 2], start);
        let mut times = Vec::new();
        loop {
            let now = request.next;
            assert_eq!(request.handle_timeout(now - Duration::from_millis(1)), Due::Nothing);
            times.push((now - start).as_millis());
            if request.handle_timeout(now) == Due::GiveUp {
                break;
            }
        }
        assert_eq!(times, [500, 1_500, 3_500, 7_500, 15_500, 31_500, 39_500]);
    }
}
