//! Permits for file sessions: a few for each person and each tool, and a limit in all.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, Result, ToolId, UserId};
use hearth_kit::fair_pool::{FairPermit, FairPool, PoolLimits};

use crate::StorageSettings;

/// Maximum wait for a permit. It is shorter than the gateway's time limit, so that the caller gets the reason.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(15);

/// For whom a session counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionHolder {
    /// A person: the caller, or the first owner of a tool that calls with a token of its own.
    Person(UserId),
    /// A tool without an owner.
    Tool(ToolId),
}

/// A permit, until it is dropped.
#[derive(Debug)]
pub struct SessionPermit {
    _tool: FairPermit<ToolId>,
    _holder: FairPermit<SessionHolder>,
}

/// Permits of one process. A tool with slow clients occupies only its own share, and a person with many such tools only
/// the person's.
#[derive(Debug, Clone)]
pub struct SessionPermits {
    holders: FairPool<SessionHolder>,
    tools: FairPool<ToolId>,
}

impl SessionPermits {
    /// Creates permits with the limits of these settings.
    pub fn new(settings: &StorageSettings) -> Self {
        let StorageSettings { sessions, sessions_per_person, sessions_per_tool, .. } = *settings;
        Self {
            holders: FairPool::new(PoolLimits::without_wait_limits(u32::MAX, sessions_per_person)),
            tools: FairPool::new(PoolLimits::without_wait_limits(sessions, sessions_per_tool)),
        }
    }

    /// Waits for a permit of a tool. Error `files-busy` (exhausted) after [`PERMIT_TIMEOUT`].
    pub async fn acquire_permit(&self, holder: SessionHolder, tool: ToolId) -> Result<SessionPermit> {
        // The holder's first: a session that waits for its holder's share takes no place among those of all tools.
        let both = async {
            let holder = self.holders.acquire(holder).await?;
            Ok::<_, hearth_kit::fair_pool::PoolFull>(SessionPermit {
                _tool: self.tools.acquire(tool).await?,
                _holder: holder,
            })
        };
        match tokio::time::timeout(PERMIT_TIMEOUT, both).await {
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
    use hearth_base::{Entropy, Id, IdKind};
    use jiff::Timestamp;

    fn new_ids<K: IdKind, const N: usize>() -> [Id<K>; N] {
        [(); N].map(|()| Id::new(Timestamp::UNIX_EPOCH, &Entropy::System))
    }

    fn build_permits(sessions: u32, sessions_per_person: u32, sessions_per_tool: u32) -> SessionPermits {
        let settings = StorageSettings {
            sessions,
            sessions_per_person,
            sessions_per_tool,
            ..StorageSettings::default()
        };
        SessionPermits::new(&settings)
    }

    #[tokio::test]
    async fn tool_with_all_its_permits_delays_no_other_tool() -> Result<()> {
        let [one, other] = new_ids();
        let [ann, ben] = new_ids().map(SessionHolder::Person);
        let permits = build_permits(3, 8, 2);
        let held = (permits.acquire_permit(ann, one).await?, permits.acquire_permit(ann, one).await?);
        assert!(permits.acquire_permit(ben, one).now_or_never().is_none(), "the tool has all its permits");
        permits.acquire_permit(ann, other).await?;
        drop(held);
        permits.acquire_permit(ann, one).await.map(drop)
    }

    #[tokio::test]
    async fn person_with_many_tools_delays_no_other_person() -> Result<()> {
        let tools: [ToolId; 8] = new_ids();
        let [ann, ben] = new_ids().map(SessionHolder::Person);
        let permits = build_permits(16, 8, 4);
        let mut held = Vec::new();
        for tool in &tools[..2] {
            for _ in 0..4 {
                held.push(permits.acquire_permit(ann, *tool).await?);
            }
        }
        let mut waiting = Vec::new();
        for tool in &tools[2..] {
            let mut request = Box::pin(permits.acquire_permit(ann, *tool));
            assert!((&mut request).now_or_never().is_none(), "the person has all permits");
            waiting.push(request);
        }
        for _ in 0..4 {
            held.push(permits.acquire_permit(ben, tools[7]).await?);
        }
        Ok(())
    }
}
