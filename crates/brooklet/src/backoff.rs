//! How long to wait before the next try.

use std::time::{Duration, Instant};

use crate::error::shown;
use crate::job::{Journal, Reconnect};
use crate::{Error, Result};

/// The first wait.
const FIRST: Duration = Duration::from_millis(500);

/// Tries in a row, and the waits between them: each twice the one before, up to a limit.
#[derive(Debug)]
pub(crate) struct Backoff {
    how: Reconnect,
    failures: u32,
    /// How often it was there again, and not for long.
    returns: u32,
}

impl Backoff {
    pub(crate) const fn new(how: Reconnect) -> Self {
        Self { how, failures: 0, returns: 0 }
    }

    /// Something has failed: how long to wait before the next try; `None` where there is to be none.
    pub(crate) fn failed(&mut self) -> Option<Duration> {
        if self.how.max_retries.is_some_and(|most| self.failures >= most) {
            return None;
        }
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        Some(doubled.min(self.how.delay_max))
    }

    /// Tries until it goes well, or is not to be tried any more. `why` is what failed before, at `url`.
    pub(crate) async fn again<T, F: Future<Output = Result<T>>>(
        &mut self,
        url: &str,
        mut why: Error,
        journal: &Journal,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T> {
        let lost = Instant::now();
        loop {
            let Some(wait) = self.failed().filter(|_| why.may_pass()) else { return Err(why) };
            let line = || format!("{why}; connecting again in {} s", wait.as_secs_f64());
            journal.warn_some(self.failures.into(), line);
            tokio::time::sleep(wait).await;
            match attempt().await {
                Ok(made) => {
                    self.returns = self.returns.saturating_add(1);
                    let line = || format!("{}: connected again {}", shown(url), after(lost));
                    journal.warn_some(self.returns.into(), line);
                    return Ok(made);
                }
                Err(error) => why = error,
            }
        }
    }

    /// Media flow: the next failure is the first again.
    pub(crate) const fn succeeded(&mut self) {
        (self.failures, self.returns) = (0, 0);
    }
}

/// How long it took until now, as a line ends.
pub(crate) fn after(lost: Instant) -> String {
    format!("after {:.1} s", lost.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "rtmp://me:secret@host/live/key";

    fn waits(how: Reconnect, count: usize) -> Vec<u64> {
        let mut backoff = Backoff::new(how);
        (0..count).map_while(|_| backoff.failed()).map(|wait| wait.as_millis() as u64).collect()
    }

    #[test]
    fn waits_double_up_to_the_limit() {
        let delay_max = Duration::from_secs(3);
        let how = Reconnect { delay_max, ..Reconnect::default() };
        assert_eq!(waits(how, 5), [500, 1_000, 2_000, 3_000, 3_000]);
        assert_eq!(waits(how, 10_000).len(), 10_000, "without limit");
        assert_eq!(waits(Reconnect { max_retries: Some(2), ..how }, 5), [500, 1_000]);
    }

    #[test]
    fn what_worked_for_a_while_is_tried_at_once_again() {
        let how = Reconnect { max_retries: Some(1), ..Reconnect::default() };
        let mut backoff = Backoff::new(how);
        assert_eq!((backoff.failed(), backoff.failed()), (Some(FIRST), None));
        backoff.succeeded();
        assert_eq!(backoff.failed(), Some(FIRST));
    }

    #[test]
    fn a_long_outage_is_told_more_and_more_rarely() {
        let (delay_max, journal) = (Duration::from_millis(1), Journal::default());
        let mut backoff =
            Backoff::new(Reconnect { max_retries: Some(20), delay_max, ..Reconnect::default() });
        let left = || Error::Left { url: URL.into() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tried = runtime.block_on(backoff.again(URL, left(), &journal, || async { Err::<(), _>(left()) }));
        assert!(matches!(tried, Err(Error::Left { .. })));
        let said = journal.take();
        assert_eq!(said.len(), 5, "the 1st, 2nd, 4th, 8th and 16th: {said:?}");
        assert!(said[4].ends_with("; connecting again in 0.001 s (16 times so far)"), "{said:?}");
    }

    #[test]
    fn its_end_is_told_and_of_many_short_ones_some() {
        let (delay_max, journal) = (Duration::from_millis(1), Journal::default());
        let mut backoff = Backoff::new(Reconnect { delay_max, ..Reconnect::default() });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outage = |backoff: &mut Backoff, tries: u32| {
            let mut left = tries;
            let attempt = || {
                left -= 1;
                let made = if left == 0 { Ok(()) } else { Err(Error::Left { url: URL.into() }) };
                async { made }
            };
            let why = Error::Left { url: URL.into() };
            runtime.block_on(backoff.again(URL, why, &journal, attempt)).unwrap();
            let said = journal.take();
            said.into_iter().filter(|line| line.contains("connected again after 0.")).collect::<Vec<_>>()
        };
        let first = outage(&mut backoff, 3);
        assert_eq!(first.len(), 1, "{first:?}");
        assert!(first[0].starts_with("rtmp://me:***@host/live/key: connected"), "{first:?}");
        let told: Vec<usize> = (0..7).map(|_| outage(&mut backoff, 1).len()).collect();
        assert_eq!(told, [1, 0, 1, 0, 0, 0, 1], "the 2nd, 4th and 8th");
        backoff.succeeded();
        assert_eq!(outage(&mut backoff, 1).len(), 1);
    }
}
