//! Finds and deletes old lines, over several tables.

use hearth_base::{Result, ToolId};
use hearth_kit::db::{At, OrFault};
use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{
    Store, chunk, instance,
    log::{Log, LogId, row},
};

impl Store {
    /// Some logs with chunks whose newest line is from before `then`, with their tools.
    pub async fn logs_older(&self, then: Timestamp, most: u64) -> Result<Vec<(ToolId, LogId)>> {
        let old = chunk::row::Entity::find()
            .select_only()
            .column(chunk::row::Column::LogId)
            .filter(chunk::row::Column::Newest.lt(At::from(then)))
            .distinct()
            .limit(most);
        let ids: Vec<String> = old.into_tuple().all(self.db.reader()).await.or_fault()?;
        let query = row::Entity::find().filter(row::Column::Id.is_in(ids));
        let logs = query.all(self.db.reader()).await.or_fault()?;
        logs.into_iter().map(|row| Log::try_from(row).map(|log| (log.tool, log.id))).collect()
    }

    /// Forgets logs that are empty and were last written to before `then`, with their containers.
    pub async fn logs_forget(&self, then: Timestamp) -> Result<u64> {
        let tx = self.begin().await?;
        let empty = row::Entity::find()
            .select_only()
            .column(row::Column::Id)
            .filter(row::Column::Changed.lt(At::from(then)))
            .filter(row::Column::Bytes.eq(0))
            .limit(500);
        let ids: Vec<String> = empty.into_tuple().all(&*tx).await.or_fault()?;
        let theirs = instance::row::Column::LogId.is_in(ids.iter().map(String::as_str));
        instance::row::Entity::delete_many().filter(theirs).exec(&*tx).await.or_fault()?;
        let gone = row::Entity::delete_many().filter(row::Column::Id.is_in(ids));
        let gone = gone.exec(&*tx).await.or_fault()?.rows_affected;
        tx.commit().await?;
        Ok(gone)
    }
}
