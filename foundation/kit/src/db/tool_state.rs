//! Tombstones of deleted tools in a service's database: one row for each tool, to lock and to read.
//!
//! Rule: a transaction that creates data of a tool calls [`lock_existing_tool`] before it locks or writes any other
//! row of that tool. [`tool_cleanup`](crate::tool_cleanup) marks the tool as deleted before its finalizer runs, so
//! that the finalizer sees all data created before, and no data is created afterwards. Lock order: an event cursor
//! before a tool, and several tools in the order of their ids.

use std::collections::BTreeSet;

use hearth_base::{Error, Result, ToolId};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, IntoColumnRef, LockType, OnConflict, Query, Table},
};

use super::{
    DbTimestamp, MigrationName, MigrationTrait, OrDbError, SchemaManager, Tx, columns,
    schema::{big_integer_null, string},
};

mod row {
    use sea_orm::entity::prelude::*;

    use crate::db::DbTimestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tool_state")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        pub deleted_at: Option<DbTimestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// State of a tool as known to this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolState {
    /// The tool was not deleted.
    Exists,
    /// The tool was deleted: no data of it may be created.
    Deleted,
}

/// Locks a tool until the transaction ends.
pub async fn lock_tool(tx: &Tx, tool: ToolId) -> Result<ToolState> {
    let deleted = lock_tools(tx, [tool]).await?;
    Ok(if deleted.contains(&tool) { ToolState::Deleted } else { ToolState::Exists })
}

/// Locks a tool until the transaction ends. Error `tool-deleted` (conflict) when it was deleted.
pub async fn lock_existing_tool(tx: &Tx, tool: ToolId) -> Result<()> {
    match lock_tool(tx, tool).await? {
        ToolState::Exists => Ok(()),
        ToolState::Deleted => {
            Err(Error::conflict("tool-deleted", "the tool has been deleted").help("hearth tool list"))
        }
    }
}

/// Locks tools, in the order of their ids, until the transaction ends. Returns the deleted ones.
pub async fn lock_tools(tx: &Tx, tools: impl IntoIterator<Item = ToolId>) -> Result<BTreeSet<ToolId>> {
    let ids: BTreeSet<String> = tools.into_iter().map(|tool| tool.to_string()).collect();
    let mut rows = lock_rows(tx, &ids).await?;
    let existing: BTreeSet<&str> = rows.iter().map(|row| row.tool_id.as_str()).collect();
    let new: BTreeSet<String> = ids.iter().filter(|id| !existing.contains(id.as_str())).cloned().collect();
    if !new.is_empty() {
        // Only the first transaction of a tool gets here: a row has to exist before it can be locked.
        insert_rows(tx, &new).await?;
        rows.extend(lock_rows(tx, &new).await?);
    }
    let deleted = rows.iter().filter(|row| row.deleted_at.is_some());
    deleted.map(|row| columns::parse_column("tool_state.tool_id", &row.tool_id)).collect()
}

async fn lock_rows(tx: &Tx, ids: &BTreeSet<String>) -> Result<Vec<row::Model>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = row::Entity::find().filter(row::Column::ToolId.is_in(ids)).order_by_asc(row::Column::ToolId);
    query.lock(LockType::Update).all(&**tx).await.or_db_error()
}

async fn insert_rows(tx: &Tx, ids: &BTreeSet<String>) -> Result<()> {
    let new = ids.iter().map(|id| row::ActiveModel { tool_id: Set(id.clone()), deleted_at: Set(None) });
    let ignore_existing =
        OnConflict::column(row::Column::ToolId).do_nothing_on([row::Column::ToolId]).to_owned();
    match row::Entity::insert_many(new).on_conflict(ignore_existing).exec_without_returning(&**tx).await {
        Ok(_) | Err(DbErr::RecordNotInserted) => Ok(()),
        Err(cause) => Err(cause).or_db_error(),
    }
}

/// Reads a tool's state without a lock: for a transaction that holds a lock on another row that the finalizer locks
/// too.
pub async fn read_tool_state(tx: &Tx, tool: ToolId) -> Result<ToolState> {
    let found = row::Entity::find_by_id(tool.to_string()).one(&**tx).await.or_db_error()?;
    let is_deleted = found.is_some_and(|row| row.deleted_at.is_some());
    Ok(if is_deleted { ToolState::Deleted } else { ToolState::Exists })
}

/// Condition that the tool in this column was not deleted, for queries without a lock.
pub fn tool_exists(tool_id: impl IntoColumnRef) -> Expr {
    let deleted = Query::select()
        .column(row::Column::ToolId)
        .from(row::Entity)
        .and_where(Expr::col((row::Entity, row::Column::ToolId)).eq(Expr::col(tool_id)))
        .and_where(Expr::col((row::Entity, row::Column::DeletedAt)).is_not_null())
        .to_owned();
    Expr::not_exists(deleted)
}

/// Marks a tool as deleted at `now`. May be repeated: the first time is kept.
pub async fn mark_tool_deleted(tx: &Tx, tool: ToolId, now: Timestamp) -> Result<()> {
    if lock_tool(tx, tool).await? == ToolState::Deleted {
        return Ok(());
    }
    let deleted =
        row::ActiveModel { tool_id: Set(tool.to_string()), deleted_at: Set(Some(DbTimestamp::from(now))) };
    row::Entity::update(deleted).exec(&**tx).await.or_db_error().map(|_| ())
}

/// Migration that creates the table of tool states, for services that store data of tools.
pub struct CreateToolState;

impl MigrationName for CreateToolState {
    fn name(&self) -> &str {
        "kit_0001_tool_state"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateToolState {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let states = Table::create()
            .table("tool_state")
            .col(string("tool_id").primary_key())
            .col(big_integer_null("deleted_at"))
            .to_owned();
        manager.create_table(states).await
    }
}
