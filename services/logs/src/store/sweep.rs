//! Queries and deletions of old lines over several tables.

use hearth_base::{Result, ToolId};
use hearth_kit::db::{DbTimestamp, OrDbError};
use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{
    LogsStore, chunk, instance,
    log::{LogId, StoredLog, row},
};

impl LogsStore {
    /// Lists logs, with their tools, that have chunks whose newest line is older than `then`.
    pub async fn list_logs_with_old_lines(
        &self,
        then: Timestamp,
        limit: u64,
    ) -> Result<Vec<(ToolId, LogId)>> {
        let old = chunk::row::Entity::find()
            .select_only()
            .column(chunk::row::Column::LogId)
            .filter(chunk::row::Column::Newest.lt(DbTimestamp::from(then)))
            .distinct()
            .limit(limit);
        let ids: Vec<String> = old.into_tuple().all(self.db.reader()).await.or_db_error()?;
        let query = row::Entity::find().filter(row::Column::Id.is_in(ids));
        let logs = query.all(self.db.reader()).await.or_db_error()?;
        logs.into_iter().map(|row| StoredLog::try_from(row).map(|log| (log.tool, log.id))).collect()
    }

    /// Deletes empty logs without new lines since `then`, and their containers. Returns their number.
    pub async fn delete_empty_logs(&self, then: Timestamp) -> Result<u64> {
        let tx = self.begin().await?;
        let empty = row::Entity::find()
            .select_only()
            .column(row::Column::Id)
            .filter(row::Column::Changed.lt(DbTimestamp::from(then)))
            .filter(row::Column::Bytes.eq(0))
            .limit(500);
        let ids: Vec<String> = empty.into_tuple().all(&*tx).await.or_db_error()?;
        let of_logs = instance::row::Column::LogId.is_in(ids.iter().map(String::as_str));
        instance::row::Entity::delete_many().filter(of_logs).exec(&*tx).await.or_db_error()?;
        let deletion = row::Entity::delete_many().filter(row::Column::Id.is_in(ids));
        let deletion = deletion.exec(&*tx).await.or_db_error()?.rows_affected;
        tx.commit().await?;
        Ok(deletion)
    }
}
