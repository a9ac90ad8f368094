//! The route of each tool's page, as it was last announced.

use std::net::SocketAddr;

use hearth_base::{Cursor, Error, JobName, Limit, Page, Result, ToolId, ToolName};
use hearth_kit::db::{
    OrFault, Tx,
    columns::{read_json, write_json},
};
use hearth_wire::jobs::internal::{Route, RouteState};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};
use serde::{Deserialize, Serialize};

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

/// A route in its stored form: `tests/golden/route-*.json` have to stay readable.
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
        read_json::<StoredRoute>("route.route", route).map(Self::from)
    }
}

impl Store {
    /// A tool's route, as a change sees it, under the tool's lock.
    pub async fn route_in(&self, tx: &Tx, tool: ToolId) -> Result<Option<Route>> {
        let found = row::Entity::find_by_id(tool.to_string()).one(&**tx).await.or_fault()?;
        found.map(Route::try_from).transpose()
    }

    /// Keeps a tool's route.
    pub async fn route_put(&self, tx: &Tx, route: &Route) -> Result<()> {
        let stored = write_json(&StoredRoute::from(route))?;
        let row = row::ActiveModel { tool_id: Set(route.tool.to_string()), route: Set(stored) };
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
        let routes = rows.into_iter().map(Route::try_from);
        Ok(Page::cut(routes.collect::<Result<_>>()?, limit, |route: &Route| route.tool))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::golden;

    #[test]
    fn route_of_version_1_is_read() -> Result<()> {
        let expected = Route {
            tool: golden::tool(),
            name: "hello".parse()?,
            job: "web".parse()?,
            state: RouteState::Ready,
            targets: vec![([10, 64, 0, 130], 8000).into()],
        };
        golden::check("route-1.json", &StoredRoute::from(&expected))
    }
}
