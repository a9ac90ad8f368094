//! Permits for file sessions: a few for each tool, and a limit in all.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use hearth_base::{Error, ErrorKind, Result, ToolId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum wait for a permit. It is shorter than the gateway's time limit, so that the caller gets the reason.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(15);

/// Permits of one process. A request waits for those of its own tool first, so that a tool with slow clients
/// occupies only its own share.
#[derive(Debug, Clone)]
pub struct SessionPermits {
    shared: Arc<Semaphore>,
    by_tool: Arc<Mutex<BTreeMap<ToolId, Weak<Semaphore>>>>,
    tool_limit: usize,
}

/// A permit, until it is dropped.
#[derive(Debug)]
pub struct SessionPermit {
    _of_tool: OwnedSemaphorePermit,
    _shared: OwnedSemaphorePermit,
}

impl SessionPermits {
    /// Creates `limit` permits, of which a tool has at most `tool_limit` at a time.
    pub fn new(limit: u32, tool_limit: u32) -> Self {
        let to_count = |limit: u32| usize::try_from(limit.max(1)).unwrap_or(1);
        Self {
            shared: Arc::new(Semaphore::new(to_count(limit))),
            by_tool: Arc::default(),
            tool_limit: to_count(tool_limit),
        }
    }

    /// Waits for a permit of a tool. Error `files-busy` (exhausted) after [`PERMIT_TIMEOUT`].
    pub async fn acquire_permit(&self, tool: ToolId) -> Result<SessionPermit> {
        let acquired = tokio::time::timeout(PERMIT_TIMEOUT, async {
            let of_tool = self.find_tool_permits(tool).acquire_owned().await.map_err(Error::internal)?;
            let shared = Arc::clone(&self.shared).acquire_owned().await.map_err(Error::internal)?;
            Ok(SessionPermit { _of_tool: of_tool, _shared: shared })
        });
        acquired.await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Exhausted,
                "files-busy",
                "too many requests about files are in progress",
            )
            .help("try again when they have ended"))
        })
    }

    fn find_tool_permits(&self, tool: ToolId) -> Arc<Semaphore> {
        let mut by_tool = self.by_tool.lock().unwrap_or_else(PoisonError::into_inner);
        by_tool.retain(|_, permits| permits.strong_count() > 0);
        if let Some(permits) = by_tool.get(&tool).and_then(Weak::upgrade) {
            return permits;
        }
        let permits = Arc::new(Semaphore::new(self.tool_limit));
        by_tool.insert(tool, Arc::downgrade(&permits));
        permits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use hearth_base::Entropy;
    use jiff::Timestamp;

    #[tokio::test]
    async fn tool_with_all_its_permits_delays_no_other_tool() -> Result<()> {
        let [one, other] = [(); 2].map(|()| ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System));
        let permits = SessionPermits::new(3, 2);
        let held = (permits.acquire_permit(one).await?, permits.acquire_permit(one).await?);
        assert!(permits.acquire_permit(one).now_or_never().is_none(), "the tool has all its permits");
        permits.acquire_permit(other).await?;
        drop(held);
        permits.acquire_permit(one).await.map(drop)
    }
}
