//! Tools that have or had jobs: a row to lock, with the tool's present name.

use std::collections::BTreeMap;

use hearth_base::{Error, Result, ToolId, ToolName};
use hearth_kit::db::{OrFault, Tx, columns::read};
use hearth_wire::tools::Quota;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, LockType, OnConflict},
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
        /// All of it is to be erased.
        pub ending: bool,
        /// How much it may use, as far as is known.
        pub quota: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A tool that is not ending.
#[derive(Debug, Clone)]
pub struct Tool {
    pub name: ToolName,
    /// How much it may use, as far as is known.
    pub quota: Option<Quota>,
}

fn of(ids: impl IntoIterator<Item = ToolId>) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::Id.is_in(texts(ids)))
}

fn json(quota: &Quota) -> Result<String> {
    serde_json::to_string(quota).map_err(Error::internal)
}

fn tool(row: &row::Model) -> Result<(ToolId, Tool)> {
    // A copy of what `accounts` said: one that cannot be read is asked for again.
    let quota = row.quota.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Ok((read("tool.id", &row.id)?, Tool { name: read("tool.name", &row.name)?, quota }))
}

fn names(rows: Vec<row::Model>) -> Result<BTreeMap<ToolId, ToolName>> {
    let present = rows.into_iter().filter(|row| !row.ending);
    present.map(|row| Ok((read("tool.id", &row.id)?, read("tool.name", &row.name)?))).collect()
}

impl Store {
    /// Begins a change to a tool's jobs: others wait until it is through. Refused when the tool is ending. `quota` is
    /// what the tool may use, for whom has asked.
    pub async fn tool_enter(
        &self,
        tx: &Tx,
        id: ToolId,
        name: &ToolName,
        quota: Option<&Quota>,
    ) -> Result<()> {
        let new = row::ActiveModel {
            id: Set(id.to_string()),
            name: Set(name.to_string()),
            ending: Set(false),
            quota: Set(quota.map(json).transpose()?),
        };
        let mut known = OnConflict::column(row::Column::Id);
        known.update_column(row::Column::Name);
        if quota.is_some() {
            known.update_column(row::Column::Quota);
        }
        row::Entity::insert(new).on_conflict(known).exec_without_returning(&**tx).await.or_fault()?;
        match self.tool_locked(tx, id).await? {
            Some(_) => Ok(()),
            None => Err(Error::conflict(
                "tool-ending",
                format!("the tool {name} is being ended; nothing of it can start"),
            )
            .help("hearth tool list")),
        }
    }

    /// Locks a tool, and gives its name; nothing when it is ending or was never seen.
    pub async fn tool_locked(&self, tx: &Tx, id: ToolId) -> Result<Option<ToolName>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        let found = query.one(&**tx).await.or_fault()?.filter(|row| !row.ending);
        found.map(|row| read("tool.name", &row.name)).transpose()
    }

    /// Locks tools, always in the same order, and gives the names of those that are not ending.
    pub async fn tools_locked(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = ToolId>,
    ) -> Result<BTreeMap<ToolId, ToolName>> {
        let rows =
            of(ids).order_by_asc(row::Column::Id).lock(LockType::Update).all(&**tx).await.or_fault()?;
        names(rows)
    }

    /// The tools that are not ending, as a change sees them, without a lock.
    pub async fn tools_in(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = ToolId>,
    ) -> Result<BTreeMap<ToolId, Tool>> {
        let present = of(ids).filter(row::Column::Ending.eq(false)).all(&**tx).await.or_fault()?;
        present.iter().map(tool).collect()
    }

    /// The tools with an id after this one that are not ending, in order, at most `most`.
    pub async fn tools_after(&self, after: Option<ToolId>, most: u64) -> Result<Vec<(ToolId, Tool)>> {
        let mut query = row::Entity::find().filter(row::Column::Ending.eq(false));
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

    /// A tool's name; nothing when it is ending or was never seen.
    pub async fn tool_name(&self, id: ToolId) -> Result<Option<ToolName>> {
        let found = of([id]).all(self.db.reader()).await.or_fault()?;
        Ok(names(found)?.remove(&id))
    }

    /// Locks a tool and notes that it is ending: nothing of it starts any more. Whether it ever had a job.
    pub async fn tool_ending(&self, tx: &Tx, id: ToolId) -> Result<bool> {
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            name: Set(String::new()),
            ending: Set(true),
            ..Default::default()
        };
        let known = OnConflict::column(row::Column::Id).update_column(row::Column::Ending).to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault()?;
        let locked = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        Ok(locked.one(&**tx).await.or_fault()?.is_some_and(|row| !row.name.is_empty()))
    }
}
