//! The last published route of each page: of tools, and of environments in a table that release 0.1.0 does not read.

use std::{collections::BTreeMap, fmt, net::SocketAddr, str::FromStr};

use hearth_base::{EnvironmentName, Error, JobName, Page, PageCursor, PageLimit, Result, ToolId, ToolName};
use hearth_kit::db::{
    OrDbError, Tx,
    columns::{parse_column, parse_json, to_json},
};
use hearth_wire::jobs::internal::{Route, RouteSleep, RouteState};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
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

pub mod environment_row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "environment_route")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub environment: String,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<EnvironmentName>,
    job: JobName,
    state: StoredRouteState,
    targets: Vec<SocketAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sleep: Option<StoredRouteSleep>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredRouteSleep {
    after: u32,
    asleep: bool,
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
        let Route { tool, name, environment, job, state, targets, sleep } = route.clone();
        let state = match state {
            RouteState::Ready => StoredRouteState::Ready,
            RouteState::Starting => StoredRouteState::Starting,
            RouteState::Stopped => StoredRouteState::Stopped,
        };
        let sleep = sleep.map(|RouteSleep { after, asleep }| StoredRouteSleep { after, asleep });
        Self { tool, name, environment, job, state, targets, sleep }
    }
}

impl From<StoredRoute> for Route {
    fn from(stored: StoredRoute) -> Self {
        let StoredRoute { tool, name, environment, job, state, targets, sleep } = stored;
        let state = match state {
            StoredRouteState::Ready => RouteState::Ready,
            StoredRouteState::Starting => RouteState::Starting,
            StoredRouteState::Stopped => RouteState::Stopped,
        };
        let sleep = sleep.map(|StoredRouteSleep { after, asleep }| RouteSleep { after, asleep });
        Self { tool, name, environment, job, state, targets, sleep }
    }
}

impl TryFrom<row::Model> for Route {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { tool_id: _, route } = row;
        parse_json::<StoredRoute>("route.route", route).map(Self::from)
    }
}

impl TryFrom<environment_row::Model> for Route {
    type Error = Error;

    fn try_from(row: environment_row::Model) -> Result<Self> {
        let environment_row::Model { tool_id: _, environment: _, route } = row;
        parse_json::<StoredRoute>("environment_route.route", route).map(Self::from)
    }
}

impl JobStore {
    /// Lists the routes of a tool by environment, in a transaction that holds the tool's lock.
    pub async fn list_tool_routes_in(
        &self,
        tx: &Tx,
        tool: ToolId,
    ) -> Result<BTreeMap<Option<EnvironmentName>, Route>> {
        let of_tool = row::Entity::find_by_id(tool.to_string()).one(&**tx).await.or_db_error()?;
        let is_of_tool = environment_row::Column::ToolId.eq(tool.to_string());
        let of_environments =
            environment_row::Entity::find().filter(is_of_tool).all(&**tx).await.or_db_error()?;
        let routes = of_tool.map(Route::try_from).into_iter();
        let routes = routes.chain(of_environments.into_iter().map(Route::try_from));
        routes.map(|route| route.map(|route| (route.environment.clone(), route))).collect()
    }

    /// Inserts or replaces a route.
    pub async fn upsert_route(&self, tx: &Tx, route: &Route) -> Result<()> {
        let stored = to_json(&StoredRoute::from(route))?;
        if let Some(environment) = &route.environment {
            let row = environment_row::ActiveModel {
                tool_id: Set(route.tool.to_string()),
                environment: Set(environment.to_string()),
                route: Set(stored),
            };
            let key = [environment_row::Column::ToolId, environment_row::Column::Environment];
            let known = OnConflict::columns(key).update_column(environment_row::Column::Route).to_owned();
            let inserted = environment_row::Entity::insert(row).on_conflict(known);
            return inserted.exec_without_returning(&**tx).await.or_db_error().map(drop);
        }
        let row = row::ActiveModel { tool_id: Set(route.tool.to_string()), route: Set(stored) };
        let known = OnConflict::column(row::Column::ToolId).update_column(row::Column::Route).to_owned();
        row::Entity::insert(row)
            .on_conflict(known)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes the route of a tool's page, or of that of an environment.
    pub async fn delete_route(
        &self,
        tx: &Tx,
        tool: ToolId,
        environment: Option<&EnvironmentName>,
    ) -> Result<()> {
        let tool = tool.to_string();
        let deleted = match environment {
            None => row::Entity::delete_by_id(tool).exec(&**tx).await,
            Some(environment) => {
                environment_row::Entity::delete_by_id((tool, environment.to_string())).exec(&**tx).await
            }
        };
        deleted.or_db_error().map(drop)
    }

    /// Lists routes of environments in order of tool ids and names.
    pub async fn list_environment_routes(
        &self,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Route>> {
        use environment_row::Column;
        let mut query =
            environment_row::Entity::find().order_by_asc(Column::ToolId).order_by_asc(Column::Environment);
        if let Some(cursor) = cursor {
            let EnvironmentKey(tool, environment) = cursor.parse_key()?;
            let is_later = Column::Environment.gt(environment.to_string());
            let of_same_tool = Column::ToolId.eq(tool.to_string()).and(is_later);
            query = query.filter(Column::ToolId.gt(tool.to_string()).or(of_same_tool));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let rows: Vec<(EnvironmentKey, Route)> =
            rows.into_iter().map(read_environment_route).collect::<Result<_>>()?;
        Ok(Page::from_items(rows, limit, |(key, _)| key.to_string()).map(|(_, route)| route))
    }

    /// Lists routes of tools in order of their ids.
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

/// The key of an environment's route, as in the cursor of a page of them.
struct EnvironmentKey(ToolId, EnvironmentName);

impl fmt::Display for EnvironmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl FromStr for EnvironmentKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (tool, environment) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self(tool.parse()?, environment.parse()?))
    }
}

fn read_environment_route(row: environment_row::Model) -> Result<(EnvironmentKey, Route)> {
    let tool = parse_column("environment_route.tool_id", &row.tool_id)?;
    let environment = parse_column("environment_route.environment", &row.environment)?;
    Ok((EnvironmentKey(tool, environment), Route::try_from(row)?))
}

#[cfg(test)]
mod tests {
    use hearth_wire::jobs::internal::EnvironmentRouteRemoved;

    use super::*;
    use crate::store::golden;

    #[test]
    fn route_of_version_1_is_read() -> Result<()> {
        golden::check_golden_file("route-1.json", &StoredRoute::from(&build_golden_route()?))
    }

    #[test]
    fn route_of_a_sleeping_environment_is_read() -> Result<()> {
        let expected = Route {
            environment: Some("staging".parse()?),
            job: "web--staging".parse()?,
            state: RouteState::Stopped,
            targets: Vec::new(),
            sleep: Some(RouteSleep { after: 1800, asleep: true }),
            ..build_golden_route()?
        };
        golden::check_golden_file("route-2.json", &StoredRoute::from(&expected))
    }

    #[test]
    fn events_about_routes_of_environments_are_read() -> Result<()> {
        let environment: EnvironmentName = "staging".parse()?;
        let changed = Route {
            environment: Some(environment.clone()),
            job: "web--staging".parse()?,
            ..build_golden_route()?
        };
        golden::check_golden_file("event-environment-changed-1.json", &changed)?;
        let removed = EnvironmentRouteRemoved { tool: golden::golden_tool_id(), environment };
        golden::check_golden_file("event-environment-removed-1.json", &removed)
    }

    fn build_golden_route() -> Result<Route> {
        Ok(Route {
            tool: golden::golden_tool_id(),
            name: "hello".parse()?,
            environment: None,
            job: "web".parse()?,
            state: RouteState::Ready,
            targets: vec![([10, 64, 0, 130], 8000).into()],
            sleep: None,
        })
    }
}
