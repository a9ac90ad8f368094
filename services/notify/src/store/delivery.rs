//! The table of deliveries to webhooks.

use hearth_base::{DeliveryId, Error, Page, PageCursor, PageLimit, Result, ToolId, WebhookId};
use hearth_kit::db::{DbTimestamp, OldRows, OrDbError, Tx, delete_old_rows};
use hearth_wire::notify::{DeliveryState, EventType};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, OnConflict},
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
    #[sea_orm(table_name = "delivery")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub webhook_id: String,
        /// The `webhook-id` of its requests.
        pub message: String,
        pub event: String,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub state: String,
        pub tries: i32,
        pub created: DbTimestamp,
        pub next: Option<DbTimestamp>,
        pub status: Option<i32>,
        pub reply: Option<String>,
        /// Time of the last answer or error.
        pub answered_at: Option<DbTimestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The delivery of one event to one webhook.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: DeliveryId,
    pub tool: ToolId,
    pub webhook: WebhookId,
    pub message: String,
    pub event: EventType,
    /// The body of the requests.
    pub body: String,
    pub state: DeliveryState,
    pub tries: u32,
    pub created: Timestamp,
    pub next: Option<Timestamp>,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
    /// Beginning of the last answer, if it came from a public address; or the reason of its absence.
    pub reply: Option<String>,
    /// Time of the last answer or error.
    pub answered_at: Option<Timestamp>,
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
            reply,
            answered_at,
        } = row;
        Ok(Self {
            id: parse_column("delivery.id", &id)?,
            tool: parse_column("delivery.tool_id", &tool_id)?,
            webhook: parse_column("delivery.webhook_id", &webhook_id)?,
            message,
            event: EventType::from_event(&event),
            body,
            state: parse_enum("delivery.state", state)?,
            tries: from_column_count(tries),
            created: created.into(),
            next: next.map(Timestamp::from),
            status: status.and_then(|status| u16::try_from(status).ok()),
            reply,
            answered_at: answered_at.map(Timestamp::from),
        })
    }
}

impl NotifyStore {
    /// Inserts or updates a delivery.
    pub async fn save_delivery(&self, tx: &Tx, delivery: &Delivery) -> Result<()> {
        let row = row::ActiveModel {
            id: Set(delivery.id.to_string()),
            tool_id: Set(delivery.tool.to_string()),
            webhook_id: Set(delivery.webhook.to_string()),
            message: Set(delivery.message.clone()),
            event: Set(delivery.event.to_string()),
            body: Set(delivery.body.clone()),
            state: Set(delivery.state.as_str().to_owned()),
            tries: Set(to_column_count(delivery.tries)),
            created: Set(delivery.created.into()),
            next: Set(delivery.next.map(DbTimestamp::from)),
            status: Set(delivery.status.map(i32::from)),
            reply: Set(delivery.reply.clone()),
            answered_at: Set(delivery.answered_at.map(DbTimestamp::from)),
        };
        let on_conflict = OnConflict::column(row::Column::Id)
            .update_columns([
                row::Column::Body,
                row::Column::State,
                row::Column::Tries,
                row::Column::Next,
                row::Column::Status,
                row::Column::Reply,
                row::Column::AnsweredAt,
            ])
            .to_owned();
        row::Entity::insert(row)
            .on_conflict(on_conflict)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Finds a delivery within a transaction.
    pub async fn find_delivery_in_tx(&self, tx: &Tx, id: DeliveryId) -> Result<Option<Delivery>> {
        let found = row::Entity::find_by_id(id.to_string()).one(&**tx).await.or_db_error()?;
        found.map(Delivery::try_from).transpose()
    }

    /// Finds the waiting delivery of a webhook that is sent next: a test, or else the one that is due first.
    pub async fn find_next_delivery(&self, webhook: WebhookId) -> Result<Option<Delivery>> {
        let waiting = row::Entity::find()
            .filter(row::Column::WebhookId.eq(webhook.to_string()))
            .filter(row::Column::State.eq(DeliveryState::Waiting.as_str()))
            .order_by_asc(row::Column::Next)
            .order_by_asc(row::Column::Id);
        let test = EventType::webhook_test();
        let test = waiting.clone().filter(row::Column::Event.eq(test.as_str())).one(self.db.reader());
        let found = match test.await.or_db_error()? {
            Some(test) => Some(test),
            None => waiting.one(self.db.reader()).await.or_db_error()?,
        };
        found.map(Delivery::try_from).transpose()
    }

    /// Finds the time at which the next delivery of a webhook is due, as seen within a transaction.
    pub async fn find_next_due_time(&self, tx: &Tx, webhook: WebhookId) -> Result<Option<Timestamp>> {
        let next = row::Entity::find()
            .filter(row::Column::WebhookId.eq(webhook.to_string()))
            .filter(row::Column::State.eq(DeliveryState::Waiting.as_str()))
            .order_by_asc(row::Column::Next)
            .one(&**tx)
            .await
            .or_db_error()?;
        Ok(next.map(|row| row.next.unwrap_or(row.created).into()))
    }

    /// Fails all waiting deliveries of a webhook that is off. Their bodies are deleted.
    pub async fn fail_waiting_deliveries(&self, tx: &Tx, webhook: WebhookId, reason: &str) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::State, Expr::value(DeliveryState::Failed.as_str()))
            .col_expr(row::Column::Next, Expr::value(None::<DbTimestamp>))
            .col_expr(row::Column::Reply, Expr::value(reason))
            .col_expr(row::Column::Body, Expr::value(""))
            .filter(row::Column::WebhookId.eq(webhook.to_string()))
            .filter(row::Column::State.eq(DeliveryState::Waiting.as_str()))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Counts the waiting deliveries of a webhook, of all event types or of one.
    pub async fn count_waiting_deliveries(
        &self,
        tx: &Tx,
        webhook: WebhookId,
        event: Option<&EventType>,
    ) -> Result<u64> {
        let query = row::Entity::find()
            .filter(row::Column::WebhookId.eq(webhook.to_string()))
            .filter(row::Column::State.eq(DeliveryState::Waiting.as_str()))
            .apply_if(event, |query, event| query.filter(row::Column::Event.eq(event.as_str())));
        query.count(&**tx).await.or_db_error()
    }

    /// True if a delivery of a webhook that was created after `after` has succeeded.
    pub async fn has_delivered_since(&self, tx: &Tx, webhook: WebhookId, after: Timestamp) -> Result<bool> {
        let query = row::Entity::find()
            .filter(row::Column::WebhookId.eq(webhook.to_string()))
            .filter(row::Column::State.eq(DeliveryState::Delivered.as_str()))
            .filter(row::Column::Created.gt(DbTimestamp::from(after)));
        Ok(query.count(&**tx).await.or_db_error()? > 0)
    }

    /// Lists the deliveries of a webhook, the newest first.
    pub async fn list_deliveries(
        &self,
        webhook: WebhookId,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Delivery>> {
        let mut query = row::Entity::find()
            .filter(row::Column::WebhookId.eq(webhook.to_string()))
            .order_by_desc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.lt(cursor.parse_key::<DeliveryId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let deliveries = rows.into_iter().map(Delivery::try_from).collect::<Result<_>>()?;
        Ok(Page::from_items(deliveries, limit, |delivery: &Delivery| delivery.id))
    }

    /// Deletes the deliveries of a webhook.
    pub async fn delete_deliveries(&self, tx: &Tx, webhook: WebhookId) -> Result<()> {
        let of_webhook = row::Entity::delete_many().filter(row::Column::WebhookId.eq(webhook.to_string()));
        of_webhook.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes ended deliveries: those created before `before`, and all but the newest `newest` of each
    /// webhook. One call deletes some thousands. Returns the number of deleted rows.
    pub async fn delete_old_deliveries(&self, tx: &Tx, before: Timestamp, newest: u32) -> Result<u64> {
        let done = OldRows {
            deletable: row::Column::State.ne(DeliveryState::Waiting.as_str()),
            group: row::Column::WebhookId,
            newest_by: vec![row::Column::Id],
            time: row::Column::Created,
        };
        delete_old_rows::<row::Entity>(tx, done, before, newest).await
    }
}
