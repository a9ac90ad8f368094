//! Tools that have or had jobs, with their current names and quotas.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{Error, Result, ToolId, ToolName};
use hearth_kit::{
    db::{OrDbError, Tx, columns::parse_column},
    tool_state::{ToolState, lock_existing_tool, lock_tool, lock_tools, tool_exists},
};
use hearth_wire::tools::Quota;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, OnConflict},
};

use super::{JobStore, to_id_strings};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tool")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub name: String,
        /// Last fetched quota as JSON.
        pub quota: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A tool that is not deleted.
#[derive(Debug, Clone)]
pub struct ToolWithQuota {
    pub name: ToolName,
    /// Last fetched quota, if any.
    pub quota: Option<Quota>,
}

fn select_tools(ids: impl IntoIterator<Item = ToolId>) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::Id.is_in(to_id_strings(ids)))
}

/// The condition that a tool is not deleted.
fn is_existing() -> Expr {
    tool_exists((row::Entity, row::Column::Id))
}

fn quota_to_json(quota: &Quota) -> Result<String> {
    serde_json::to_string(quota).map_err(Error::internal)
}

fn read_tool(row: &row::Model) -> Result<(ToolId, ToolWithQuota)> {
    // The quota is a copy of `accounts`' data: one that does not parse is fetched again.
    let quota = row.quota.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Ok((
        parse_column("tool.id", &row.id)?,
        ToolWithQuota { name: parse_column("tool.name", &row.name)?, quota },
    ))
}

fn read_names(rows: &[row::Model]) -> Result<BTreeMap<ToolId, ToolName>> {
    rows.iter()
        .map(|row| Ok((parse_column("tool.id", &row.id)?, parse_column("tool.name", &row.name)?)))
        .collect()
}

impl JobStore {
    /// Locks a tool and stores its name, and its quota if the caller has it. `tool-deleted` (conflict) if it
    /// is deleted.
    pub async fn lock_and_upsert_tool(
        &self,
        tx: &Tx,
        id: ToolId,
        name: &ToolName,
        quota: Option<&Quota>,
    ) -> Result<()> {
        lock_existing_tool(tx, id).await?;
        let new = row::ActiveModel {
            id: Set(id.to_string()),
            name: Set(name.to_string()),
            quota: Set(quota.map(quota_to_json).transpose()?),
        };
        let mut known = OnConflict::column(row::Column::Id);
        known.update_column(row::Column::Name);
        if quota.is_some() {
            known.update_column(row::Column::Quota);
        }
        row::Entity::insert(new)
            .on_conflict(known)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(drop)
    }

    /// Locks a tool and returns its name, unless it is deleted or never had a job.
    pub async fn lock_tool_name(&self, tx: &Tx, id: ToolId) -> Result<Option<ToolName>> {
        Ok(self.lock_tool_names(tx, [id]).await?.remove(&id))
    }

    /// Locks tools in order of their ids, and returns the names of those that are not deleted.
    pub async fn lock_tool_names(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = ToolId>,
    ) -> Result<BTreeMap<ToolId, ToolName>> {
        let mut ids: BTreeSet<ToolId> = ids.into_iter().collect();
        let deleted = lock_tools(tx, ids.iter().copied()).await?;
        ids.retain(|id| !deleted.contains(id));
        read_names(&select_tools(ids).all(&**tx).await.or_db_error()?)
    }

    /// Returns those of these tools that are not deleted, in a transaction but without a lock.
    pub async fn find_tools_in(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = ToolId>,
    ) -> Result<BTreeMap<ToolId, ToolWithQuota>> {
        select_tools(ids)
            .filter(is_existing())
            .all(&**tx)
            .await
            .or_db_error()?
            .iter()
            .map(read_tool)
            .collect()
    }

    /// Lists up to `limit` tools that are not deleted, in order of their ids, after `after`.
    pub async fn list_tools_after(
        &self,
        after: Option<ToolId>,
        limit: u64,
    ) -> Result<Vec<(ToolId, ToolWithQuota)>> {
        let mut query = row::Entity::find().filter(is_existing());
        if let Some(after) = after {
            query = query.filter(row::Column::Id.gt(after.to_string()));
        }
        let query = query.order_by_asc(row::Column::Id).limit(limit);
        query.all(self.db.reader()).await.or_db_error()?.iter().map(read_tool).collect()
    }

    /// Returns whether a tool of this name that is not deleted has or had a job, in a transaction. Tools of release
    /// 0.1.0 may have names with two hyphens in a row.
    pub async fn has_tool_of_name(&self, tx: &Tx, name: &ToolName) -> Result<bool> {
        let found = row::Entity::find().filter(row::Column::Name.eq(name.as_str())).filter(is_existing());
        Ok(found.one(&**tx).await.or_db_error()?.is_some())
    }

    /// Stores a tool's quota.
    pub async fn update_tool_quota(&self, tx: &Tx, id: ToolId, quota: &Quota) -> Result<()> {
        let noted = row::Entity::update_many()
            .col_expr(row::Column::Quota, Expr::value(quota_to_json(quota)?))
            .filter(row::Column::Id.eq(id.to_string()));
        noted.exec(&**tx).await.or_db_error().map(drop)
    }

    /// Returns a tool's name, unless it is deleted or never had a job.
    pub async fn find_tool_name(&self, id: ToolId) -> Result<Option<ToolName>> {
        let found = select_tools([id]).filter(is_existing()).all(self.db.reader()).await.or_db_error()?;
        Ok(read_names(&found)?.remove(&id))
    }

    /// Locks a deleted tool. Returns whether it has rows: it had a job and is not erased yet.
    pub async fn lock_deleted_tool(&self, tx: &Tx, id: ToolId) -> Result<bool> {
        if lock_tool(tx, id).await? == ToolState::Exists {
            return Err(Error::internal("tool to erase is not deleted"));
        }
        Ok(select_tools([id]).one(&**tx).await.or_db_error()?.is_some())
    }
}
