//! Rows as release 0.1.0 left them.

use hearth_base::{Error, Result};
use hearth_kit::db::Db;
use sea_orm::ConnectionTrait;

/// Removes the owners of all webhooks: release 0.1.0 recorded none.
pub async fn remove_webhook_owners(db: &Db) -> Result<()> {
    let tx = db.begin().await?;
    tx.execute_unprepared("UPDATE webhook SET owner = NULL").await.map_err(Error::internal)?;
    tx.commit().await
}
