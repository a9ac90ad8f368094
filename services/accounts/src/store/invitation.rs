//! Table of invitations.

use hearth_base::{Error, Page, PageCursor, PageLimit, Result, TokenId, UserId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::LockType,
};

use super::{
    AccountStore,
    columns::{parse_column, parse_optional_column, to_optional_text},
};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "invitation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub hash: String,
        pub operator: bool,
        /// True for the setup code, which Hearth creates for its first operator at each start until it is
        /// used.
        pub is_setup: bool,
        pub maker: Option<String>,
        pub note: String,
        pub created: DbTimestamp,
        pub expires: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// An unused invitation.
#[derive(Debug, Clone)]
pub struct Invitation {
    pub id: TokenId,
    /// Hash of the code.
    pub hash: String,
    pub operator: bool,
    pub is_setup: bool,
    /// Operator who created it.
    pub maker: Option<UserId>,
    pub note: String,
    pub created: Timestamp,
    pub expires: Timestamp,
}

impl TryFrom<row::Model> for Invitation {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, hash, operator, is_setup, maker, note, created, expires } = row;
        let id = parse_column("invitation.id", &id)?;
        let maker = parse_optional_column("invitation.maker", maker.as_deref())?;
        Ok(Self {
            id,
            hash,
            operator,
            is_setup,
            maker,
            note,
            created: created.into(),
            expires: expires.into(),
        })
    }
}

impl AccountStore {
    /// Inserts an invitation.
    pub async fn insert_invitation(&self, tx: &Tx, invitation: &Invitation) -> Result<()> {
        let Invitation { id, hash, operator, is_setup, maker, note, created, expires } = invitation;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            operator: Set(*operator),
            is_setup: Set(*is_setup),
            maker: Set(to_optional_text(maker.as_ref())),
            note: Set(note.clone()),
            created: Set((*created).into()),
            expires: Set((*expires).into()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes and returns the invitation with this code's hash, so that a code is used once.
    pub async fn take_invitation(&self, tx: &Tx, hash: &str) -> Result<Option<Invitation>> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash)).lock(LockType::Update);
        let Some(row) = query.one(&**tx).await.or_db_error()? else { return Ok(None) };
        row::Entity::delete_by_id(row.id.clone()).exec(&**tx).await.or_db_error()?;
        Invitation::try_from(row).map(Some)
    }

    /// Deletes an invitation. Returns it if it existed.
    pub async fn delete_invitation(&self, tx: &Tx, id: TokenId) -> Result<Option<Invitation>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        let found = query.one(&**tx).await.or_db_error()?;
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_db_error()?;
        found.map(Invitation::try_from).transpose()
    }

    /// Returns true if a code with this hash is valid at `now`.
    pub async fn is_valid_invitation(&self, hash: &str, now: Timestamp) -> Result<bool> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash));
        let found = query
            .filter(row::Column::Expires.gt(DbTimestamp::from(now)))
            .one(self.db.reader())
            .await
            .or_db_error()?;
        Ok(found.is_some())
    }

    /// Deletes the invitations that an operator created.
    pub async fn delete_invitations_by_maker(&self, tx: &Tx, maker: UserId) -> Result<()> {
        let created_by_maker = row::Entity::delete_many().filter(row::Column::Maker.eq(maker.to_string()));
        created_by_maker.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes the setup codes.
    pub async fn delete_setup_invitations(&self, tx: &Tx) -> Result<()> {
        let setup_codes = row::Entity::delete_many().filter(row::Column::IsSetup.eq(true));
        setup_codes.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Lists invitations, oldest first.
    pub async fn list_invitations(
        &self,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Invitation>> {
        let mut query = row::Entity::find().order_by_asc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.gt(cursor.parse_key::<TokenId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let invitations = rows.into_iter().map(Invitation::try_from).collect::<Result<_>>()?;
        Ok(Page::from_items(invitations, limit, |invitation: &Invitation| invitation.id))
    }

    /// Deletes expired invitations.
    pub async fn delete_expired_invitations(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(DbTimestamp::from(now)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
