//! The table of notices that wait for the next mail about their tool.

use hearth_base::{EventId, Result, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use hearth_wire::{events::Notice, notify::EventType};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
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
        /// Type of the event; null in rows of release 0.1.0.
        pub event_type: Option<String>,
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
    pub event_type: EventType,
    pub notice: Notice,
}

/// The number of a tool's waiting notices about events of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeCount {
    /// `None` for notices of release 0.1.0.
    pub event_type: Option<EventType>,
    pub count: u64,
}

impl NotifyStore {
    /// Inserts a notice for the next mail.
    pub async fn insert_notice(&self, tx: &Tx, tool: ToolId, waiting: &WaitingNotice) -> Result<()> {
        let row = row::ActiveModel {
            id: Set(waiting.id.to_string()),
            tool_id: Set(tool.to_string()),
            happened_at: Set(waiting.time.into()),
            content: Set(to_json(&waiting.notice)?),
            event_type: Set(Some(waiting.event_type.as_str().to_owned())),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Counts the waiting notices of a tool by event type.
    pub async fn count_notices(&self, tool: ToolId) -> Result<Vec<NoticeCount>> {
        count_notices_in(self.db.reader(), tool).await
    }

    /// Counts the waiting notices of a tool by event type, within a transaction.
    pub async fn count_notices_in_tx(&self, tx: &Tx, tool: ToolId) -> Result<Vec<NoticeCount>> {
        count_notices_in(&**tx, tool).await
    }

    /// Reads the oldest waiting notices of a tool about events of these types, at most `limit`.
    pub async fn read_oldest_notices(
        &self,
        tx: &Tx,
        tool: ToolId,
        types: &[Option<EventType>],
        limit: u64,
    ) -> Result<Vec<Notice>> {
        let names = types.iter().flatten().map(EventType::as_str);
        let mut is_of_types = Condition::any().add(row::Column::EventType.is_in(names));
        if types.contains(&None) {
            is_of_types = is_of_types.add(row::Column::EventType.is_null());
        }
        let query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(is_of_types)
            .order_by_asc(row::Column::HappenedAt)
            .order_by_asc(row::Column::Id)
            .limit(limit);
        let rows = query.all(&**tx).await.or_db_error()?;
        rows.into_iter().map(|row| parse_json("notice.content", row.content)).collect()
    }

    /// Deletes the notices of a tool.
    pub async fn delete_notices(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let of_tool = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        of_tool.exec(&**tx).await.or_db_error().map(|_| ())
    }
}

async fn count_notices_in(connection: &impl ConnectionTrait, tool: ToolId) -> Result<Vec<NoticeCount>> {
    let query = row::Entity::find()
        .select_only()
        .column(row::Column::EventType)
        .column_as(row::Column::Id.count(), "count")
        .filter(row::Column::ToolId.eq(tool.to_string()))
        .group_by(row::Column::EventType);
    let rows: Vec<(Option<String>, i64)> = query.into_tuple().all(connection).await.or_db_error()?;
    let to_count = |(event_type, count): (Option<String>, i64)| NoticeCount {
        event_type: event_type.as_deref().map(EventType::from_event),
        count: u64::try_from(count).unwrap_or(0),
    };
    Ok(rows.into_iter().map(to_count).collect())
}
