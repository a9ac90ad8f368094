//! Events that wait for the next mail about their tool.

use hearth_base::{EventId, Result, ToolId};
use hearth_kit::db::{OrFault, Tx};
use hearth_wire::events::Notice;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    Store,
    columns::{read_json, write_json},
};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notice")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub happened_at: At,
        pub content: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A notice that waits for the next mail about its tool.
#[derive(Debug, Clone)]
pub struct WaitingNotice {
    pub id: EventId,
    pub time: Timestamp,
    pub notice: Notice,
}

impl Store {
    /// Keeps an event for the next mail.
    pub async fn notice_add(&self, tx: &Tx, tool: ToolId, waiting: &WaitingNotice) -> Result<()> {
        let row = row::ActiveModel {
            id: Set(waiting.id.to_string()),
            tool_id: Set(tool.to_string()),
            happened_at: Set(waiting.time.into()),
            content: Set(write_json(&waiting.notice)?),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// How many wait of a tool.
    pub async fn notices_waiting(&self, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        query.count(self.db.reader()).await.or_fault()
    }

    /// How many wait of a tool, and the oldest of them, `most` at most.
    pub async fn notices(&self, tx: &Tx, tool: ToolId, most: u64) -> Result<(u64, Vec<Notice>)> {
        let theirs = || row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let all = theirs().count(&**tx).await.or_fault()?;
        let query = theirs().order_by_asc(row::Column::HappenedAt).order_by_asc(row::Column::Id).limit(most);
        let rows = query.all(&**tx).await.or_fault()?;
        let notices = rows.into_iter().map(|row| read_json("notice.content", row.content));
        Ok((all, notices.collect::<Result<_>>()?))
    }

    /// Forgets those of a tool: they are in mails now, or nobody wants them.
    pub async fn notices_remove(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let theirs = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        theirs.exec(&**tx).await.or_fault().map(|_| ())
    }
}
