//! Where each tool's page is answered, as it was last told.

use hearth_base::{Cursor, Limit, Page, Result, ToolId};
use hearth_kit::db::{
    OrFault, Tx,
    columns::{read_json, write_json},
};
use hearth_wire::jobs::internal::Route;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};

use super::Store;

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "route")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        pub route: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl Store {
    /// A tool's route, as a change sees it, under the tool's lock.
    pub async fn route_in(&self, tx: &Tx, tool: ToolId) -> Result<Option<Route>> {
        let found = row::Entity::find_by_id(tool.to_string()).one(&**tx).await.or_fault()?;
        found.map(|row| read_json("route.route", row.route)).transpose()
    }

    /// Keeps a tool's route.
    pub async fn route_put(&self, tx: &Tx, route: &Route) -> Result<()> {
        let row = row::ActiveModel { tool_id: Set(route.tool.to_string()), route: Set(write_json(route)?) };
        let known = OnConflict::column(row::Column::ToolId).update_column(row::Column::Route).to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Forgets a tool's route.
    pub async fn route_remove(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        row::Entity::delete_by_id(tool.to_string()).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Routes by tool.
    pub async fn routes(&self, limit: Limit, cursor: Option<&Cursor>) -> Result<Page<Route>> {
        let mut query = row::Entity::find().order_by_asc(row::Column::ToolId);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::ToolId.gt(cursor.key::<ToolId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let routes = rows.into_iter().map(|row| read_json("route.route", row.route));
        Ok(Page::cut(routes.collect::<Result<_>>()?, limit, |route: &Route| route.tool))
    }
}
