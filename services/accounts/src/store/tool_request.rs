//! Table of requests of tools to the operators, of all kinds.

use hearth_base::{Error, Page, PageCursor, PageLimit, Result, ToolId, ToolName, ToolRequestId, UserId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use hearth_wire::{
    accounts::{PackageSourceRequest, RequestKind, RequestState, ToolRequest},
    tools::QuotaPatch,
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};
use serde::{Deserialize, Serialize};

use super::{
    AccountStore,
    columns::{parse_column, parse_enum, parse_json, parse_optional_column, to_json, to_optional_text},
    tool,
};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tool_request")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub kind: String,
        /// User to whom it counts.
        pub user_id: Option<String>,
        /// Author, as in the audit log.
        pub author: String,
        pub reason: String,
        pub details: Json,
        pub state: String,
        pub created: DbTimestamp,
        pub decided: Option<DbTimestamp>,
        /// Caller who decided, as in the audit log.
        pub decided_by: Option<String>,
        pub answer: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::super::tool::row::Entity",
            from = "Column::ToolId",
            to = "super::super::tool::row::Column::Id"
        )]
        Tool,
    }

    impl Related<super::super::tool::row::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Tool.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Content of a request, by its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestDetails {
    /// Another quota.
    Quota(QuotaPatch),
    /// A package source.
    PackageSource(PackageSourceRequest),
}

impl RequestDetails {
    /// Kind of the request.
    pub fn request_kind(&self) -> RequestKind {
        match self {
            Self::Quota(_) => RequestKind::Quota,
            Self::PackageSource(_) => RequestKind::PackageSource,
        }
    }
}

/// A request of a tool.
#[derive(Debug, Clone)]
pub struct StoredRequest {
    pub id: ToolRequestId,
    pub tool: ToolId,
    /// User to whom it counts: who made it, or the first owner of a tool that made it with a token of its own.
    pub user: Option<UserId>,
    /// Author, as in the audit log.
    pub author: String,
    pub reason: String,
    pub details: RequestDetails,
    pub state: RequestState,
    pub created: Timestamp,
    pub decided: Option<Timestamp>,
    /// Caller who decided, as in the audit log.
    pub decided_by: Option<String>,
    pub answer: String,
}

impl StoredRequest {
    /// Renders the request for the API.
    pub fn render_request(self, tool: ToolName) -> ToolRequest {
        let Self {
            id,
            tool: _,
            user: _,
            author,
            reason,
            details,
            state,
            created,
            decided,
            decided_by,
            answer,
        } = self;
        let kind = details.request_kind();
        let (quota, package_source) = match details {
            RequestDetails::Quota(quota) => (Some(quota), None),
            RequestDetails::PackageSource(source) => (None, Some(source)),
        };
        ToolRequest {
            id,
            tool,
            kind,
            author,
            reason,
            quota,
            package_source,
            state,
            created,
            decided,
            decided_by,
            answer,
        }
    }
}

/// Filter of requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestFilter {
    pub tool: Option<ToolId>,
    pub user: Option<UserId>,
    pub state: Option<RequestState>,
    pub kind: Option<RequestKind>,
}

impl TryFrom<row::Model> for StoredRequest {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            id,
            tool_id,
            kind: _,
            user_id,
            author,
            reason,
            details,
            state,
            created,
            decided,
            decided_by,
            answer,
        } = row;
        Ok(Self {
            id: parse_column("tool_request.id", &id)?,
            tool: parse_column("tool_request.tool_id", &tool_id)?,
            user: parse_optional_column("tool_request.user_id", user_id.as_deref())?,
            author,
            reason,
            details: parse_json("tool_request.details", details)?,
            state: parse_enum("tool_request.state", state)?,
            created: created.into(),
            decided: decided.map(Into::into),
            decided_by,
            answer,
        })
    }
}

impl TryFrom<&StoredRequest> for row::ActiveModel {
    type Error = Error;

    fn try_from(request: &StoredRequest) -> Result<Self> {
        let StoredRequest {
            id,
            tool,
            user,
            author,
            reason,
            details,
            state,
            created,
            decided,
            decided_by,
            answer,
        } = request;
        Ok(Self {
            id: Set(id.to_string()),
            tool_id: Set(tool.to_string()),
            kind: Set(details.request_kind().as_str().to_owned()),
            user_id: Set(to_optional_text(user.as_ref())),
            author: Set(author.clone()),
            reason: Set(reason.clone()),
            details: Set(to_json(details)?),
            state: Set(state.as_str().to_owned()),
            created: Set((*created).into()),
            decided: Set(decided.map(Into::into)),
            decided_by: Set(decided_by.clone()),
            answer: Set(answer.clone()),
        })
    }
}

impl AccountStore {
    /// Inserts a request.
    pub async fn insert_request(&self, tx: &Tx, request: &StoredRequest) -> Result<()> {
        let row = row::ActiveModel::try_from(request)?;
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Updates all columns of a request.
    pub async fn update_request(&self, tx: &Tx, request: &StoredRequest) -> Result<()> {
        let row = row::ActiveModel::try_from(request)?;
        row::Entity::update(row).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds a request with the name of its tool.
    pub async fn find_request(&self, id: ToolRequestId) -> Result<Option<(StoredRequest, ToolName)>> {
        let query = row::Entity::find_by_id(id.to_string()).find_also_related(tool::row::Entity);
        let found = query.one(self.db.reader()).await.or_db_error()?;
        found.and_then(|(request, tool)| Some((request, tool?))).map(parse_named_request).transpose()
    }

    /// Finds a request and locks its row.
    pub async fn lock_request(&self, tx: &Tx, id: ToolRequestId) -> Result<Option<StoredRequest>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(StoredRequest::try_from).transpose()
    }

    /// Lists the open requests of a tool, under the tool's lock.
    pub async fn list_open_requests(&self, tx: &Tx, tool: ToolId) -> Result<Vec<StoredRequest>> {
        let query = select_open().filter(row::Column::ToolId.eq(tool.to_string()));
        query.all(&**tx).await.or_db_error()?.into_iter().map(StoredRequest::try_from).collect()
    }

    /// Counts the requests since a time, under the lock of the tool or the user of the filter.
    pub async fn count_requests_since(
        &self,
        tx: &Tx,
        filter: RequestFilter,
        since: Timestamp,
    ) -> Result<u64> {
        let query = select_requests(filter).filter(row::Column::Created.gte(DbTimestamp::from(since)));
        query.count(&**tx).await.or_db_error()
    }

    /// Counts the open requests that a user made, under the user's lock.
    pub async fn count_open_requests_of_user(&self, tx: &Tx, user: UserId) -> Result<u64> {
        select_open().filter(row::Column::UserId.eq(user.to_string())).count(&**tx).await.or_db_error()
    }

    /// Lists requests with the names of their tools, newest first.
    pub async fn list_requests(
        &self,
        filter: RequestFilter,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<(StoredRequest, ToolName)>> {
        read_request_page(self.db.reader(), filter, Order::Desc, limit, cursor).await
    }

    /// Lists accepted requests of a kind with the names of their tools, oldest first.
    pub async fn list_accepted_requests(
        &self,
        kind: Option<RequestKind>,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<(StoredRequest, ToolName)>> {
        let filter = RequestFilter { state: Some(RequestState::Accepted), kind, ..RequestFilter::default() };
        read_request_page(self.db.reader(), filter, Order::Asc, limit, cursor).await
    }

    /// Withdraws all open requests of a tool that is being deleted.
    pub async fn withdraw_open_requests(
        &self,
        tx: &Tx,
        tool: ToolId,
        by: &str,
        now: Timestamp,
    ) -> Result<()> {
        let update = row::Entity::update_many()
            .col_expr(row::Column::State, Expr::value(RequestState::Withdrawn.as_str()))
            .col_expr(row::Column::Decided, Expr::value(DbTimestamp::from(now)))
            .col_expr(row::Column::DecidedBy, Expr::value(by))
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::State.eq(RequestState::Open.as_str()));
        update.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes requests that were decided before `before`.
    pub async fn delete_old_requests(&self, tx: &Tx, before: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many()
            .filter(row::Column::State.ne(RequestState::Open.as_str()))
            .filter(row::Column::Decided.lt(DbTimestamp::from(before)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes requests that were withdrawn before a time.
    pub async fn delete_withdrawn_requests(&self, tx: &Tx, before: Timestamp) -> Result<()> {
        let withdrawn = row::Entity::delete_many()
            .filter(row::Column::State.eq(RequestState::Withdrawn.as_str()))
            .filter(row::Column::Decided.lt(DbTimestamp::from(before)));
        withdrawn.exec(&**tx).await.or_db_error().map(|_| ())
    }
}

fn select_open() -> sea_orm::Select<row::Entity> {
    row::Entity::find().filter(row::Column::State.eq(RequestState::Open.as_str()))
}

fn select_requests(filter: RequestFilter) -> sea_orm::Select<row::Entity> {
    let RequestFilter { tool, user, state, kind } = filter;
    let mut query = row::Entity::find();
    if let Some(tool) = tool {
        query = query.filter(row::Column::ToolId.eq(tool.to_string()));
    }
    if let Some(user) = user {
        query = query.filter(row::Column::UserId.eq(user.to_string()));
    }
    if let Some(state) = state {
        query = query.filter(row::Column::State.eq(state.as_str()));
    }
    if let Some(kind) = kind {
        query = query.filter(row::Column::Kind.eq(kind.as_str()));
    }
    query
}

async fn read_request_page(
    db: &impl ConnectionTrait,
    filter: RequestFilter,
    order: Order,
    limit: PageLimit,
    cursor: Option<&PageCursor>,
) -> Result<Page<(StoredRequest, ToolName)>> {
    let mut query = select_requests(filter);
    if let Some(cursor) = cursor {
        let last_id = cursor.parse_key::<ToolRequestId>()?.to_string();
        query = query.filter(match order {
            Order::Asc => row::Column::Id.gt(last_id),
            _ => row::Column::Id.lt(last_id),
        });
    }
    let query = query.order_by(row::Column::Id, order);
    let query = query.find_also_related(tool::row::Entity).limit(u64::from(limit.get()) + 1);
    let rows = query.all(db).await.or_db_error()?;
    let named = rows.into_iter().filter_map(|(request, tool)| Some((request, tool?)));
    let requests = named.map(parse_named_request).collect::<Result<_>>()?;
    Ok(Page::from_items(requests, limit, |(request, _): &(StoredRequest, ToolName)| request.id))
}

fn parse_named_request((request, tool): (row::Model, tool::row::Model)) -> Result<(StoredRequest, ToolName)> {
    Ok((StoredRequest::try_from(request)?, parse_column("tool.name", &tool.name)?))
}
