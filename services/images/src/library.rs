//! The provided images without the running service, for `hearthd image` on the machine with the state folder.

use std::{path::Path, sync::Arc};

use hearth_base::{Clock, Digest, Entropy, Result};
use hearth_kit::{
    config::HearthConfig,
    db::{Db, migrate, queue::Queue},
    state::StateFolder,
    tasks::BackgroundTasks,
};
use hearth_wire::images::ProvidedImageInfo;

use crate::{
    app::{layout, provided},
    context::ImagesContext,
    http::images::find_provided_images,
    names::PROVIDED_OWNER,
    quota_source::QuotaSource,
    store::{self, RegistryStore},
};

/// Images of one Hearth, in its database and blob store.
pub struct ImageLibrary(ImagesContext);

impl ImageLibrary {
    /// Opens the database and applies pending migrations.
    pub async fn open(
        config: &HearthConfig,
        state: &StateFolder,
        db: &Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
    ) -> Result<Self> {
        migrate(db, store::list_migrations).await?;
        // A queue without a holder: only the running service claims queue items.
        let tasks = BackgroundTasks::new();
        let queue = Queue::new(db.clone(), clock.clone(), None);
        let store = RegistryStore::new(db.clone(), queue, tasks.shutdown_signal());
        Ok(Self(ImagesContext::new(
            config,
            state,
            store,
            QuotaSource::Fixed(u64::MAX),
            (clock, entropy),
            tasks,
        )?))
    }

    /// Imports an OCI image layout as `hearth/NAME:latest`.
    pub async fn import_layout(&self, folder: &Path, name: &str) -> Result<Digest> {
        layout::import_layout(&self.0, folder, &name.parse()?, &provided::PROVIDED_TAG.parse()?).await
    }

    /// Returns true if `hearth/NAME:latest` exists.
    pub async fn has_image(&self, name: &str) -> Result<bool> {
        let found = self.0.store.find_repository(PROVIDED_OWNER, &name.parse()?).await?;
        let Some(found) = found else { return Ok(false) };
        Ok(self.0.store.find_tag(found.id, &provided::PROVIDED_TAG.parse()?).await?.is_some())
    }

    /// Lists the provided images with their digests, where they have been pushed.
    pub async fn list_provided(&self) -> Result<Vec<ProvidedImageInfo>> {
        find_provided_images(&self.0).await
    }
}
