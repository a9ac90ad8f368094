//! What the making of an image stands on.

use std::sync::Arc;

use async_trait::async_trait;
use hearth_base::{Clock, Digest, Result, Role};
use hearth_client::Client;
use hearth_kit::{Clients, Kit, queue::LeaseHolder};
use hearth_runtime_api::{Bytes, ImageReference, LayerDescriptor, Owner, Runtime};
use hearth_runtime_controller::{Controller, ImageStore};
use hearth_wire::builds::internal::Builder;

use crate::BuilderSettings;

/// What the making of an image stands on.
#[derive(Clone)]
pub struct Cx {
    pub runtime: Arc<dyn Runtime>,
    /// Brings the builder's image and its runs to the runtime.
    pub controller: Arc<Controller>,
    pub settings: Arc<BuilderSettings>,
    pub clock: Arc<dyn Clock>,
    /// Who this builder is.
    pub builder: Option<Builder>,
    clients: Clients,
}

impl Cx {
    pub fn new(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<Self> {
        let builder = kit.holder().map(|LeaseHolder { place, life, .. }| Builder { place, life });
        let images = Arc::new(Images { clients: kit.clients.clone() });
        Ok(Self {
            controller: Arc::new(Controller::new(Arc::clone(&runtime), images)),
            runtime,
            settings: kit.settings(),
            clock: kit.clock.clone(),
            builder,
            clients: kit.clients.clone(),
        })
    }

    /// A client of a service.
    pub fn of(&self, role: Role) -> Result<Client> {
        self.clients.of(role)
    }
}

/// The images of the service `images`.
struct Images {
    clients: Clients,
}

#[async_trait]
impl ImageStore for Images {
    async fn find_layers(&self, owner: Owner, image: &ImageReference) -> Result<Vec<LayerDescriptor>> {
        let images = self.clients.of(Role::Images)?;
        let found = images.images_internal().read_layers(owner.require_tool()?, image.digest()).await?;
        let layers = found.layers.into_iter().map(|layer| {
            LayerDescriptor::from_manifest(layer.digest, layer.size, &layer.media_type, Some(layer.diff_id))
        });
        layers.collect()
    }

    async fn read_blob(&self, digest: Digest) -> Result<Bytes<'static>> {
        Ok(Box::new(self.clients.of(Role::Images)?.images_internal().blob(digest).await?))
    }
}
