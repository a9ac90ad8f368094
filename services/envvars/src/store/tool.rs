//! Tools that have, or had, variables: a row to wait for, and the sign that a tool is over.

use hearth_base::{Error, Result, ToolId};
use hearth_kit::db::{OrFault, Tx};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{LockType, OnConflict},
};

use super::{Store, envvar};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tool")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// It has ended: nothing of it is kept again.
        pub over: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl Store {
    /// Begins a change of a tool's variables: others wait until it is through. Refused when the tool is over.
    pub async fn tool_locked(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        match is_over(tx, tool).await? {
            true => Err(Error::conflict("tool-over", "the tool has been deleted")),
            false => Ok(()),
        }
    }

    /// Erases a tool's variables, and notes that there will be none again.
    pub async fn tool_over(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        is_over(tx, tool).await?;
        let theirs =
            envvar::row::Entity::delete_many().filter(envvar::row::Column::ToolId.eq(tool.to_string()));
        theirs.exec(&**tx).await.or_fault()?;
        let over = row::ActiveModel { id: Set(tool.to_string()), over: Set(true) };
        row::Entity::update(over).exec(&**tx).await.or_fault().map(|_| ())
    }
}

/// Whether a tool is over, under its lock: a row is made first, so that there is one to wait for.
async fn is_over(tx: &Tx, tool: ToolId) -> Result<bool> {
    let first = row::ActiveModel { id: Set(tool.to_string()), over: Set(false) };
    let known = OnConflict::column(row::Column::Id).do_nothing_on([row::Column::Id]).to_owned();
    match row::Entity::insert(first).on_conflict(known).exec_without_returning(&**tx).await {
        Ok(_) | Err(DbErr::RecordNotInserted) => {}
        Err(cause) => return Err(cause).or_fault(),
    }
    let query = row::Entity::find_by_id(tool.to_string()).lock(LockType::Update);
    Ok(query.one(&**tx).await.or_fault()?.is_some_and(|row| row.over))
}
