//! The context of this service's handlers and rules.

use std::sync::Arc;

use hearth_base::{Result, Role};
use hearth_client::Client;
use hearth_kit::{Kit, RequestContext};
use hearth_runtime_api::Runtime;

use crate::{StorageSettings, session_permits::SessionPermits, store::StorageStore};

/// The context of this service's handlers and rules.
#[derive(Clone)]
pub struct StorageContext {
    base: RequestContext<StorageSettings>,
    pub store: StorageStore,
    pub runtime: Arc<dyn Runtime>,
    pub permits: SessionPermits,
    /// Calls of `accounts`.
    pub accounts: Client,
}

impl StorageContext {
    pub fn new(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<Self> {
        let base = RequestContext::<StorageSettings>::from_kit(kit);
        let permits = SessionPermits::new(&base.settings);
        let accounts = kit.clients.create_client(Role::Accounts)?;
        Ok(Self { base, store: StorageStore::new(kit.db()?.clone()), runtime, permits, accounts })
    }
}

hearth_kit::impl_request_context!(StorageContext, StorageSettings);
