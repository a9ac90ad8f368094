//! Pins: which holder uses which manifest.

use hearth_base::{Digest, Result, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::OnConflict};

use super::{RegistryStore, rows::pin as row};

impl RegistryStore {
    /// Pins a manifest for a holder, in place of its previous pin.
    pub async fn put_pin(
        &self,
        tx: &Tx,
        holder: &str,
        tool: ToolId,
        digest: Digest,
        now: Timestamp,
    ) -> Result<()> {
        self.release_pinned_manifest(tx, holder, Some(digest), now).await?;
        let row = row::ActiveModel {
            holder: Set(holder.to_owned()),
            tool_id: Set(tool.to_string()),
            digest: Set(digest.to_string()),
        };
        let update = OnConflict::column(row::Column::Holder)
            .update_columns([row::Column::ToolId, row::Column::Digest])
            .to_owned();
        row::Entity::insert(row)
            .on_conflict(update)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes a holder's pin.
    pub async fn delete_pin(&self, tx: &Tx, holder: &str, now: Timestamp) -> Result<()> {
        self.release_pinned_manifest(tx, holder, None, now).await?;
        row::Entity::delete_by_id(holder.to_owned()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    async fn release_pinned_manifest(
        &self,
        tx: &Tx,
        holder: &str,
        keep: Option<Digest>,
        now: Timestamp,
    ) -> Result<()> {
        let before = row::Entity::find_by_id(holder.to_owned()).one(&**tx).await.or_db_error()?;
        match before.filter(|before| keep.is_none_or(|keep| before.digest != keep.to_string())) {
            Some(before) => self.restart_grace_period(tx, &before.digest, now).await,
            None => Ok(()),
        }
    }

    /// Finds a holder of a manifest's pin, of one tool or of all, as seen within the transaction.
    pub async fn find_pin_holder(
        &self,
        tx: &Tx,
        tool: Option<ToolId>,
        digest: Digest,
    ) -> Result<Option<String>> {
        let mut query = row::Entity::find().filter(row::Column::Digest.eq(digest.to_string())).limit(1);
        if let Some(tool) = tool {
            query = query.filter(row::Column::ToolId.eq(tool.to_string()));
        }
        Ok(query.one(&**tx).await.or_db_error()?.map(|pin| pin.holder))
    }
}
