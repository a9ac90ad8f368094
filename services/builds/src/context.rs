//! Context of this service's handlers and rules.

use hearth_base::{Result, Role};
use hearth_kit::{
    Kit, RequestContext, ServiceClients, blobs::BlobStore, outbound::OutboundClient, tasks::ShutdownSignal,
};

use crate::{
    BuildsSettings, ref_permits::RefPermits, signing::SigningKeys, store::BuildStore,
    upload_reservations::UploadReservations,
};

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
    /// Public host of this Hearth.
    pub public_authority: String,
    pub stop: ShutdownSignal,
}

impl BuildsContext {
    pub fn new(kit: &Kit) -> Result<Self> {
        let settings = kit.settings::<BuildsSettings>();
        Ok(Self {
            base: RequestContext::from_kit(kit),
            store: BuildStore::new(kit.db()?.clone(), kit.create_queue()?),
            blobs: BlobStore::open(&kit.state, Role::Builds, &kit.config.disk)?,
            outbound: kit.config.outbound.create_client(),
            ref_permits: RefPermits::new(settings.ref_requests, settings.tool_ref_requests),
            upload_reservations: UploadReservations::default(),
            clients: kit.clients.clone(),
            signing_keys: SigningKeys::new(&kit.state),
            public_authority: kit.config.door.public_authority(),
            stop: kit.tasks.shutdown_signal(),
        })
    }
}

hearth_kit::impl_request_context!(BuildsContext, BuildsSettings);
