//! Quotas of tools, from `accounts`, which keeps them for all services.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hearth_base::{Error, Result, Role, ToolId};
use hearth_kit::{ServiceClients, log_error};
use jiff::{SignedDuration, Timestamp};

/// Time for which a quota is used without asking again.
const QUOTA_LIFETIME: SignedDuration = SignedDuration::from_secs(30);
/// Tools whose quotas are remembered.
const MAX_CACHED_TOOLS: usize = 1000;

/// Source of the tools' quotas.
#[derive(Clone)]
pub enum QuotaSource {
    /// The service `accounts`.
    Accounts(AccountsQuotas),
    /// The same number of bytes for each tool, where no other service runs.
    Fixed(u64),
}

/// Cache of the quotas that this process read from `accounts`.
#[derive(Clone)]
pub struct AccountsQuotas {
    clients: ServiceClients,
    cached: Arc<Mutex<BTreeMap<ToolId, CachedQuota>>>,
}

#[derive(Debug, Clone, Copy)]
struct CachedQuota {
    bytes: u64,
    read_at: Timestamp,
}

impl QuotaSource {
    /// The quotas of `accounts`.
    pub fn from_accounts(clients: ServiceClients) -> Self {
        Self::Accounts(AccountsQuotas { clients, cached: Arc::default() })
    }

    /// Finds the bytes that a tool may store in the registry.
    pub async fn find_image_bytes(&self, tool: ToolId, now: Timestamp) -> Result<u64> {
        match self {
            Self::Accounts(accounts) => accounts.find_image_bytes(tool, now).await,
            Self::Fixed(bytes) => Ok(*bytes),
        }
    }
}

impl AccountsQuotas {
    /// Asks `accounts` at most once in [`QUOTA_LIFETIME`]. While `accounts` does not answer, the last answer
    /// counts.
    async fn find_image_bytes(&self, tool: ToolId, now: Timestamp) -> Result<u64> {
        let cached = self.lock_cache().get(&tool).copied();
        if let Some(quota) = cached.filter(|quota| now.duration_since(quota.read_at) < QUOTA_LIFETIME) {
            return Ok(quota.bytes);
        }
        match (self.read_image_bytes(tool).await, cached) {
            (Ok(bytes), _) => {
                let mut cache = self.lock_cache();
                if cache.len() >= MAX_CACHED_TOOLS {
                    cache.clear();
                }
                cache.insert(tool, CachedQuota { bytes, read_at: now });
                Ok(bytes)
            }
            (Err(error), Some(quota)) => {
                log_error!(&error, "quota of a tool not read; the last one is used");
                Ok(quota.bytes)
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn read_image_bytes(&self, tool: ToolId) -> Result<u64> {
        let accounts = self.clients.create_client(Role::Accounts)?;
        let facts = accounts.accounts_internal().show_tool_facts(tool).await;
        let facts = facts.map_err(|error| match error.kind() {
            hearth_base::ErrorKind::NotFound => {
                Error::conflict("tool-deleted", "the tool has been deleted").help("hearth tool list")
            }
            _ => error,
        })?;
        Ok(facts.quota.image_storage.get())
    }

    fn lock_cache(&self) -> MutexGuard<'_, BTreeMap<ToolId, CachedQuota>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
