//! Table of offered memberships, which the offered users accept or decline.

use hearth_base::{Error, Page, PageCursor, PageLimit, Result, ToolId, ToolName, ToolRole, UserId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockType, OnConflict},
};

use super::{
    AccountStore, Member,
    columns::{parse_column, parse_optional_column, to_optional_text},
    tool, user,
};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "member_offer")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: String,
        pub role: String,
        /// User who made the offer.
        pub offered_by: Option<String>,
        pub offered: DbTimestamp,
        pub expires: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::super::user::row::Entity",
            from = "Column::UserId",
            to = "super::super::user::row::Column::Id"
        )]
        User,
        #[sea_orm(
            belongs_to = "super::super::tool::row::Entity",
            from = "Column::ToolId",
            to = "super::super::tool::row::Column::Id"
        )]
        Tool,
    }

    impl Related<super::super::user::row::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::User.def()
        }
    }

    impl Related<super::super::tool::row::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Tool.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The offer of a role on a tool to a user.
#[derive(Debug, Clone)]
pub struct MemberOffer {
    pub tool: ToolId,
    pub user: UserId,
    pub role: ToolRole,
    /// User who made the offer.
    pub offered_by: Option<UserId>,
    pub offered: Timestamp,
    pub expires: Timestamp,
}

impl TryFrom<row::Model> for MemberOffer {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { tool_id, user_id, role, offered_by, offered, expires } = row;
        Ok(Self {
            tool: parse_column("member_offer.tool_id", &tool_id)?,
            user: parse_column("member_offer.user_id", &user_id)?,
            role: parse_column("member_offer.role", &role)?,
            offered_by: parse_optional_column("member_offer.offered_by", offered_by.as_deref())?,
            offered: offered.into(),
            expires: expires.into(),
        })
    }
}

impl AccountStore {
    /// Inserts an offer, or replaces an earlier one of the same user.
    pub async fn save_member_offer(&self, tx: &Tx, offer: &MemberOffer) -> Result<()> {
        let MemberOffer { tool, user, role, offered_by, offered, expires } = offer;
        let row = row::ActiveModel {
            tool_id: Set(tool.to_string()),
            user_id: Set(user.to_string()),
            role: Set(role.to_string()),
            offered_by: Set(to_optional_text(offered_by.as_ref())),
            offered: Set((*offered).into()),
            expires: Set((*expires).into()),
        };
        let update = OnConflict::columns([row::Column::ToolId, row::Column::UserId])
            .update_columns([
                row::Column::Role,
                row::Column::OfferedBy,
                row::Column::Offered,
                row::Column::Expires,
            ])
            .to_owned();
        row::Entity::insert(row)
            .on_conflict(update)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes and returns the offer of a tool to a user.
    pub async fn take_member_offer(
        &self,
        tx: &Tx,
        tool: ToolId,
        user: UserId,
    ) -> Result<Option<MemberOffer>> {
        let key = (tool.to_string(), user.to_string());
        let query = row::Entity::find_by_id(key.clone()).lock(LockType::Update);
        let found = query.one(&**tx).await.or_db_error()?;
        row::Entity::delete_by_id(key).exec(&**tx).await.or_db_error()?;
        found.map(MemberOffer::try_from).transpose()
    }

    /// Counts the offers of a tool, as seen within the transaction.
    pub async fn count_member_offers(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        query.count(&**tx).await.or_db_error()
    }

    /// Deletes the offers of a tool: those that one user made, or all.
    pub async fn delete_member_offers(
        &self,
        tx: &Tx,
        tool: ToolId,
        offered_by: Option<UserId>,
    ) -> Result<()> {
        let mut query = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        if let Some(user) = offered_by {
            query = query.filter(row::Column::OfferedBy.eq(user.to_string()));
        }
        query.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Lists the offers of a tool that are valid at `now`, by the names of the users.
    pub async fn list_tool_offers(
        &self,
        tool: ToolId,
        now: Timestamp,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Member>> {
        let query = row::Entity::find()
            .find_also_related(user::row::Entity)
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Expires.gt(DbTimestamp::from(now)));
        let convert = |offer: row::Model, user, _| {
            let MemberOffer { role, offered, .. } = MemberOffer::try_from(offer)?;
            Ok(Member { user, role, since: offered, is_offer: true })
        };
        user::read_page_by_user(self.db.reader(), query, (limit, cursor), convert).await
    }

    /// Lists the offers to a user that are valid at `now`, with the names of the tools, by name.
    pub async fn list_user_offers(
        &self,
        user: UserId,
        now: Timestamp,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<(ToolName, MemberOffer)>> {
        let mut query = row::Entity::find()
            .find_also_related(tool::row::Entity)
            .filter(row::Column::UserId.eq(user.to_string()))
            .filter(row::Column::Expires.gt(DbTimestamp::from(now)))
            .filter(tool::row::Column::ReservedName.is_not_null())
            .filter(tool::row::Column::Deleting.eq(false))
            .order_by_asc(tool::row::Column::ReservedName);
        if let Some(cursor) = cursor {
            query =
                query.filter(tool::row::Column::ReservedName.gt(cursor.parse_key::<ToolName>()?.as_str()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let offers = rows.into_iter().filter_map(|(offer, tool)| tool.map(|tool| (offer, tool)));
        let named = offers
            .map(|(offer, tool)| Ok((parse_column("tool.name", &tool.name)?, MemberOffer::try_from(offer)?)));
        Ok(Page::from_items(named.collect::<Result<_>>()?, limit, |(name, _): &(ToolName, MemberOffer)| {
            name.clone()
        }))
    }

    /// Deletes expired offers.
    pub async fn delete_expired_offers(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(DbTimestamp::from(now)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
