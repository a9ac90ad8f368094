//! Tools: when mail about them went out, who wants none.

use std::collections::BTreeSet;

use hearth_base::{Result, ToolId, UserId};
use hearth_kit::{
    db::{OrFault, Tx},
    tool_state::{ToolState, lock_tool},
};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::OnConflict};

use super::{
    Store,
    columns::{read, read_json, write_json},
};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mail_pace")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
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
    /// Locks a tool, and reads when mails about it were written. `None` when the tool was deleted.
    pub async fn lock_tool(&self, tx: &Tx, id: ToolId) -> Result<Option<Tool>> {
        match lock_tool(tx, id).await? {
            ToolState::Exists => self.tool_in(tx, id).await.map(Some),
            ToolState::Deleted => Ok(None),
        }
    }

    /// A tool that the transaction has locked.
    pub async fn tool_in(&self, tx: &Tx, id: ToolId) -> Result<Tool> {
        let found = row::Entity::find_by_id(id.to_string()).one(&**tx).await.or_fault()?;
        Ok(Tool { id, mailed: read_mailed(found)? })
    }

    /// When mails about a tool were last written.
    pub async fn mailed(&self, id: ToolId) -> Result<Vec<Timestamp>> {
        read_mailed(row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_fault()?)
    }

    /// Keeps when mails about a tool were written.
    pub async fn tool_save(&self, tx: &Tx, tool: &Tool) -> Result<()> {
        let mailed = Set(write_json(&tool.mailed)?);
        let row = row::ActiveModel { tool_id: Set(tool.id.to_string()), mailed };
        let known = OnConflict::column(row::Column::ToolId).update_column(row::Column::Mailed).to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault().map(|_| ())
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

fn read_mailed(found: Option<row::Model>) -> Result<Vec<Timestamp>> {
    found.map_or(Ok(Vec::new()), |row| read_json("mail_pace.mailed", row.mailed))
}
