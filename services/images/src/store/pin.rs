//! Pins: who relies on which manifest.

use hearth_base::{Digest, Result, ToolId};
use hearth_kit::db::{OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::OnConflict};

use super::{Store, rows::pin as row};

impl Store {
    /// Relies on a manifest in a holder's name, and on nothing that the holder relied on before.
    pub async fn pin_put(
        &self,
        tx: &Tx,
        holder: &str,
        tool: ToolId,
        digest: Digest,
        now: Timestamp,
    ) -> Result<()> {
        self.pin_let_go(tx, holder, Some(digest), now).await?;
        let row = row::ActiveModel {
            holder: Set(holder.to_owned()),
            tool_id: Set(tool.to_string()),
            digest: Set(digest.to_string()),
        };
        let known = OnConflict::column(row::Column::Holder)
            .update_columns([row::Column::ToolId, row::Column::Digest])
            .to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Relies on nothing any more in a holder's name.
    pub async fn pin_delete(&self, tx: &Tx, holder: &str, now: Timestamp) -> Result<()> {
        self.pin_let_go(tx, holder, None, now).await?;
        row::Entity::delete_by_id(holder.to_owned()).exec(&**tx).await.or_fault().map(|_| ())
    }

    async fn pin_let_go(&self, tx: &Tx, holder: &str, keep: Option<Digest>, now: Timestamp) -> Result<()> {
        let before = row::Entity::find_by_id(holder.to_owned()).one(&**tx).await.or_fault()?;
        match before.filter(|before| keep.is_none_or(|keep| before.digest != keep.to_string())) {
            Some(before) => self.manifest_let_go(tx, &before.digest, now).await,
            None => Ok(()),
        }
    }

    /// Somebody who relies on a manifest, as a change sees it.
    pub async fn pin_of(&self, tx: &Tx, digest: Digest) -> Result<Option<String>> {
        let query = row::Entity::find().filter(row::Column::Digest.eq(digest.to_string())).limit(1);
        Ok(query.one(&**tx).await.or_fault()?.map(|pin| pin.holder))
    }
}
