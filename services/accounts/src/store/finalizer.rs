//! Table of finalizers: services that have yet to erase the data of a deleted tool.

use hearth_base::{Page, PageCursor, PageLimit, Result, Role, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{AccountStore, columns::parse_column};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "finalizer")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub service: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl AccountStore {
    /// Adds the finalizer of a service to a tool.
    pub async fn insert_finalizer(&self, tx: &Tx, tool: ToolId, service: Role) -> Result<()> {
        let row =
            row::ActiveModel { tool_id: Set(tool.to_string()), service: Set(service.name().to_owned()) };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes the finalizer of a service. May be repeated.
    pub async fn delete_finalizer(&self, tx: &Tx, tool: ToolId, service: Role) -> Result<()> {
        let key = (tool.to_string(), service.name().to_owned());
        row::Entity::delete_by_id(key).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Counts the finalizers of a tool, as seen within the transaction.
    pub async fn count_finalizers(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        query.count(&**tx).await.or_db_error()
    }

    /// Lists the services whose finalizers a tool has.
    pub async fn list_finalizers(&self, tool: ToolId) -> Result<Vec<Role>> {
        let rows = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_asc(row::Column::Service)
            .all(self.db.reader())
            .await
            .or_db_error()?;
        rows.iter().map(|row| parse_column("finalizer.service", &row.service)).collect()
    }

    /// Lists the tools with a finalizer of a service.
    pub async fn list_tools_to_erase(
        &self,
        service: Role,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<ToolId>> {
        let mut query = row::Entity::find().filter(row::Column::Service.eq(service.name()));
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::ToolId.gt(cursor.parse_key::<ToolId>()?.to_string()));
        }
        let rows = query
            .order_by_asc(row::Column::ToolId)
            .limit(u64::from(limit.get()) + 1)
            .all(self.db.reader())
            .await
            .or_db_error()?;
        let tools = rows.iter().map(|row| parse_column("finalizer.tool_id", &row.tool_id));
        Ok(Page::from_items(tools.collect::<Result<_>>()?, limit, |tool| *tool))
    }
}
