//! Permits to ask repositories for their refs: a few for each tool, and a limit in all.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, Result, ToolId};
use hearth_kit::fair_pool::{FairPermit, FairPool, PoolLimits};

/// Maximum wait for a permit. It is shorter than the gateway's time limit, so that the caller gets the reason.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(15);

/// Permits of one process. A tool whose repositories are slow occupies only its own share.
#[derive(Debug, Clone)]
pub struct RefPermits {
    pool: FairPool<ToolId>,
    timeout: Duration,
}

impl RefPermits {
    /// Creates `limit` permits, of which a tool has at most `tool_limit` at one time.
    pub fn new(limit: u32, tool_limit: u32) -> Self {
        Self {
            pool: FairPool::new(PoolLimits::without_wait_limits(limit, tool_limit)),
            timeout: PERMIT_TIMEOUT,
        }
    }

    /// Waits for a permit of a tool. Error `repositories-busy` (exhausted) after [`PERMIT_TIMEOUT`].
    pub async fn acquire_permit(&self, tool: ToolId) -> Result<FairPermit<ToolId>> {
        match tokio::time::timeout(self.timeout, self.pool.acquire(tool)).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::new(
                ErrorKind::Exhausted,
                "repositories-busy",
                "too many requests to repositories are in progress",
            )
            .help("wait until the builds that you have just started are listed, then try again")),
        }
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
    async fn request_that_gets_no_permit_is_refused_with_the_reason() {
        let (permits, tool) = (RefPermits::new(1, 1), create_tool_id());
        let permits = RefPermits { timeout: Duration::from_millis(1), ..permits };
        let _held = permits.acquire_permit(tool).await.unwrap();
        assert_eq!(permits.acquire_permit(tool).await.err().unwrap().code(), "repositories-busy");
    }
}
