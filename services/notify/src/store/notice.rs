//! The table of notices that wait for the next mail about their tool.

use hearth_base::{EventId, Result, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use hearth_wire::events::Notice;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    NotifyStore,
    columns::{parse_json, to_json},
};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notice")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub happened_at: DbTimestamp,
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

impl NotifyStore {
    /// Inserts a notice for the next mail.
    pub async fn insert_notice(&self, tx: &Tx, tool: ToolId, waiting: &WaitingNotice) -> Result<()> {
        let row = row::ActiveModel {
            id: Set(waiting.id.to_string()),
            tool_id: Set(tool.to_string()),
            happened_at: Set(waiting.time.into()),
            content: Set(to_json(&waiting.notice)?),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Counts the waiting notices of a tool.
    pub async fn count_notices(&self, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        query.count(self.db.reader()).await.or_db_error()
    }

    /// Counts the waiting notices of a tool and reads the oldest ones, at most `limit`.
    pub async fn read_oldest_notices(&self, tx: &Tx, tool: ToolId, limit: u64) -> Result<(u64, Vec<Notice>)> {
        let of_tool = || row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let all = of_tool().count(&**tx).await.or_db_error()?;
        let query =
            of_tool().order_by_asc(row::Column::HappenedAt).order_by_asc(row::Column::Id).limit(limit);
        let rows = query.all(&**tx).await.or_db_error()?;
        let notices = rows.into_iter().map(|row| parse_json("notice.content", row.content));
        Ok((all, notices.collect::<Result<_>>()?))
    }

    /// Deletes the notices of a tool.
    pub async fn delete_notices(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let of_tool = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        of_tool.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
