//! What operators changed about tools' quotas.

use hearth_base::{Error, Result, ToolId};
use hearth_kit::db::{OrFault, Tx};
use hearth_wire::tools::QuotaPatch;
use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};

use super::Store;

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

impl Store {
    /// What was changed about a tool's quota.
    pub async fn quota(&self, tool: ToolId) -> Result<QuotaPatch> {
        changes(row::Entity::find_by_id(tool.to_string()).one(self.db.reader()).await.or_fault()?)
    }

    /// The same, as a change sees it, under the tool's lock.
    pub async fn quota_in(&self, tx: &Tx, tool: ToolId) -> Result<QuotaPatch> {
        changes(row::Entity::find_by_id(tool.to_string()).one(&**tx).await.or_fault()?)
    }

    /// Writes what was changed about a tool's quota.
    pub async fn quota_save(&self, tx: &Tx, tool: ToolId, changes: &QuotaPatch) -> Result<()> {
        let changes = serde_json::to_value(changes).map_err(Error::internal)?;
        let row = row::ActiveModel { tool_id: Set(tool.to_string()), changes: Set(changes) };
        let known = OnConflict::column(row::Column::ToolId).update_column(row::Column::Changes).to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }
}

fn changes(row: Option<row::Model>) -> Result<QuotaPatch> {
    row.map_or(Ok(QuotaPatch::default()), |row| serde_json::from_value(row.changes).map_err(Error::internal))
}
