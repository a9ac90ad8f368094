//! Tables of finalizers: services that have yet to erase the data of a deleted tool.
//!
//! The finalizers of services that release 0.1.0 does not know have a table of their own. While that release runs after
//! a roll-back, it ends the deletion of a tool without these services, and they erase their data after the next upgrade.

use hearth_base::{Page, PageCursor, PageLimit, Result, Role, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{AccountStore, columns::parse_column};

/// Services that release 0.1.0 does not know.
const SERVICES_SINCE_RELEASE_0_1: [Role; 1] = [Role::Storage];

/// Declares the entity of a table of finalizers.
macro_rules! finalizer_table {
    ($module:ident, $table:literal) => {
        pub mod $module {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
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
    };
}

finalizer_table!(row, "finalizer");
finalizer_table!(later_row, "later_finalizer");

impl AccountStore {
    /// Adds the finalizer of a service to a tool.
    pub async fn insert_finalizer(&self, tx: &Tx, tool: ToolId, service: Role) -> Result<()> {
        let (tool_id, name) = (Set(tool.to_string()), Set(service.name().to_owned()));
        let inserted = match SERVICES_SINCE_RELEASE_0_1.contains(&service) {
            true => {
                let row = later_row::ActiveModel { tool_id, service: name };
                later_row::Entity::insert(row).exec_without_returning(&**tx).await
            }
            false => {
                let row = row::ActiveModel { tool_id, service: name };
                row::Entity::insert(row).exec_without_returning(&**tx).await
            }
        };
        inserted.or_db_error().map(|_| ())
    }

    /// Deletes the finalizer of a service. May be repeated.
    pub async fn delete_finalizer(&self, tx: &Tx, tool: ToolId, service: Role) -> Result<()> {
        let key = (tool.to_string(), service.name().to_owned());
        later_row::Entity::delete_by_id(key.clone()).exec(&**tx).await.or_db_error()?;
        row::Entity::delete_by_id(key).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Counts the finalizers of a tool, as seen within the transaction.
    pub async fn count_finalizers(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        let rows = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let later = later_row::Entity::find().filter(later_row::Column::ToolId.eq(tool.to_string()));
        Ok(rows.count(&**tx).await.or_db_error()? + later.count(&**tx).await.or_db_error()?)
    }

    /// Lists the services whose finalizers a tool has, in the order of their names. A service of a later release has a
    /// name only.
    pub async fn list_finalizers(&self, tool: ToolId) -> Result<Vec<String>> {
        let rows = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let later = later_row::Entity::find().filter(later_row::Column::ToolId.eq(tool.to_string()));
        let rows = rows.all(self.db.reader()).await.or_db_error()?.into_iter().map(|row| row.service);
        let later = later.all(self.db.reader()).await.or_db_error()?.into_iter().map(|row| row.service);
        let mut services: Vec<String> = rows.chain(later).collect();
        services.sort_unstable();
        Ok(services)
    }

    /// Lists the tools with a finalizer of a service.
    pub async fn list_tools_to_erase(
        &self,
        service: Role,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<ToolId>> {
        match SERVICES_SINCE_RELEASE_0_1.contains(&service) {
            true => {
                let columns = (later_row::Column::ToolId, later_row::Column::Service);
                self.list_tools_in::<later_row::Entity>(columns, service, limit, cursor).await
            }
            false => {
                let columns = (row::Column::ToolId, row::Column::Service);
                self.list_tools_in::<row::Entity>(columns, service, limit, cursor).await
            }
        }
    }

    async fn list_tools_in<E: EntityTrait>(
        &self,
        (tool_column, service_column): (E::Column, E::Column),
        service: Role,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<ToolId>> {
        let mut query = E::find().select_only().column(tool_column).filter(service_column.eq(service.name()));
        if let Some(cursor) = cursor {
            query = query.filter(tool_column.gt(cursor.parse_key::<ToolId>()?.to_string()));
        }
        let rows: Vec<String> = query
            .order_by_asc(tool_column)
            .limit(u64::from(limit.get()) + 1)
            .into_tuple()
            .all(self.db.reader())
            .await
            .or_db_error()?;
        let tools = rows.iter().map(|tool| parse_column("finalizer.tool_id", tool));
        Ok(Page::from_items(tools.collect::<Result<_>>()?, limit, |tool| *tool))
    }
}
