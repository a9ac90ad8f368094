//! What webhooks are to be told, and what became of it.

use hearth_base::{Cursor, DeliveryId, Error, Limit, Page, Result, ToolId, WebhookId};
use hearth_kit::db::{At, OldRows, OrFault, Tx, delete_old_rows};
use hearth_wire::notify::{DeliveryState, EventType};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, sea_query::OnConflict,
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
    #[sea_orm(table_name = "delivery")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub webhook_id: String,
        /// What the receiver knows it by.
        pub message: String,
        pub event: String,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub state: String,
        pub tries: i32,
        pub created: At,
        pub next: Option<At>,
        pub status: Option<i32>,
        pub said: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One event on its way to one webhook.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: DeliveryId,
    pub tool: ToolId,
    pub webhook: WebhookId,
    pub message: String,
    pub event: EventType,
    /// What is sent, byte by byte.
    pub body: String,
    pub state: DeliveryState,
    pub tries: u32,
    pub created: Timestamp,
    pub next: Option<Timestamp>,
    pub status: Option<u16>,
    pub said: Option<String>,
}

impl TryFrom<row::Model> for Delivery {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            id,
            tool_id,
            webhook_id,
            message,
            event,
            body,
            state,
            tries,
            created,
            next,
            status,
            said,
        } = row;
        Ok(Self {
            id: read("delivery.id", &id)?,
            tool: read("delivery.tool_id", &tool_id)?,
            webhook: read("delivery.webhook_id", &webhook_id)?,
            message,
            event: EventType::of_event(&event),
            body,
            state: read_word("delivery.state", state)?,
            tries: wide(tries),
            created: created.into(),
            next: next.map(Timestamp::from),
            status: status.and_then(|status| u16::try_from(status).ok()),
            said,
        })
    }
}

impl Store {
    /// Keeps a delivery, new or changed.
    pub async fn delivery_put(&self, tx: &Tx, delivery: &Delivery) -> Result<()> {
        let row = row::ActiveModel {
            id: Set(delivery.id.to_string()),
            tool_id: Set(delivery.tool.to_string()),
            webhook_id: Set(delivery.webhook.to_string()),
            message: Set(delivery.message.clone()),
            event: Set(delivery.event.to_string()),
            body: Set(delivery.body.clone()),
            state: Set(delivery.state.word().to_owned()),
            tries: Set(narrow(delivery.tries)),
            created: Set(delivery.created.into()),
            next: Set(delivery.next.map(At::from)),
            status: Set(delivery.status.map(i32::from)),
            said: Set(delivery.said.clone()),
        };
        let known = OnConflict::column(row::Column::Id)
            .update_columns([
                row::Column::Body,
                row::Column::State,
                row::Column::Tries,
                row::Column::Next,
                row::Column::Status,
                row::Column::Said,
            ])
            .to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// A delivery.
    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>> {
        let found = row::Entity::find_by_id(id).one(self.db.reader()).await.or_fault()?;
        found.map(Delivery::try_from).transpose()
    }

    /// A delivery, as a change sees it.
    pub async fn delivery_in(&self, tx: &Tx, id: DeliveryId) -> Result<Option<Delivery>> {
        let found = row::Entity::find_by_id(id.to_string()).one(&**tx).await.or_fault()?;
        found.map(Delivery::try_from).transpose()
    }

    /// How many of a webhook's deliveries wait, or how many of one type.
    pub async fn deliveries_waiting(
        &self,
        tx: &Tx,
        webhook: WebhookId,
        event: Option<&EventType>,
    ) -> Result<u64> {
        let query = row::Entity::find()
            .filter(row::Column::WebhookId.eq(webhook.to_string()))
            .filter(row::Column::State.eq(DeliveryState::Waiting.word()))
            .apply_if(event, |query, event| query.filter(row::Column::Event.eq(event.as_str())));
        query.count(&**tx).await.or_fault()
    }

    /// Whether a webhook took anything that happened after `after`.
    pub async fn delivered_since(&self, tx: &Tx, webhook: WebhookId, after: Timestamp) -> Result<bool> {
        let query = row::Entity::find()
            .filter(row::Column::WebhookId.eq(webhook.to_string()))
            .filter(row::Column::State.eq(DeliveryState::Delivered.word()))
            .filter(row::Column::Created.gt(At::from(after)));
        Ok(query.count(&**tx).await.or_fault()? > 0)
    }

    /// What a webhook was or is to be told, the newest first.
    pub async fn deliveries(
        &self,
        webhook: WebhookId,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<Delivery>> {
        let mut query = row::Entity::find()
            .filter(row::Column::WebhookId.eq(webhook.to_string()))
            .order_by_desc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.lt(cursor.key::<DeliveryId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let deliveries = rows.into_iter().map(Delivery::try_from).collect::<Result<_>>()?;
        Ok(Page::cut(deliveries, limit, |delivery: &Delivery| delivery.id))
    }

    /// Forgets what a webhook was or is to be told.
    pub async fn deliveries_remove(&self, tx: &Tx, webhook: WebhookId) -> Result<()> {
        let theirs = row::Entity::delete_many().filter(row::Column::WebhookId.eq(webhook.to_string()));
        theirs.exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Deletes deliveries that wait no more: of what happened before `before`, and all but the newest `most` of each
    /// webhook; some thousands at one time. Returns how many are gone.
    pub async fn deliveries_sweep(&self, tx: &Tx, before: Timestamp, most: u32) -> Result<u64> {
        let done = OldRows {
            deletable: row::Column::State.ne(DeliveryState::Waiting.word()),
            group: row::Column::WebhookId,
            newest_by: vec![row::Column::Id],
            time: row::Column::Created,
        };
        delete_old_rows::<row::Entity>(tx, done, before, most).await
    }
}
