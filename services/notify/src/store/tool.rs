//! Tools that something was told of: a row to wait for, when mail went out, who wants none.

use std::collections::BTreeSet;

use hearth_base::{Error, Result, ToolId, UserId};
use hearth_kit::db::{OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{LockType, OnConflict},
};

use super::{
    Store,
    columns::{read, read_json, write_json},
};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tool")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// It has ended: nothing of it is kept again.
        pub over: bool,
        /// When mails about it were last written.
        pub mailed: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Who has switched mail about which tool off.
pub mod off {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mail_off")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A tool, under its lock.
#[derive(Debug, Clone)]
pub struct Tool {
    pub id: ToolId,
    /// When mails about it were last written, the oldest first: as many as may be written within an hour.
    pub mailed: Vec<Timestamp>,
}

impl Store {
    /// Begins a change of what is kept of a tool: others wait until it is through. Nothing when the tool is over.
    pub async fn tool_locked(&self, tx: &Tx, id: ToolId) -> Result<Option<Tool>> {
        // A row is made first, so that there is one to wait for.
        let mailed = write_json(&Vec::<Timestamp>::new())?;
        let first = row::ActiveModel { id: Set(id.to_string()), over: Set(false), mailed: Set(mailed) };
        let known = OnConflict::column(row::Column::Id).do_nothing_on([row::Column::Id]).to_owned();
        match row::Entity::insert(first).on_conflict(known).exec_without_returning(&**tx).await {
            Ok(_) | Err(DbErr::RecordNotInserted) => {}
            Err(cause) => return Err(cause).or_fault(),
        }
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        let found = query.one(&**tx).await.or_fault()?.filter(|row| !row.over);
        found.map(|row| Ok(Tool { id, mailed: read_json("tool.mailed", row.mailed)? })).transpose()
    }

    /// The same for what only makes sense while the tool is there.
    pub async fn tool_entered(&self, tx: &Tx, id: ToolId) -> Result<Tool> {
        let tool = self.tool_locked(tx, id).await?;
        tool.ok_or_else(|| Error::conflict("tool-over", "the tool has been deleted"))
    }

    /// When mails about a tool were last written.
    pub async fn mailed(&self, id: ToolId) -> Result<Vec<Timestamp>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_fault()?;
        found.map_or(Ok(Vec::new()), |row| read_json("tool.mailed", row.mailed))
    }

    /// Keeps when mails about a tool were written.
    pub async fn tool_save(&self, tx: &Tx, tool: &Tool) -> Result<()> {
        let mailed = Set(write_json(&tool.mailed)?);
        let row = row::ActiveModel { id: Set(tool.id.to_string()), mailed, ..Default::default() };
        row::Entity::update(row).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Notes that a tool is over.
    pub(super) async fn tool_over(&self, tx: &Tx, id: ToolId) -> Result<()> {
        self.tool_locked(tx, id).await?;
        let over = row::ActiveModel { id: Set(id.to_string()), over: Set(true), ..Default::default() };
        row::Entity::update(over).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Who has switched mail about a tool off.
    pub async fn off(&self, tool: ToolId) -> Result<BTreeSet<UserId>> {
        let query = off::Entity::find().filter(off::Column::ToolId.eq(tool.to_string()));
        let rows = query.all(self.db.reader()).await.or_fault()?;
        rows.into_iter().map(|row| read("mail_off.user_id", &row.user_id)).collect()
    }

    /// Switches mail about a tool off for somebody, or on.
    pub async fn off_set(&self, tx: &Tx, tool: ToolId, user: UserId, off: bool) -> Result<()> {
        if !off {
            let key = (tool.to_string(), user.to_string());
            return off::Entity::delete_by_id(key).exec(&**tx).await.or_fault().map(|_| ());
        }
        let row = off::ActiveModel { tool_id: Set(tool.to_string()), user_id: Set(user.to_string()) };
        let key = [off::Column::ToolId, off::Column::UserId];
        let known = OnConflict::columns(key).do_nothing_on(key).to_owned();
        match off::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await {
            Ok(_) | Err(DbErr::RecordNotInserted) => Ok(()),
            Err(cause) => Err(cause).or_fault(),
        }
    }
}
