//! Tools that have or had jobs: their present names, and how much they may use.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{Error, Result, ToolId, ToolName};
use hearth_kit::{
    db::{OrFault, Tx, columns::read},
    tool_state::{ToolState, lock_existing_tool, lock_tool, lock_tools, tool_exists},
};
use hearth_wire::tools::Quota;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, OnConflict},
};

use super::{Store, texts};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tool")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub name: String,
        /// How much it may use, as far as is known.
        pub quota: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A tool that was not deleted.
#[derive(Debug, Clone)]
pub struct Tool {
    pub name: ToolName,
    /// How much it may use, as far as is known.
    pub quota: Option<Quota>,
}

fn select_tools(ids: impl IntoIterator<Item = ToolId>) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::Id.is_in(texts(ids)))
}

/// The condition that a tool was not deleted.
fn is_existing() -> Expr {
    tool_exists((row::Entity, row::Column::Id))
}

fn json(quota: &Quota) -> Result<String> {
    serde_json::to_string(quota).map_err(Error::internal)
}

fn tool(row: &row::Model) -> Result<(ToolId, Tool)> {
    // A copy of what `accounts` said: one that cannot be read is asked for again.
    let quota = row.quota.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Ok((read("tool.id", &row.id)?, Tool { name: read("tool.name", &row.name)?, quota }))
}

fn names(rows: &[row::Model]) -> Result<BTreeMap<ToolId, ToolName>> {
    rows.iter().map(|row| Ok((read("tool.id", &row.id)?, read("tool.name", &row.name)?))).collect()
}

impl Store {
    /// Locks a tool and records its name. Refused (`tool-deleted`, conflict) when it was deleted. `quota` is what the
    /// tool may use, where the caller knows it.
    pub async fn tool_enter(
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
            quota: Set(quota.map(json).transpose()?),
        };
        let mut known = OnConflict::column(row::Column::Id);
        known.update_column(row::Column::Name);
        if quota.is_some() {
            known.update_column(row::Column::Quota);
        }
        row::Entity::insert(new).on_conflict(known).exec_without_returning(&**tx).await.or_fault().map(drop)
    }

    /// Locks a tool. Gives its name unless it was deleted or never had a job.
    pub async fn tool_locked(&self, tx: &Tx, id: ToolId) -> Result<Option<ToolName>> {
        Ok(self.tools_locked(tx, [id]).await?.remove(&id))
    }

    /// Locks tools, always in the same order. Gives the names of those that were not deleted.
    pub async fn tools_locked(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = ToolId>,
    ) -> Result<BTreeMap<ToolId, ToolName>> {
        let mut ids: BTreeSet<ToolId> = ids.into_iter().collect();
        let deleted = lock_tools(tx, ids.iter().copied()).await?;
        ids.retain(|id| !deleted.contains(id));
        names(&select_tools(ids).all(&**tx).await.or_fault()?)
    }

    /// The tools that were not deleted, as a transaction sees them, without a lock.
    pub async fn tools_in(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = ToolId>,
    ) -> Result<BTreeMap<ToolId, Tool>> {
        select_tools(ids).filter(is_existing()).all(&**tx).await.or_fault()?.iter().map(tool).collect()
    }

    /// The tools with an id after this one that were not deleted, in order, at most `most`.
    pub async fn tools_after(&self, after: Option<ToolId>, most: u64) -> Result<Vec<(ToolId, Tool)>> {
        let mut query = row::Entity::find().filter(is_existing());
        if let Some(after) = after {
            query = query.filter(row::Column::Id.gt(after.to_string()));
        }
        let query = query.order_by_asc(row::Column::Id).limit(most);
        query.all(self.db.reader()).await.or_fault()?.iter().map(tool).collect()
    }

    /// Notes how much a tool may use.
    pub async fn tool_quota(&self, tx: &Tx, id: ToolId, quota: &Quota) -> Result<()> {
        let noted = row::Entity::update_many()
            .col_expr(row::Column::Quota, Expr::value(json(quota)?))
            .filter(row::Column::Id.eq(id.to_string()));
        noted.exec(&**tx).await.or_fault().map(drop)
    }

    /// A tool's name, unless it was deleted or never had a job.
    pub async fn tool_name(&self, id: ToolId) -> Result<Option<ToolName>> {
        let found = select_tools([id]).filter(is_existing()).all(self.db.reader()).await.or_fault()?;
        Ok(names(&found)?.remove(&id))
    }

    /// Locks a deleted tool. Gives whether it ever had a job, and is not erased yet.
    pub async fn lock_deleted_tool(&self, tx: &Tx, id: ToolId) -> Result<bool> {
        if lock_tool(tx, id).await? == ToolState::Exists {
            return Err(Error::internal("a tool is erased that was not deleted"));
        }
        Ok(select_tools([id]).one(&**tx).await.or_fault()?.is_some())
    }
}
