//! Permits for file sessions: a few for each tool, and a limit in all.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, Result, ToolId};
use hearth_kit::fair_pool::{FairPermit, FairPool, PoolLimits};

/// Maximum wait for a permit. It is shorter than the gateway's time limit, so that the caller gets the reason.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(15);

/// A permit, until it is dropped.
pub type SessionPermit = FairPermit<ToolId>;

/// Permits of one process. A tool with slow clients occupies only its own share.
#[derive(Debug, Clone)]
pub struct SessionPermits(FairPool<ToolId>);

impl SessionPermits {
    /// Creates `limit` permits, of which a tool has at most `tool_limit` at a time.
    pub fn new(limit: u32, tool_limit: u32) -> Self {
        Self(FairPool::new(PoolLimits::without_wait_limits(limit, tool_limit)))
    }

    /// Waits for a permit of a tool. Error `files-busy` (exhausted) after [`PERMIT_TIMEOUT`].
    pub async fn acquire_permit(&self, tool: ToolId) -> Result<SessionPermit> {
        match tokio::time::timeout(PERMIT_TIMEOUT, self.0.acquire(tool)).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::new(
                ErrorKind::Exhausted,
                "files-busy",
                "too many requests about files are in progress",
            )
            .help("try again when they have ended")),
        }
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
