//! Table of quota changes by operators.

use hearth_base::{Error, Result, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use hearth_wire::tools::QuotaPatch;
use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};

use super::AccountStore;

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "quota")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        pub changes: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl AccountStore {
    /// Finds the changes of a tool's quota.
    pub async fn find_quota_changes(&self, tool: ToolId) -> Result<QuotaPatch> {
        parse_changes(row::Entity::find_by_id(tool.to_string()).one(self.db.reader()).await.or_db_error()?)
    }

    /// Finds the changes of a tool's quota, as seen within the transaction, under the tool's lock.
    pub async fn find_quota_changes_in(&self, tx: &Tx, tool: ToolId) -> Result<QuotaPatch> {
        parse_changes(row::Entity::find_by_id(tool.to_string()).one(&**tx).await.or_db_error()?)
    }

    /// Sets the changes of a tool's quota.
    pub async fn set_quota_changes(&self, tx: &Tx, tool: ToolId, changes: &QuotaPatch) -> Result<()> {
        let changes = serde_json::to_value(changes).map_err(Error::internal)?;
        let row = row::ActiveModel { tool_id: Set(tool.to_string()), changes: Set(changes) };
        let update = OnConflict::column(row::Column::ToolId).update_column(row::Column::Changes).to_owned();
        row::Entity::insert(row)
            .on_conflict(update)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }
}

fn parse_changes(row: Option<row::Model>) -> Result<QuotaPatch> {
    row.map_or(Ok(QuotaPatch::default()), |row| serde_json::from_value(row.changes).map_err(Error::internal))
}
