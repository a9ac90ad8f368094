//! The table of the storage that tools use.

use hearth_base::{Result, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, LockType, OnConflict},
};

use super::{LogsStore, chunk, instance, log};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tool")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// The bytes of its chunks.
        pub bytes: i64,
        /// The position of the next line of any of its logs.
        pub next: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The storage that a tool uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolUsage {
    pub bytes: i64,
    /// The position of the next line of any of its logs.
    pub next: i64,
}

impl LogsStore {
    /// Locks a tool until the transaction ends. It inserts a missing row first, so that there is a row to
    /// lock.
    pub async fn lock_tool(&self, tx: &Tx, tool: ToolId) -> Result<ToolUsage> {
        let first = row::ActiveModel { id: Set(tool.to_string()), bytes: Set(0), next: Set(0) };
        let on_conflict = OnConflict::column(row::Column::Id).do_nothing_on([row::Column::Id]).to_owned();
        match row::Entity::insert(first).on_conflict(on_conflict).exec_without_returning(&**tx).await {
            Ok(_) | Err(DbErr::RecordNotInserted) => {}
            Err(cause) => return Err(cause).or_db_error(),
        }
        let query = row::Entity::find_by_id(tool.to_string()).lock(LockType::Update);
        let row = query.one(&**tx).await.or_db_error()?;
        Ok(row.map_or(ToolUsage { bytes: 0, next: 0 }, |row| ToolUsage { bytes: row.bytes, next: row.next }))
    }

    /// Saves a tool that the transaction has locked.
    pub async fn save_tool(&self, tx: &Tx, id: ToolId, tool: &ToolUsage) -> Result<()> {
        let ToolUsage { bytes, next } = *tool;
        let row = row::ActiveModel { id: Set(id.to_string()), bytes: Set(bytes), next: Set(next) };
        row::Entity::update(row).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Adds `difference` to the bytes of a tool.
    pub async fn add_tool_bytes(&self, tx: &Tx, tool: ToolId, difference: i64) -> Result<()> {
        let sum = sea_orm::sea_query::ExprTrait::add(Expr::col(row::Column::Bytes), difference);
        let update = row::Entity::update_many().col_expr(row::Column::Bytes, sum);
        update.filter(row::Column::Id.eq(tool.to_string())).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes one log of a tool with its chunks and containers. Returns false if no log was left. Each log
    /// has its own transaction, so that other writers do not wait long.
    pub async fn delete_one_log(&self, tool: ToolId) -> Result<bool> {
        let tx = self.begin().await?;
        self.lock_tool(&tx, tool).await?;
        let query = log::row::Entity::find().filter(log::row::Column::ToolId.eq(tool.to_string()));
        let Some(found) = query.one(&*tx).await.or_db_error()? else {
            row::Entity::delete_by_id(tool.to_string()).exec(&*tx).await.or_db_error()?;
            tx.commit().await?;
            return Ok(false);
        };
        let id = found.id.as_str();
        let chunks = chunk::row::Entity::delete_many().filter(chunk::row::Column::LogId.eq(id));
        chunks.exec(&*tx).await.or_db_error()?;
        let instances = instance::row::Entity::delete_many().filter(instance::row::Column::LogId.eq(id));
        instances.exec(&*tx).await.or_db_error()?;
        log::row::Entity::delete_by_id(id).exec(&*tx).await.or_db_error()?;
        self.add_tool_bytes(&tx, tool, -found.bytes).await?;
        tx.commit().await?;
        Ok(true)
    }
}
