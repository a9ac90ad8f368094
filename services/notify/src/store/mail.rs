//! The table of mails, each to one maintainer. Addresses are not stored.

use hearth_base::{Error, MailId, Page, PageCursor, PageLimit, Result, ToolId, ToolName, UserId, UserName};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use hearth_wire::notify::MailState;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};

use super::{
    NotifyStore,
    columns::{parse_column, parse_enum},
    from_column_count, to_column_count,
};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mail")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        /// The tool's name when the mail was created.
        pub tool_name: String,
        pub user_id: String,
        pub user_name: String,
        pub subject: String,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub events: i32,
        pub state: String,
        pub tries: i32,
        pub created: DbTimestamp,
        pub next: Option<DbTimestamp>,
        pub reply: Option<String>,
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
    pub reply: Option<String>,
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
            reply,
        } = row;
        Ok(Self {
            id: parse_column("mail.id", &id)?,
            tool: parse_column("mail.tool_id", &tool_id)?,
            tool_name: parse_column("mail.tool_name", &tool_name)?,
            user: parse_column("mail.user_id", &user_id)?,
            user_name: parse_column("mail.user_name", &user_name)?,
            subject,
            body,
            events: from_column_count(events),
            state: parse_enum("mail.state", state)?,
            tries: from_column_count(tries),
            created: created.into(),
            next: next.map(Timestamp::from),
            reply,
        })
    }
}

impl NotifyStore {
    /// Inserts or updates a mail.
    pub async fn save_mail(&self, tx: &Tx, mail: &Mail) -> Result<()> {
        let row = row::ActiveModel {
            id: Set(mail.id.to_string()),
            tool_id: Set(mail.tool.to_string()),
            tool_name: Set(mail.tool_name.to_string()),
            user_id: Set(mail.user.to_string()),
            user_name: Set(mail.user_name.to_string()),
            subject: Set(mail.subject.clone()),
            body: Set(mail.body.clone()),
            events: Set(to_column_count(mail.events)),
            state: Set(mail.state.as_str().to_owned()),
            tries: Set(to_column_count(mail.tries)),
            created: Set(mail.created.into()),
            next: Set(mail.next.map(DbTimestamp::from)),
            reply: Set(mail.reply.clone()),
        };
        let on_conflict = OnConflict::column(row::Column::Id)
            .update_columns([
                row::Column::Body,
                row::Column::State,
                row::Column::Tries,
                row::Column::Next,
                row::Column::Reply,
            ])
            .to_owned();
        row::Entity::insert(row)
            .on_conflict(on_conflict)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Finds a mail.
    pub async fn find_mail(&self, id: &str) -> Result<Option<Mail>> {
        let found = row::Entity::find_by_id(id).one(self.db.reader()).await.or_db_error()?;
        found.map(Mail::try_from).transpose()
    }

    /// Finds a mail within a transaction.
    pub async fn find_mail_in_tx(&self, tx: &Tx, id: MailId) -> Result<Option<Mail>> {
        let found = row::Entity::find_by_id(id.to_string()).one(&**tx).await.or_db_error()?;
        found.map(Mail::try_from).transpose()
    }

    /// Lists the mails about a tool, the newest first.
    pub async fn list_mails(
        &self,
        tool: ToolId,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Mail>> {
        let mut query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_desc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.lt(cursor.parse_key::<MailId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let mails = rows.into_iter().map(Mail::try_from).collect::<Result<_>>()?;
        Ok(Page::from_items(mails, limit, |mail: &Mail| mail.id))
    }

    /// Deletes ended mails that were created before `before`.
    pub async fn delete_old_mails(&self, tx: &Tx, before: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many()
            .filter(row::Column::Created.lt(DbTimestamp::from(before)))
            .filter(row::Column::State.ne(MailState::Waiting.as_str()));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
