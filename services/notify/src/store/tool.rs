//! The tables of mail times and mail opt-outs of tools.

use std::collections::BTreeSet;

use hearth_base::{Result, ToolId, UserId};
use hearth_kit::{
    db::{OrDbError, Tx},
    tool_state::{ToolState, lock_tool},
};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::OnConflict};

use super::{
    NotifyStore,
    columns::{parse_column, parse_json, to_json},
};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mail_pace")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        /// The times of the last mails about the tool.
        pub mail_times: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The users who have switched mail about a tool off.
pub mod off {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mail_opt_out")]
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

/// The mail times of a locked tool.
#[derive(Debug, Clone)]
pub struct ToolMailTimes {
    pub id: ToolId,
    /// The times of the last mails about the tool, the oldest first: as many as are allowed within an hour.
    pub times: Vec<Timestamp>,
}

impl NotifyStore {
    /// Locks a tool and reads its mail times. Returns `None` if the tool is deleted.
    pub async fn lock_mail_times(&self, tx: &Tx, id: ToolId) -> Result<Option<ToolMailTimes>> {
        match lock_tool(tx, id).await? {
            ToolState::Exists => self.read_mail_times(tx, id).await.map(Some),
            ToolState::Deleted => Ok(None),
        }
    }

    /// Reads the mail times of a tool that the transaction has locked.
    pub async fn read_mail_times(&self, tx: &Tx, id: ToolId) -> Result<ToolMailTimes> {
        let found = row::Entity::find_by_id(id.to_string()).one(&**tx).await.or_db_error()?;
        Ok(ToolMailTimes { id, times: parse_mail_times(found)? })
    }

    /// Reads the mail times of a tool.
    pub async fn find_mail_times(&self, id: ToolId) -> Result<Vec<Timestamp>> {
        parse_mail_times(row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?)
    }

    /// Saves the mail times of a tool.
    pub async fn save_mail_times(&self, tx: &Tx, tool: &ToolMailTimes) -> Result<()> {
        let mail_times = Set(to_json(&tool.times)?);
        let row = row::ActiveModel { tool_id: Set(tool.id.to_string()), mail_times };
        let on_conflict =
            OnConflict::column(row::Column::ToolId).update_column(row::Column::MailTimes).to_owned();
        row::Entity::insert(row)
            .on_conflict(on_conflict)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Lists the users who have switched mail about a tool off.
    pub async fn list_opted_out(&self, tool: ToolId) -> Result<BTreeSet<UserId>> {
        let query = off::Entity::find().filter(off::Column::ToolId.eq(tool.to_string()));
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(|row| parse_column("mail_opt_out.user_id", &row.user_id)).collect()
    }

    /// Switches mail about a tool off or on for a user.
    pub async fn set_opt_out(&self, tx: &Tx, tool: ToolId, user: UserId, off: bool) -> Result<()> {
        if !off {
            let key = (tool.to_string(), user.to_string());
            return off::Entity::delete_by_id(key).exec(&**tx).await.or_db_error().map(|_| ());
        }
        let row = off::ActiveModel { tool_id: Set(tool.to_string()), user_id: Set(user.to_string()) };
        let key = [off::Column::ToolId, off::Column::UserId];
        let on_conflict = OnConflict::columns(key).do_nothing_on(key).to_owned();
        match off::Entity::insert(row).on_conflict(on_conflict).exec_without_returning(&**tx).await {
            Ok(_) | Err(DbErr::RecordNotInserted) => Ok(()),
            Err(cause) => Err(cause).or_db_error(),
        }
    }
}

fn parse_mail_times(found: Option<row::Model>) -> Result<Vec<Timestamp>> {
    found.map_or(Ok(Vec::new()), |row| parse_json("mail_pace.mail_times", row.mail_times))
}
