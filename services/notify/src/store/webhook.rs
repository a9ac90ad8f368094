//! Webhooks. Their secrets come closed and go closed.

use hearth_base::{Cursor, Error, Limit, Page, Result, ToolId, WebhookId};
use hearth_kit::{
    db::{OrFault, Tx},
    vault::Closed,
};
use hearth_wire::notify::EventType;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockType, OnConflict},
};

use super::{
    Store,
    columns::{read, read_json, write_json},
};

/// How many secrets are closed anew in one change.
const AT_ONCE: u64 = 200;

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        #[sea_orm(column_type = "Text")]
        pub url: String,
        pub events: Json,
        pub enabled: bool,
        pub reason: Option<String>,
        pub key_id: String,
        #[sea_orm(column_type = "Text")]
        pub closed: String,
        pub created: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// An address that is told of a tool's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub tool: ToolId,
    pub url: String,
    /// What it is told of; empty: everything.
    pub events: Vec<EventType>,
    pub enabled: bool,
    /// Why it is not enabled, when Hearth decided that.
    pub reason: Option<String>,
    /// What payloads are signed with.
    pub secret: Closed,
    pub created: Timestamp,
}

/// Where a webhook's secret is, for what closes it.
pub fn place(tool: ToolId, id: WebhookId) -> String {
    format!("{tool}/{id}")
}

impl Webhook {
    /// Where its secret is, for what closes it.
    pub fn place(&self) -> String {
        place(self.tool, self.id)
    }

    /// Whether it is told of such an event.
    pub fn wants(&self, event: &EventType) -> bool {
        self.enabled && (self.events.is_empty() || self.events.contains(event))
    }
}

impl TryFrom<row::Model> for Webhook {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, tool_id, url, events, enabled, reason, key_id, closed, created } = row;
        Ok(Self {
            id: read("webhook.id", &id)?,
            tool: read("webhook.tool_id", &tool_id)?,
            url,
            events: read_json("webhook.events", events)?,
            enabled,
            reason,
            secret: Closed { key: key_id, token: closed },
            created: created.into(),
        })
    }
}

impl Store {
    /// Keeps a webhook, new or changed.
    pub async fn webhook_put(&self, tx: &Tx, webhook: &Webhook) -> Result<()> {
        let Webhook { id, tool, url, events, enabled, reason, secret, created } = webhook;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            tool_id: Set(tool.to_string()),
            url: Set(url.clone()),
            events: Set(write_json(events)?),
            enabled: Set(*enabled),
            reason: Set(reason.clone()),
            key_id: Set(secret.key.clone()),
            closed: Set(secret.token.clone()),
            created: Set((*created).into()),
        };
        let known = OnConflict::column(row::Column::Id)
            .update_columns([
                row::Column::Url,
                row::Column::Events,
                row::Column::Enabled,
                row::Column::Reason,
                row::Column::KeyId,
                row::Column::Closed,
            ])
            .to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// A webhook of a tool.
    pub async fn webhook(&self, tool: ToolId, id: WebhookId) -> Result<Option<Webhook>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_fault()?;
        Ok(found.map(Webhook::try_from).transpose()?.filter(|webhook| webhook.tool == tool))
    }

    /// The same, to be changed: others wait until this change is through.
    pub async fn webhook_locked(&self, tx: &Tx, tool: ToolId, id: WebhookId) -> Result<Option<Webhook>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        let found = query.one(&**tx).await.or_fault()?;
        Ok(found.map(Webhook::try_from).transpose()?.filter(|webhook| webhook.tool == tool))
    }

    /// All webhooks of a tool, as a change sees them. Their quota keeps them few.
    pub async fn webhooks_in(&self, tx: &Tx, tool: ToolId) -> Result<Vec<Webhook>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        query.all(&**tx).await.or_fault()?.into_iter().map(Webhook::try_from).collect()
    }

    /// How many a tool has, under the tool's lock.
    pub async fn webhook_count(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        query.count(&**tx).await.or_fault()
    }

    /// A tool's webhooks, the oldest first.
    pub async fn webhooks(
        &self,
        tool: ToolId,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<Webhook>> {
        let mut query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_asc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.gt(cursor.key::<WebhookId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let webhooks = rows.into_iter().map(Webhook::try_from).collect::<Result<_>>()?;
        Ok(Page::cut(webhooks, limit, |webhook: &Webhook| webhook.id))
    }

    /// Deletes a webhook.
    pub async fn webhook_delete(&self, tx: &Tx, id: WebhookId) -> Result<()> {
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// The ids of the keys that closed what is kept.
    pub async fn keys(&self) -> Result<Vec<String>> {
        let query = row::Entity::find().select_only().column(row::Column::KeyId).distinct();
        query.into_tuple().all(self.db.reader()).await.or_fault()
    }

    /// Some webhooks whose secrets another key than this closed, to be changed.
    pub async fn closed_otherwise(tx: &Tx, key: &str) -> Result<Vec<Webhook>> {
        let query = row::Entity::find().filter(row::Column::KeyId.ne(key)).limit(AT_ONCE);
        query.all(&**tx).await.or_fault()?.into_iter().map(Webhook::try_from).collect()
    }
}
