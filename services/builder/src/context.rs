//! Context of the builder: runtime, settings and clients.

use std::sync::Arc;

use async_trait::async_trait;
use hearth_base::{Clock, Digest, Result, Role};
use hearth_client::Client;
use hearth_kit::{Kit, ServiceClients, queue::LeaseHolder};
use hearth_runtime_api::{ByteStream, ImageReference, LayerDescriptor, Owner, Runtime};
use hearth_runtime_controller::{Controller, ImageStore};
use hearth_wire::builds::internal::BuilderProcess;

use crate::BuilderSettings;

/// Context of the builder: runtime, settings and clients.
#[derive(Clone)]
pub struct BuilderContext {
    pub runtime: Arc<dyn Runtime>,
    /// Delivers the builder's image and applies the runs.
    pub controller: Arc<Controller>,
    pub settings: Arc<BuilderSettings>,
    pub clock: Arc<dyn Clock>,
    /// Host of this Hearth's registry, with its port, as users see it.
    pub public_host: String,
    /// Identity of this builder in claims.
    pub builder: Option<BuilderProcess>,
    clients: ServiceClients,
}

impl BuilderContext {
    pub fn new(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<Self> {
        let builder = kit
            .create_lease_holder()
            .map(|LeaseHolder { folder_id: place, life, .. }| BuilderProcess { place, life });
        let images = Arc::new(RemoteImages { clients: kit.clients.clone() });
        Ok(Self {
            controller: Arc::new(Controller::new(Arc::clone(&runtime), images)),
            runtime,
            settings: kit.settings(),
            clock: kit.clock.clone(),
            public_host: kit.config.door.public_authority(),
            builder,
            clients: kit.clients.clone(),
        })
    }

    /// Returns a client of a service.
    pub fn create_client(&self, role: Role) -> Result<Client> {
        self.clients.create_client(role)
    }
}

/// Image store of the runtime controller, backed by the service `images`.
struct RemoteImages {
    clients: ServiceClients,
}

#[async_trait]
impl ImageStore for RemoteImages {
    async fn find_layers(&self, owner: Owner, image: &ImageReference) -> Result<Vec<LayerDescriptor>> {
        let images = self.clients.create_client(Role::Images)?;
        let found = images.images_internal().read_layers(owner.require_tool()?, image.digest()).await?;
        let layers = found.layers.into_iter().map(|layer| {
            LayerDescriptor::from_manifest(layer.digest, layer.size, &layer.media_type, Some(layer.diff_id))
        });
        layers.collect()
    }

    async fn read_blob(&self, owner: Owner, digest: Digest) -> Result<ByteStream<'static>> {
        let images = self.clients.create_client(Role::Images)?;
        Ok(Box::new(images.images_internal().open_blob(owner.require_tool()?, digest).await?))
    }
}
