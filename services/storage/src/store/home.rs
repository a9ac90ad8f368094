//! Table of homes: the tools whose home this service has opened. A deleted tool without a row needs no runtime.

use hearth_base::{Result, ToolId};
use hearth_kit::{
    db::{OrDbError, Tx},
    tool_state::lock_existing_tool,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::OnConflict,
};

use super::StorageStore;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "home")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl StorageStore {
    /// Records that a tool's home is opened. `tool-deleted` (conflict) if the tool is deleted.
    pub async fn record_home(&self, tool: ToolId) -> Result<()> {
        if self.has_home(tool).await? {
            return Ok(());
        }
        let tx = self.db.begin().await?;
        lock_existing_tool(&tx, tool).await?;
        let keep = OnConflict::column(row::Column::ToolId).do_nothing_on([row::Column::ToolId]).to_owned();
        row::Entity::insert(row::ActiveModel { tool_id: Set(tool.to_string()) })
            .on_conflict(keep)
            .exec_without_returning(&*tx)
            .await
            .or_db_error()?;
        tx.commit().await
    }

    /// True if the tool's home was opened and is not erased.
    pub async fn has_home(&self, tool: ToolId) -> Result<bool> {
        let found = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        Ok(found.count(self.db.reader()).await.or_db_error()? > 0)
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }

    /// Deletes the row of an erased home.
    pub async fn delete_home(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        row::Entity::delete_by_id(tool.to_string()).exec(&**tx).await.or_db_error().map(drop)
    }
}
