//! The table of deliveries of forges.

use hearth_base::{Error, Page, PageCursor, PageLimit, Result, ToolId};
use hearth_kit::db::{
    DbTimestamp, OldRows, OrDbError, Tx,
    columns::{parse_column, parse_enum, parse_optional_column},
    delete_old_rows,
};
use hearth_wire::components::{DeploymentId, ForgeDeliveryId, ForgeDeliveryOutcome, RepositoryLinkId};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, LockType},
};

use super::ComponentsStore;

/// The maximum number of waiting deliveries that are read at one time: a push that is newer supersedes the others.
const MAX_WAITING: u64 = 1000;

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "forge_delivery")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub link_id: String,
        /// `id:` and the forge's id of the delivery; `refused:` and the day for those without a valid signature. Unique for
        /// the link: a repeated delivery is recognized.
        pub delivery_key: String,
        pub event: String,
        pub pushed_ref: String,
        pub pushed_commit: String,
        pub received_at: DbTimestamp,
        pub outcome: String,
        #[sea_orm(column_type = "Text")]
        pub reason: String,
        pub deployment_id: Option<String>,
        /// The number of deliveries without a valid signature on the day; 1 for others.
        pub delivery_count: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A received delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    pub id: ForgeDeliveryId,
    pub tool: ToolId,
    pub link: RepositoryLinkId,
    pub key: DeliveryKey,
    pub event: String,
    /// The pushed ref; empty if nothing was pushed.
    pub reference: String,
    /// The commit that the forge named; may be empty.
    pub commit: String,
    pub received_at: Timestamp,
    pub outcome: ForgeDeliveryOutcome,
    pub reason: String,
    pub deployment: Option<DeploymentId>,
    pub count: u32,
}

/// The identity of a delivery within its link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryKey {
    /// The id that the forge gave it, from a request with a valid signature.
    ForgeId(String),
    /// All deliveries without a valid signature of one day, as in `2026-05-04`.
    RefusedOn(String),
}

impl DeliveryKey {
    const FORGE_ID_PREFIX: &str = "id:";
    const REFUSED_PREFIX: &str = "refused:";

    fn to_column(&self) -> String {
        match self {
            Self::ForgeId(id) => format!("{}{id}", Self::FORGE_ID_PREFIX),
            Self::RefusedOn(day) => format!("{}{day}", Self::REFUSED_PREFIX),
        }
    }

    fn from_column(column: &str) -> Self {
        match column.strip_prefix(Self::REFUSED_PREFIX) {
            Some(day) => Self::RefusedOn(day.to_owned()),
            None => Self::ForgeId(column.strip_prefix(Self::FORGE_ID_PREFIX).unwrap_or(column).to_owned()),
        }
    }
}

impl TryFrom<row::Model> for StoredDelivery {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        Ok(Self {
            id: parse_column("forge_delivery.id", &row.id)?,
            tool: parse_column("forge_delivery.tool_id", &row.tool_id)?,
            link: parse_column("forge_delivery.link_id", &row.link_id)?,
            key: DeliveryKey::from_column(&row.delivery_key),
            event: row.event,
            reference: row.pushed_ref,
            commit: row.pushed_commit,
            received_at: row.received_at.into(),
            outcome: parse_enum("forge_delivery.outcome", row.outcome)?,
            reason: row.reason,
            deployment: parse_optional_column("forge_delivery.deployment_id", row.deployment_id.as_deref())?,
            count: u32::try_from(row.delivery_count).unwrap_or(0),
        })
    }
}

/// Code of the conflict with a delivery that was received before.
pub const DELIVERY_REPEATED_CODE: &str = "delivery-repeated";

impl ComponentsStore {
    /// Inserts a delivery. Error `delivery-repeated` (conflict) if the link has one with this key.
    pub async fn insert_delivery(&self, tx: &Tx, delivery: &StoredDelivery) -> Result<()> {
        let row = row::ActiveModel {
            id: Set(delivery.id.to_string()),
            tool_id: Set(delivery.tool.to_string()),
            link_id: Set(delivery.link.to_string()),
            delivery_key: Set(delivery.key.to_column()),
            event: Set(delivery.event.clone()),
            pushed_ref: Set(delivery.reference.clone()),
            pushed_commit: Set(delivery.commit.clone()),
            received_at: Set(delivery.received_at.into()),
            outcome: Set(delivery.outcome.as_str().to_owned()),
            reason: Set(delivery.reason.clone()),
            deployment_id: Set(delivery.deployment.map(|id| id.to_string())),
            delivery_count: Set(i32::try_from(delivery.count).unwrap_or(i32::MAX)),
        };
        let repeated = || Error::conflict(DELIVERY_REPEATED_CODE, "the delivery was received before");
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_unique_violation(repeated).map(|_| ())
    }

    /// Finds the delivery of a link with this key.
    pub async fn find_delivery(
        &self,
        tx: &Tx,
        link: RepositoryLinkId,
        key: &DeliveryKey,
    ) -> Result<Option<StoredDelivery>> {
        let query = row::Entity::find()
            .filter(row::Column::LinkId.eq(link.to_string()))
            .filter(row::Column::DeliveryKey.eq(key.to_column()));
        query.one(&**tx).await.or_db_error()?.map(StoredDelivery::try_from).transpose()
    }

    /// Counts one more delivery on a row of counted ones.
    pub async fn count_refused_delivery(&self, tx: &Tx, id: ForgeDeliveryId, reason: &str) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::DeliveryCount, Expr::col(row::Column::DeliveryCount).add(1))
            .col_expr(row::Column::Reason, Expr::value(reason))
            .filter(row::Column::Id.eq(id.to_string()))
            .filter(row::Column::DeliveryCount.lt(i32::MAX))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Locks the waiting deliveries of pushes to a ref, the newest first, until the transaction ends.
    pub async fn lock_waiting_deliveries(
        &self,
        tx: &Tx,
        link: RepositoryLinkId,
        reference: &str,
    ) -> Result<Vec<StoredDelivery>> {
        let query = row::Entity::find()
            .filter(row::Column::LinkId.eq(link.to_string()))
            .filter(row::Column::PushedRef.eq(reference))
            .filter(row::Column::Outcome.eq(ForgeDeliveryOutcome::Waiting.as_str()))
            .order_by_desc(row::Column::Id)
            .limit(MAX_WAITING)
            .lock(LockType::Update);
        query.all(&**tx).await.or_db_error()?.into_iter().map(StoredDelivery::try_from).collect()
    }

    /// Finds the newest deployment that pushes to a ref have started.
    pub async fn find_newest_push_deployment(
        &self,
        tx: &Tx,
        link: RepositoryLinkId,
        reference: &str,
    ) -> Result<Option<DeploymentId>> {
        let query = row::Entity::find()
            .filter(row::Column::LinkId.eq(link.to_string()))
            .filter(row::Column::PushedRef.eq(reference))
            .filter(row::Column::DeploymentId.is_not_null())
            .order_by_desc(row::Column::Id);
        let newest = query.one(&**tx).await.or_db_error()?.map(StoredDelivery::try_from).transpose()?;
        Ok(newest.and_then(|delivery| delivery.deployment))
    }

    /// Finds a delivery by its own id.
    pub async fn find_delivery_by_id(&self, id: ForgeDeliveryId) -> Result<Option<StoredDelivery>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(StoredDelivery::try_from).transpose()
    }

    /// Finds the newest delivery of a deployment.
    pub async fn find_delivery_of_deployment(&self, id: DeploymentId) -> Result<Option<StoredDelivery>> {
        let query = row::Entity::find()
            .filter(row::Column::DeploymentId.eq(id.to_string()))
            .order_by_desc(row::Column::Id);
        query.one(self.db.reader()).await.or_db_error()?.map(StoredDelivery::try_from).transpose()
    }

    /// Ends waiting deliveries.
    pub async fn end_deliveries(
        &self,
        tx: &Tx,
        ids: &[ForgeDeliveryId],
        outcome: ForgeDeliveryOutcome,
        reason: &str,
        deployment: Option<DeploymentId>,
    ) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        row::Entity::update_many()
            .col_expr(row::Column::Outcome, Expr::value(outcome.as_str()))
            .col_expr(row::Column::Reason, Expr::value(reason))
            .col_expr(row::Column::DeploymentId, Expr::value(deployment.map(|id| id.to_string())))
            .filter(row::Column::Id.is_in(ids.iter().map(ToString::to_string)))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Lists the deliveries of a link, the newest first.
    pub async fn list_deliveries(
        &self,
        link: RepositoryLinkId,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<StoredDelivery>> {
        let mut query = row::Entity::find()
            .filter(row::Column::LinkId.eq(link.to_string()))
            .order_by_desc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.lt(cursor.parse_key::<ForgeDeliveryId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let items = rows.into_iter().map(StoredDelivery::try_from).collect::<Result<_>>()?;
        Ok(Page::from_items(items, limit, |delivery: &StoredDelivery| delivery.id))
    }

    /// Deletes the deliveries of a link.
    pub async fn delete_link_deliveries(&self, tx: &Tx, link: RepositoryLinkId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::LinkId.eq(link.to_string()));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes the deliveries of a tool.
    pub async fn delete_tool_deliveries(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes ended deliveries with a valid signature: those received before `before`, and all but the newest `newest`
    /// of each link. Those without a valid signature neither count nor displace them: there is one row of them for each
    /// day. Returns the number of deleted rows; call it again until that is 0.
    pub async fn delete_old_deliveries(&self, tx: &Tx, before: Timestamp, newest: u32) -> Result<u64> {
        let of_refused = format!("{}%", DeliveryKey::REFUSED_PREFIX);
        let old_refused = row::Entity::delete_many()
            .filter(row::Column::DeliveryKey.like(of_refused.clone()))
            .filter(row::Column::ReceivedAt.lt(DbTimestamp::from(before)));
        old_refused.exec(&**tx).await.or_db_error()?;
        let ended = row::Column::Outcome
            .ne(ForgeDeliveryOutcome::Waiting.as_str())
            .and(row::Column::DeliveryKey.not_like(of_refused));
        let old = OldRows {
            deletable: ended,
            group: row::Column::LinkId,
            newest_by: vec![row::Column::Id],
            time: row::Column::ReceivedAt,
        };
        delete_old_rows::<row::Entity>(tx, old, before, newest).await
    }
}
