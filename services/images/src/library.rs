//! The provided images without the service: for making them on the machine where the state folder is, whether or
//! not Hearth runs.

use std::{path::Path, sync::Arc};

use hearth_base::{Clock, Digest, Entropy, Result};
use hearth_kit::{
    config::Config,
    db::{Db, migrate, queue::Queue},
    state::StateFolder,
    tasks::Tasks,
};
use hearth_wire::images::Provided;

use crate::{
    app::{layout, provided},
    cx::Cx,
    http::images::provided_views,
    names::PROVIDED,
    store::{self, Store},
};

/// The images of one Hearth, in its database and blob store.
pub struct Library(Cx);

impl Library {
    /// Opens them, and brings the tables up to date when no Hearth has yet.
    pub async fn open(
        config: &Config,
        state: &StateFolder,
        db: &Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
    ) -> Result<Self> {
        migrate(db, store::migrations).await?;
        // Beside a Hearth that runs, this is no holder of work.
        let store =
            Store::new(db.clone(), Queue::new(db.clone(), clock.clone(), None), Tasks::new().stop_sign());
        Ok(Self(Cx::new(config, state, store, clock, entropy)?))
    }

    /// Takes in an OCI image layout as `hearth/NAME:latest`.
    pub async fn import(&self, folder: &Path, name: &str) -> Result<Digest> {
        layout::import(&self.0, folder, &name.parse()?, &provided::TAG.parse()?).await
    }

    /// Whether `hearth/NAME:latest` is there.
    pub async fn has(&self, name: &str) -> Result<bool> {
        let found = self.0.store.repository(PROVIDED, &name.parse()?).await?;
        let Some(found) = found else { return Ok(false) };
        Ok(self.0.store.tag(found.id, &provided::TAG.parse()?).await?.is_some())
    }

    /// The provided images, and which of them are there.
    pub async fn provided(&self) -> Result<Vec<Provided>> {
        provided_views(&self.0).await
    }
}
