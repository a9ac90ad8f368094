//! Context of this service's handlers and rules.

use hearth_base::{Result, Role, ToolId};
use hearth_kit::{
    Kit, RequestContext, ServiceClients,
    audit::{self, Change, ChangeAuthor},
    blobs::BlobStore,
    db::Tx,
    fair_pool::{FairPool, PoolLimits},
    outbound::OutboundClient,
    tasks::ShutdownSignal,
    vault::Vault,
};

use crate::{
    BuildsSettings, ref_permits::RefPermits, signing::SigningKeys, store::BuildStore,
    upload_reservations::UploadReservations,
};

/// Announcements to outside builders at one time: of all tools, and of each.
pub const ANNOUNCEMENT_LANES: PoolLimits =
    PoolLimits { permits: 16, permits_per_key: 4, waiting_per_key: 0, waiting: 0 };

/// Context of this service's handlers and rules.
#[derive(Clone)]
pub struct BuildsContext {
    base: RequestContext<BuildsSettings>,
    pub store: BuildStore,
    pub blobs: BlobStore,
    pub outbound: OutboundClient,
    pub ref_permits: RefPermits,
    pub upload_reservations: UploadReservations,
    pub clients: ServiceClients,
    pub signing_keys: SigningKeys,
    /// Seals secrets of outside builders.
    pub vault: Vault,
    /// Lanes for announcements to outside builders, shared by tools.
    pub announcement_lanes: FairPool<ToolId>,
    /// Public host of this Hearth.
    pub public_authority: String,
    /// True when the public URL is `https://`.
    pub public_tls: bool,
    /// Public address of this Hearth without a path, as in `https://hearth.example`.
    pub public_origin: String,
    pub stop: ShutdownSignal,
}

impl BuildsContext {
    pub fn new(kit: &Kit) -> Result<Self> {
        let settings = kit.settings::<BuildsSettings>();
        Ok(Self {
            base: RequestContext::from_kit(kit),
            store: BuildStore::new(kit.db()?.clone(), kit.create_queue()?, kit.tasks.shutdown_signal()),
            blobs: BlobStore::open(&kit.state, Role::Builds, &kit.config.disk)?,
            outbound: kit.config.outbound.create_client(),
            ref_permits: RefPermits::new(settings.ref_requests, settings.tool_ref_requests),
            upload_reservations: UploadReservations::default(),
            clients: kit.clients.clone(),
            signing_keys: SigningKeys::new(&kit.state),
            vault: Vault::new(kit.role, &kit.state),
            announcement_lanes: FairPool::new(ANNOUNCEMENT_LANES),
            public_authority: kit.config.door.public_authority(),
            public_tls: kit.config.door.uses_tls(),
            public_origin: kit.config.door.public_origin(),
            stop: kit.tasks.shutdown_signal(),
        })
    }
}

impl BuildsContext {
    /// Records a change for the audit log, in its transaction.
    pub async fn record_change(&self, tx: &Tx, author: &ChangeAuthor, change: Change<'_>) -> Result<()> {
        audit::record_change(&self.base, &self.store.queue, tx, author, change).await
    }
}

hearth_kit::impl_request_context!(BuildsContext, BuildsSettings);
