//! The last published route of each tool's page.

use std::net::SocketAddr;

use hearth_base::{Error, JobName, Page, PageCursor, PageLimit, Result, ToolId, ToolName};
use hearth_kit::db::{
    OrDbError, Tx,
    columns::{parse_json, to_json},
};
use hearth_wire::jobs::internal::{Route, RouteState};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};
use serde::{Deserialize, Serialize};

use super::JobStore;

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

/// The stored form of a route: `tests/golden/route-*.json` must stay readable.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredRoute {
    tool: ToolId,
    name: ToolName,
    job: JobName,
    state: StoredRouteState,
    targets: Vec<SocketAddr>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredRouteState {
    Ready,
    Starting,
    Stopped,
}

impl From<&Route> for StoredRoute {
    fn from(route: &Route) -> Self {
        let Route { tool, name, job, state, targets } = route.clone();
        let state = match state {
            RouteState::Ready => StoredRouteState::Ready,
            RouteState::Starting => StoredRouteState::Starting,
            RouteState::Stopped => StoredRouteState::Stopped,
        };
        Self { tool, name, job, state, targets }
    }
}

impl From<StoredRoute> for Route {
    fn from(stored: StoredRoute) -> Self {
        let StoredRoute { tool, name, job, state, targets } = stored;
        let state = match state {
            StoredRouteState::Ready => RouteState::Ready,
            StoredRouteState::Starting => RouteState::Starting,
            StoredRouteState::Stopped => RouteState::Stopped,
        };
        Self { tool, name, job, state, targets }
    }
}

impl TryFrom<row::Model> for Route {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { tool_id: _, route } = row;
        parse_json::<StoredRoute>("route.route", route).map(Self::from)
    }
}

impl JobStore {
    /// Returns a tool's route in a transaction that holds the tool's lock.
    pub async fn find_route_in(&self, tx: &Tx, tool: ToolId) -> Result<Option<Route>> {
        let found = row::Entity::find_by_id(tool.to_string()).one(&**tx).await.or_db_error()?;
        found.map(Route::try_from).transpose()
    }

    /// Inserts or replaces a tool's route.
    pub async fn upsert_route(&self, tx: &Tx, route: &Route) -> Result<()> {
        let stored = to_json(&StoredRoute::from(route))?;
        let row = row::ActiveModel { tool_id: Set(route.tool.to_string()), route: Set(stored) };
        let known = OnConflict::column(row::Column::ToolId).update_column(row::Column::Route).to_owned();
        row::Entity::insert(row)
            .on_conflict(known)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes a tool's route.
    pub async fn delete_route(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        row::Entity::delete_by_id(tool.to_string()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Lists routes in order of tool ids.
    pub async fn list_routes(&self, limit: PageLimit, cursor: Option<&PageCursor>) -> Result<Page<Route>> {
        let mut query = row::Entity::find().order_by_asc(row::Column::ToolId);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::ToolId.gt(cursor.parse_key::<ToolId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let routes = rows.into_iter().map(Route::try_from);
        Ok(Page::from_items(routes.collect::<Result<_>>()?, limit, |route: &Route| route.tool))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::golden;

    #[test]
    fn route_of_version_1_is_read() -> Result<()> {
        let expected = Route {
            tool: golden::golden_tool_id(),
            name: "hello".parse()?,
            job: "web".parse()?,
            state: RouteState::Ready,
            targets: vec![([10, 64, 0, 130], 8000).into()],
        };
        golden::check_golden_file("route-1.json", &StoredRoute::from(&expected))
    }
}
