//! What a server has to tell: a line for each who comes, goes, or is turned away.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Reports that wait to be read; then the oldest are lost, and counted.
const WAITING: usize = 1_024;

/// Something that happened at a server. As text it is one line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// Somebody publishes.
    PublisherCame {
        /// Who.
        peer: SocketAddr,
        /// `live/app`.
        stream: String,
    },
    /// A publisher is gone.
    PublisherWent {
        /// Who.
        peer: SocketAddr,
        /// `live/app`.
        stream: String,
        /// What it was.
        visit: Visit,
    },
    /// Somebody watches.
    ViewerCame {
        /// Who.
        peer: SocketAddr,
        /// `live/app`.
        stream: String,
        /// Whether it has to wait for a publisher.
        waits: bool,
    },
    /// A viewer is gone.
    ViewerWent {
        /// Who.
        peer: SocketAddr,
        /// `live/app`.
        stream: String,
        /// What it was.
        visit: Visit,
        /// Pictures and sounds that it skipped because it was too slow.
        skipped: u64,
    },
    /// Somebody was turned away, or went before it said what it wanted.
    Refused {
        /// Who.
        peer: SocketAddr,
        /// Why.
        why: String,
    },
    /// The system gives no more connections for now.
    CannotAccept {
        /// The system's reason.
        why: String,
    },
    /// There was more to tell than was read.
    Lost {
        /// So many reports.
        count: u64,
    },
}

/// What there is to say of somebody who has been here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// ffmpeg's names.
    pub codecs: Vec<String>,
    /// How long it was.
    pub lasted: Duration,
    /// Bytes that came from it, or went to it.
    pub bytes: u64,
    /// Why it ended.
    pub why: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublisherCame { peer, stream } => write!(f, "{peer} publishes {stream}"),
            Self::PublisherWent { peer, stream, visit } => write!(f, "{peer} published {stream}{visit}"),
            Self::ViewerCame { peer, stream, waits: false } => write!(f, "{peer} plays {stream}"),
            Self::ViewerCame { peer, stream, waits: true } => write!(f, "{peer} waits for {stream}"),
            Self::ViewerWent { peer, stream, visit, skipped: 0 } => {
                write!(f, "{peer} played {stream}{visit}")
            }
            Self::ViewerWent { peer, stream, visit, skipped } => {
                write!(f, "{peer} played {stream}{visit}; it was slow and skipped {skipped} packets")
            }
            Self::Refused { peer, why } => write!(f, "{peer} was turned away: {why}"),
            Self::CannotAccept { why } => write!(f, "no more connections for now: {why}"),
            Self::Lost { count } => write!(f, "{count} messages were lost"),
        }
    }
}

impl fmt::Display for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.codecs.is_empty() {
            write!(f, " ({})", self.codecs.join(", "))?;
        }
        let (seconds, kilobytes) = (self.lasted.as_secs_f64(), self.bytes.div_ceil(1_000));
        write!(f, " for {seconds:.1} s, {kilobytes} kB: {}", self.why)
    }
}

/// Reports on their way from the sockets to whoever reads them. Never blocks.
#[derive(Default)]
pub(super) struct Journal {
    waiting: Mutex<(VecDeque<Report>, u64)>,
}

impl Journal {
    pub(super) fn write(&self, report: Report) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.0.len() >= WAITING {
            waiting.0.pop_front();
            waiting.1 += 1;
        }
        waiting.0.push_back(report);
    }

    pub(super) fn take(&self) -> Vec<Report> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = Some(std::mem::take(&mut waiting.1)).filter(|count| *count > 0);
        lost.map(|count| Report::Lost { count }).into_iter().chain(waiting.0.drain(..)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_what_and_why() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 5_000));
        let visit = Visit {
            codecs: vec!["h264".into(), "aac".into()],
            lasted: Duration::from_millis(12_340),
            bytes: 1_234_567,
            why: "it has left".into(),
        };
        let stream = "live/app".to_string();
        let viewer =
            |skipped| Report::ViewerWent { peer, stream: stream.clone(), visit: visit.clone(), skipped };
        let line = "127.0.0.1:5000 played live/app (h264, aac) for 12.3 s, 1235 kB: it has left";
        assert_eq!(viewer(0).to_string(), line);
        assert_eq!(viewer(7).to_string(), format!("{line}; it was slow and skipped 7 packets"));
    }

    #[test]
    fn what_is_not_read_is_lost_and_counted() {
        let journal = Journal::default();
        (0..WAITING as u64 + 3).for_each(|count| journal.write(Report::Lost { count }));
        let taken = journal.take();
        assert_eq!((taken.len(), &taken[0]), (WAITING + 1, &Report::Lost { count: 3 }));
        assert_eq!(taken[1], Report::Lost { count: 3 }, "the oldest that is left");
        assert_eq!(journal.take(), []);
    }
}
