//! Copies a container's log to a sink. A request for the next lines acknowledges all earlier ones, so it is
//! sent only after these are stored. A crash of either side therefore loses no line; lines may be delivered
//! twice.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use hearth_base::{ErrorKind, Result};
use hearth_runtime_api::{InstanceId, LogPage, Runtime};
use tokio::time::Instant;

/// Maximum wait of one request for lines.
const LOG_POLL_TIMEOUT: Duration = Duration::from_secs(20);
/// Time per line of running containers: 2,000 lines per second. The work for each line is done by the services,
/// beyond the processor limit of the container.
const TIME_PER_LINE: Duration = Duration::from_micros(500);
/// Lines of running containers that are copied without a pause.
const LINE_BURST: u32 = 50_000;

/// A receiver of a container's log lines.
#[async_trait]
pub trait LogSink: Send {
    /// Stores a page durably, together with [`LogPage::next`], the position after a restart. Only the last
    /// page has `complete` set, and only that one may be empty.
    async fn store_page(&mut self, page: LogPage) -> Result<()>;

    /// True if the container has ended. Called for a container that the runtime does not know: if it has
    /// ended, its log is complete; if not, lines may follow. Also called before a pause: only a running container
    /// has a limited rate of lines.
    async fn has_container_ended(&mut self) -> Result<bool> {
        Ok(true)
    }
}

/// Rate of the lines of running containers, for all containers of a tool together.
#[derive(Debug, Default)]
pub struct LinePace {
    /// Time by which all lines so far have had [`TIME_PER_LINE`] each.
    earned_at: Mutex<Option<Instant>>,
}

impl LinePace {
    /// Counts lines that are copied at `now`. Returns the pause before the next ones.
    pub fn count_lines(&self, lines: u32, now: Instant) -> Duration {
        let mut earned_at = self.earned_at.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = earned_at.map_or(now, |earned| earned.max(now)) + TIME_PER_LINE * lines;
        *earned_at = Some(earned);
        earned.saturating_duration_since(now + TIME_PER_LINE * LINE_BURST)
    }

    /// True if a new pace would have the same effect.
    pub fn is_unused(&self, now: Instant) -> bool {
        self.earned_at.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|earned| earned <= now)
    }
}

/// Copies the log of one container, page by page. Beyond [`LINE_BURST`], the lines of running containers are copied at
/// a limited rate; further lines wait in the spool, which counts those that do not fit as lost.
pub struct LogPump<'a> {
    runtime: &'a dyn Runtime,
    instance: InstanceId,
    next: u64,
    pace: Arc<LinePace>,
}

impl<'a> LogPump<'a> {
    /// Builds a pump that starts at sequence `next`; the first line has sequence 1.
    pub fn new(runtime: &'a dyn Runtime, instance: InstanceId, next: u64) -> Self {
        Self { runtime, instance, next, pace: Arc::default() }
    }

    /// Shares the rate of lines with other containers.
    pub fn with_pace(self, pace: Arc<LinePace>) -> Self {
        Self { pace, ..self }
    }

    /// The sequence of the next line.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Copies the log to its end. After an error, another call continues after the last stored page.
    pub async fn run(&mut self, sink: &mut dyn LogSink) -> Result<()> {
        while !self.fetch_page(sink).await? {}
        Ok(())
    }

    /// Copies one page. Returns true if it was the last.
    async fn fetch_page(&mut self, sink: &mut dyn LogSink) -> Result<bool> {
        let page = match self.runtime.read_logs(self.instance, self.next, LOG_POLL_TIMEOUT).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if !sink.has_container_ended().await? {
                    return Err(error);
                }
                LogPage { lines: Vec::new(), next: self.next, complete: true }
            }
            page => page?,
        };
        let (next, complete) = (page.next, page.complete);
        let lines = u32::try_from(page.lines.len()).unwrap_or(LINE_BURST);
        let pause = self.pace.count_lines(lines, Instant::now());
        if complete || !page.lines.is_empty() {
            sink.store_page(page).await?;
        }
        // Advanced after the page is stored: the next request acknowledges these lines to the runtime.
        self.next = next;
        if !complete && !pause.is_zero() && !sink.has_container_ended().await? {
            tokio::time::sleep(pause).await;
        }
        Ok(complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_burst_are_copied_at_the_limited_rate() {
        let (pace, start) = (LinePace::default(), Instant::now());
        // The burst has no pause; the lines after it wait for their time.
        for page in 0..50 {
            assert_eq!(pace.count_lines(1000, start), Duration::ZERO, "page {page}");
        }
        let pause = pace.count_lines(1000, start);
        assert_eq!(pause, TIME_PER_LINE * 1000);
        assert_eq!(pace.count_lines(1000, start + pause), pause);
        // A quiet time earns the burst again, and no more.
        let later = start + Duration::from_secs(3600);
        assert!(!pace.is_unused(start + pause) && pace.is_unused(later));
        assert_eq!(pace.count_lines(LINE_BURST, later), Duration::ZERO);
        assert_eq!(pace.count_lines(1, later), TIME_PER_LINE);
    }
}
