//! Taking a container's log. Asking a runtime for the next lines says that those before are kept, so it is asked only
//! once they are: nothing is lost, whoever dies, and what was on its way comes again.

use std::time::Duration;

use async_trait::async_trait;
use hearth_base::{Kind, Result};
use hearth_runtime_api::{InstanceId, LogPage, Runtime};

/// The time for which one request for lines waits.
const LOG_WAIT: Duration = Duration::from_secs(20);

/// A receiver of a container's lines.
#[async_trait]
pub trait LogSink: Send {
    /// Stores a page. When this returns, its lines are kept, and [`LogPage::next`] is where to go on after a restart. The
    /// last page is complete, and may be without lines; no other is.
    async fn store_page(&mut self, page: LogPage) -> Result<()>;

    /// Whether the container has ended. Of one that has, a runtime that does not know it has no more lines; of one that
    /// has not, it may have some later.
    async fn is_over(&mut self) -> Result<bool> {
        Ok(true)
    }
}

/// Takes one container's log, page by page.
pub struct LogPump<'a> {
    runtime: &'a dyn Runtime,
    instance: InstanceId,
    next: u64,
}

impl<'a> LogPump<'a> {
    /// Of this container, from the line `next` on; the first line is 1.
    pub fn new(runtime: &'a dyn Runtime, instance: InstanceId, next: u64) -> Self {
        Self { runtime, instance, next }
    }

    /// The line that is taken next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Takes the log to its end. After an error, another call goes on behind the last page that was stored.
    pub async fn run(&mut self, sink: &mut dyn LogSink) -> Result<()> {
        while !self.take_page(sink).await? {}
        Ok(())
    }

    /// Takes what there is; whether that was the end.
    async fn take_page(&mut self, sink: &mut dyn LogSink) -> Result<bool> {
        let page = match self.runtime.logs(self.instance, self.next, LOG_WAIT).await {
            Err(error) if error.kind() == Kind::NotFound => {
                if !sink.is_over().await? {
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
        self.next = next;
        Ok(complete)
    }
}
