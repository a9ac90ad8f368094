//! Copies a container's log to a sink. A request for the next lines acknowledges all earlier ones, so it is
//! sent only after these are stored. A crash of either side therefore loses no line; lines may be delivered
//! twice.

use std::time::Duration;

use async_trait::async_trait;
use hearth_base::{ErrorKind, Result};
use hearth_runtime_api::{InstanceId, LogPage, Runtime};

/// Maximum wait of one request for lines.
const LOG_POLL_TIMEOUT: Duration = Duration::from_secs(20);

/// A receiver of a container's log lines.
#[async_trait]
pub trait LogSink: Send {
    /// Stores a page durably, together with [`LogPage::next`], the position after a restart. Only the last
    /// page has `complete` set, and only that one may be empty.
    async fn store_page(&mut self, page: LogPage) -> Result<()>;

    /// True if the container has ended. Called for a container that the runtime does not know: if it has
    /// ended, its log is complete; if not, lines may follow.
    async fn has_container_ended(&mut self) -> Result<bool> {
        Ok(true)
    }
}

/// Copies the log of one container, page by page.
pub struct LogPump<'a> {
    runtime: &'a dyn Runtime,
    instance: InstanceId,
    next: u64,
}

impl<'a> LogPump<'a> {
    /// Builds a pump that starts at sequence `next`; the first line has sequence 1.
    pub fn new(runtime: &'a dyn Runtime, instance: InstanceId, next: u64) -> Self {
        Self { runtime, instance, next }
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
        if complete || !page.lines.is_empty() {
            sink.store_page(page).await?;
        }
        // Advanced after the page is stored: the next request acknowledges these lines to the runtime.
        self.next = next;
        Ok(complete)
    }
}
