//! Mails: one to one maintainer each. Addresses are not kept.

use hearth_base::{Cursor, Error, Limit, MailId, Page, Result, ToolId, ToolName, UserId, UserName};
use hearth_kit::db::{At, OrFault, Tx};
use hearth_wire::notify::MailState;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};

use super::{
    Store,
    columns::{read, read_word},
    narrow, wide,
};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mail")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        /// The tool's name when it was written.
        pub tool_name: String,
        pub user_id: String,
        pub user_name: String,
        pub subject: String,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub events: i32,
        pub state: String,
        pub tries: i32,
        pub created: At,
        pub next: Option<At>,
        pub said: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A mail to one maintainer.
#[derive(Debug, Clone)]
pub struct Mail {
    pub id: MailId,
    pub tool: ToolId,
    pub tool_name: ToolName,
    pub user: UserId,
    pub user_name: UserName,
    pub subject: String,
    pub body: String,
    pub events: u32,
    pub state: MailState,
    pub tries: u32,
    pub created: Timestamp,
    pub next: Option<Timestamp>,
    pub said: Option<String>,
}

impl TryFrom<row::Model> for Mail {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            id,
            tool_id,
            tool_name,
            user_id,
            user_name,
            subject,
            body,
            events,
            state,
            tries,
            created,
            next,
            said,
        } = row;
        Ok(Self {
            id: read("mail.id", &id)?,
            tool: read("mail.tool_id", &tool_id)?,
            tool_name: read("mail.tool_name", &tool_name)?,
            user: read("mail.user_id", &user_id)?,
            user_name: read("mail.user_name", &user_name)?,
            subject,
            body,
            events: wide(events),
            state: read_word("mail.state", state)?,
            tries: wide(tries),
            created: created.into(),
            next: next.map(Timestamp::from),
            said,
        })
    }
}

impl Store {
    /// Keeps a mail, new or changed.
    pub async fn mail_put(&self, tx: &Tx, mail: &Mail) -> Result<()> {
        let row = row::ActiveModel {
            id: Set(mail.id.to_string()),
            tool_id: Set(mail.tool.to_string()),
            tool_name: Set(mail.tool_name.to_string()),
            user_id: Set(mail.user.to_string()),
            user_name: Set(mail.user_name.to_string()),
            subject: Set(mail.subject.clone()),
            body: Set(mail.body.clone()),
            events: Set(narrow(mail.events)),
            state: Set(mail.state.word().to_owned()),
            tries: Set(narrow(mail.tries)),
            created: Set(mail.created.into()),
            next: Set(mail.next.map(At::from)),
            said: Set(mail.said.clone()),
        };
        let known = OnConflict::column(row::Column::Id)
            .update_columns([
                row::Column::Body,
                row::Column::State,
                row::Column::Tries,
                row::Column::Next,
                row::Column::Said,
            ])
            .to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// A mail.
    pub async fn mail(&self, id: &str) -> Result<Option<Mail>> {
        let found = row::Entity::find_by_id(id).one(self.db.reader()).await.or_fault()?;
        found.map(Mail::try_from).transpose()
    }

    /// A mail, as a change sees it.
    pub async fn mail_in(&self, tx: &Tx, id: MailId) -> Result<Option<Mail>> {
        let found = row::Entity::find_by_id(id.to_string()).one(&**tx).await.or_fault()?;
        found.map(Mail::try_from).transpose()
    }

    /// Mails about a tool, the newest first.
    pub async fn mails(&self, tool: ToolId, limit: Limit, cursor: Option<&Cursor>) -> Result<Page<Mail>> {
        let mut query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_desc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.lt(cursor.key::<MailId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let mails = rows.into_iter().map(Mail::try_from).collect::<Result<_>>()?;
        Ok(Page::cut(mails, limit, |mail: &Mail| mail.id))
    }

    /// Forgets mails that were written before `before` and wait no more.
    pub async fn mails_sweep(&self, tx: &Tx, before: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many()
            .filter(row::Column::Created.lt(At::from(before)))
            .filter(row::Column::State.ne(MailState::Waiting.word()));
        old.exec(&**tx).await.or_fault().map(|_| ())
    }
}
