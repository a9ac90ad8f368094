//! What the making of an image stands on.

use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use hearth_base::{Clock, Digest, Result, Role};
use hearth_client::Client;
use hearth_kit::{Clients, Kit, queue::LeaseHolder};
use hearth_runtime_api::{Bytes, Runtime};
use hearth_runtime_controller::{BlobSource, Controller};
use hearth_wire::builds::internal::Builder;
use http_body_util::BodyExt;
use tokio_util::io::StreamReader;

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
        let blobs = Arc::new(ImageBlobs { clients: kit.clients.clone() });
        Ok(Self {
            controller: Arc::new(Controller::new(Arc::clone(&runtime), blobs)),
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

/// The blobs of `images`.
struct ImageBlobs {
    clients: Clients,
}

#[async_trait]
impl BlobSource for ImageBlobs {
    async fn read_blob(&self, digest: Digest) -> Result<Bytes<'static>> {
        let response = self.clients.of(Role::Images)?.images_internal().blob(digest).await?;
        let stream = response.into_body().into_data_stream().map_err(std::io::Error::other);
        Ok(Box::new(StreamReader::new(Box::pin(stream))))
    }
}
