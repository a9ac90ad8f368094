//! The table of webhooks. It stores only sealed secrets.

use hearth_base::{Error, Page, PageCursor, PageLimit, Result, ToolId, WebhookId};
use hearth_kit::{
    db::{OrDbError, Tx},
    vault::EncryptedValue,
};
use hearth_wire::notify::EventType;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockType, OnConflict},
};

use super::{
    NotifyStore,
    columns::{parse_column, parse_json, to_json},
};

/// The number of secrets that one transaction seals again.
const RESEAL_BATCH_SIZE: u64 = 200;

pub mod row {
    use hearth_kit::db::DbTimestamp;
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
        pub sealed_secret: String,
        pub created: DbTimestamp,
        /// User or tool token whose right it depends on; absent for a webhook of release 0.1.0.
        pub owner: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// An address that receives events of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub tool: ToolId,
    pub url: String,
    /// The subscribed event types; empty: all.
    pub events: Vec<EventType>,
    pub enabled: bool,
    /// The reason if Hearth disabled the webhook.
    pub reason: Option<String>,
    /// The secret that signs payloads.
    pub secret: EncryptedValue,
    pub created: Timestamp,
    /// Id of the user or tool token whose right it depends on; absent for a webhook of release 0.1.0.
    pub owner: Option<String>,
}

/// Formats the context that the seal of a webhook's secret is bound to.
pub fn format_secret_context(tool: ToolId, id: WebhookId) -> String {
    format!("{tool}/{id}")
}

impl Webhook {
    /// Returns the context that the seal of its secret is bound to.
    pub fn secret_context(&self) -> String {
        format_secret_context(self.tool, self.id)
    }

    /// True if it is enabled and receives events of this type.
    pub fn is_subscribed_to(&self, event: &EventType) -> bool {
        self.enabled && (self.events.is_empty() || self.events.contains(event))
    }
}

impl TryFrom<row::Model> for Webhook {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, tool_id, url, events, enabled, reason, key_id, sealed_secret, created, owner } =
            row;
        Ok(Self {
            id: parse_column("webhook.id", &id)?,
            tool: parse_column("webhook.tool_id", &tool_id)?,
            url,
            events: parse_json("webhook.events", events)?,
            enabled,
            reason,
            secret: EncryptedValue { key_id, token: sealed_secret },
            created: created.into(),
            owner,
        })
    }
}

impl NotifyStore {
    /// Inserts or updates a webhook.
    pub async fn save_webhook(&self, tx: &Tx, webhook: &Webhook) -> Result<()> {
        let Webhook { id, tool, url, events, enabled, reason, secret, created, owner } = webhook;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            tool_id: Set(tool.to_string()),
            url: Set(url.clone()),
            events: Set(to_json(events)?),
            enabled: Set(*enabled),
            reason: Set(reason.clone()),
            key_id: Set(secret.key_id.clone()),
            sealed_secret: Set(secret.token.clone()),
            created: Set((*created).into()),
            owner: Set(owner.clone()),
        };
        let on_conflict = OnConflict::column(row::Column::Id)
            .update_columns([
                row::Column::Url,
                row::Column::Events,
                row::Column::Enabled,
                row::Column::Reason,
                row::Column::KeyId,
                row::Column::SealedSecret,
                row::Column::Owner,
            ])
            .to_owned();
        row::Entity::insert(row)
            .on_conflict(on_conflict)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Finds a webhook of a tool.
    pub async fn find_webhook(&self, tool: ToolId, id: WebhookId) -> Result<Option<Webhook>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        Ok(found.map(Webhook::try_from).transpose()?.filter(|webhook| webhook.tool == tool))
    }

    /// Finds a webhook of any tool.
    pub async fn find_webhook_by_id(&self, id: WebhookId) -> Result<Option<Webhook>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(Webhook::try_from).transpose()
    }

    /// Locks a webhook of a tool until the transaction ends.
    pub async fn lock_webhook(&self, tx: &Tx, tool: ToolId, id: WebhookId) -> Result<Option<Webhook>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        let found = query.one(&**tx).await.or_db_error()?;
        Ok(found.map(Webhook::try_from).transpose()?.filter(|webhook| webhook.tool == tool))
    }

    /// Lists all webhooks of a tool within a transaction. The quota limits their number.
    pub async fn list_webhooks_in_tx(&self, tx: &Tx, tool: ToolId) -> Result<Vec<Webhook>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        query.all(&**tx).await.or_db_error()?.into_iter().map(Webhook::try_from).collect()
    }

    /// Counts the webhooks of a tool that the transaction has locked.
    pub async fn count_webhooks(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        query.count(&**tx).await.or_db_error()
    }

    /// Lists a tool's webhooks, the oldest first.
    pub async fn list_webhooks(
        &self,
        tool: ToolId,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Webhook>> {
        let mut query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_asc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.gt(cursor.parse_key::<WebhookId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let webhooks = rows.into_iter().map(Webhook::try_from).collect::<Result<_>>()?;
        Ok(Page::from_items(webhooks, limit, |webhook: &Webhook| webhook.id))
    }

    /// Deletes a webhook.
    pub async fn delete_webhook(&self, tx: &Tx, id: WebhookId) -> Result<()> {
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Lists the ids of the keys that sealed the stored secrets.
    pub async fn list_key_ids(&self) -> Result<Vec<String>> {
        let query = row::Entity::find().select_only().column(row::Column::KeyId).distinct();
        query.into_tuple().all(self.db.reader()).await.or_db_error()
    }

    /// Lists up to [`RESEAL_BATCH_SIZE`] webhooks whose secrets were sealed with another key.
    pub async fn list_webhooks_sealed_with_other_keys(tx: &Tx, key: &str) -> Result<Vec<Webhook>> {
        let query = row::Entity::find().filter(row::Column::KeyId.ne(key)).limit(RESEAL_BATCH_SIZE);
        query.all(&**tx).await.or_db_error()?.into_iter().map(Webhook::try_from).collect()
    }
}
