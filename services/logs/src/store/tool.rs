//! Tools: how much of theirs is kept.

use hearth_base::{Result, ToolId};
use hearth_kit::db::{OrFault, Tx};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, LockType, OnConflict},
};

use super::{Store, chunk, instance, log};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tool")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// How much its chunks take.
        pub bytes: i64,
        /// The position of the next line of any of its logs.
        pub next: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A tool whose lines are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    pub bytes: i64,
    /// The position of the next line of any of its logs.
    pub next: i64,
}

impl Store {
    /// A tool, to be changed: others who change what is kept of it wait until this change is through. Its row is
    /// made first, so that there is one to wait for.
    pub async fn tool_locked(&self, tx: &Tx, tool: ToolId) -> Result<Tool> {
        let first = row::ActiveModel { id: Set(tool.to_string()), bytes: Set(0), next: Set(0) };
        let known = OnConflict::column(row::Column::Id).do_nothing_on([row::Column::Id]).to_owned();
        match row::Entity::insert(first).on_conflict(known).exec_without_returning(&**tx).await {
            Ok(_) | Err(DbErr::RecordNotInserted) => {}
            Err(cause) => return Err(cause).or_fault(),
        }
        let query = row::Entity::find_by_id(tool.to_string()).lock(LockType::Update);
        let row = query.one(&**tx).await.or_fault()?;
        Ok(row.map_or(Tool { bytes: 0, next: 0 }, |row| Tool { bytes: row.bytes, next: row.next }))
    }

    /// Writes what has changed of a tool, under its lock.
    pub async fn tool_save(&self, tx: &Tx, id: ToolId, tool: &Tool) -> Result<()> {
        let Tool { bytes, next } = *tool;
        let row = row::ActiveModel { id: Set(id.to_string()), bytes: Set(bytes), next: Set(next) };
        row::Entity::update(row).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Adds to what is kept of a tool, or takes away from it.
    pub async fn tool_bytes(&self, tx: &Tx, tool: ToolId, more: i64) -> Result<()> {
        let sum = sea_orm::sea_query::ExprTrait::add(Expr::col(row::Column::Bytes), more);
        let update = row::Entity::update_many().col_expr(row::Column::Bytes, sum);
        update.filter(row::Column::Id.eq(tool.to_string())).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Erases one of the logs of a tool with everything in it; false when there was none left. One at a time, so
    /// that others get their turn.
    pub async fn tool_erase_one(&self, tool: ToolId) -> Result<bool> {
        let tx = self.begin().await?;
        self.tool_locked(&tx, tool).await?;
        let query = log::row::Entity::find().filter(log::row::Column::ToolId.eq(tool.to_string()));
        let Some(found) = query.one(&*tx).await.or_fault()? else {
            row::Entity::delete_by_id(tool.to_string()).exec(&*tx).await.or_fault()?;
            tx.commit().await?;
            return Ok(false);
        };
        let id = found.id.as_str();
        let chunks = chunk::row::Entity::delete_many().filter(chunk::row::Column::LogId.eq(id));
        chunks.exec(&*tx).await.or_fault()?;
        let instances = instance::row::Entity::delete_many().filter(instance::row::Column::LogId.eq(id));
        instances.exec(&*tx).await.or_fault()?;
        log::row::Entity::delete_by_id(id).exec(&*tx).await.or_fault()?;
        self.tool_bytes(&tx, tool, -found.bytes).await?;
        tx.commit().await?;
        Ok(true)
    }
}
