//! Permits to ask repositories for their refs: a few for each tool, and a limit in all.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use hearth_base::{Error, ErrorKind, Result, ToolId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum wait for a permit. It is shorter than the gateway's time limit, so that the caller gets the reason.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(15);

/// Permits of one process. Requests of a tool wait for those of the same tool first, so that a tool whose
/// repositories are slow occupies only its own share.
#[derive(Debug, Clone)]
pub struct RefPermits {
    shared: Arc<Semaphore>,
    by_tool: Arc<Mutex<BTreeMap<ToolId, Weak<Semaphore>>>>,
    tool_limit: usize,
    timeout: Duration,
}

/// A permit, until it is dropped.
#[derive(Debug)]
pub struct RefPermit {
    _of_tool: OwnedSemaphorePermit,
    _shared: OwnedSemaphorePermit,
}

impl RefPermits {
    /// Creates `limit` permits, of which a tool has at most `tool_limit` at one time.
    pub fn new(limit: u32, tool_limit: u32) -> Self {
        let to_count = |limit: u32| usize::try_from(limit.max(1)).unwrap_or(1);
        Self {
            shared: Arc::new(Semaphore::new(to_count(limit))),
            by_tool: Arc::default(),
            tool_limit: to_count(tool_limit),
            timeout: PERMIT_TIMEOUT,
        }
    }

    /// Waits for a permit of a tool. Error `repositories-busy` (exhausted) after [`PERMIT_TIMEOUT`].
    pub async fn acquire_permit(&self, tool: ToolId) -> Result<RefPermit> {
        let acquired = tokio::time::timeout(self.timeout, async {
            let of_tool = self.find_tool_permits(tool).acquire_owned().await.map_err(Error::internal)?;
            let shared = Arc::clone(&self.shared).acquire_owned().await.map_err(Error::internal)?;
            Ok(RefPermit { _of_tool: of_tool, _shared: shared })
        });
        acquired.await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Exhausted,
                "repositories-busy",
                "too many requests to repositories are in progress",
            )
            .help("wait until the builds that you have just started are listed, then try again"))
        })
    }

    fn find_tool_permits(&self, tool: ToolId) -> Arc<Semaphore> {
        let mut by_tool = self.by_tool.lock().unwrap_or_else(PoisonError::into_inner);
        // Permits and waiting requests keep their semaphore alive.
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
    use futures::FutureExt;
    use hearth_base::Entropy;
    use jiff::Timestamp;

    use super::*;

    fn create_tool_id() -> ToolId {
        ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System)
    }

    #[tokio::test]
    async fn tool_has_only_its_share_of_the_permits() {
        let (permits, one, other) = (RefPermits::new(3, 2), create_tool_id(), create_tool_id());
        let first = permits.acquire_permit(one).await.unwrap();
        let _second = permits.acquire_permit(one).await.unwrap();
        assert!(permits.acquire_permit(one).now_or_never().is_none(), "a third of the same tool waits");
        let _of_other = permits.acquire_permit(other).now_or_never().unwrap().unwrap();
        assert!(permits.acquire_permit(other).now_or_never().is_none(), "all permits are in use");
        drop(first);
        assert!(permits.acquire_permit(other).now_or_never().is_some());
    }

    #[tokio::test]
    async fn tools_without_requests_are_forgotten() {
        let permits = RefPermits::new(3, 2);
        for _ in 0..100 {
            permits.acquire_permit(create_tool_id()).await.unwrap();
        }
        assert!(permits.by_tool.lock().unwrap().len() <= 1);
    }

    #[tokio::test]
    async fn request_that_gets_no_permit_is_refused_with_the_reason() {
        let (permits, tool) = (RefPermits::new(1, 1), create_tool_id());
        let permits = RefPermits { timeout: Duration::from_millis(1), ..permits };
        let _held = permits.acquire_permit(tool).await.unwrap();
        assert_eq!(permits.acquire_permit(tool).await.err().unwrap().code(), "repositories-busy");
    }
}
