//! Codes by which people come in.

use hearth_base::{Cursor, Error, Limit, Page, Result, TokenId, UserId};
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::LockType,
};

use super::{
    Store,
    columns::{read, read_some, write_some},
};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "invitation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub hash: String,
        pub operator: bool,
        /// Made by Hearth itself for its first operator, and made anew at each start until it is used.
        pub first: bool,
        pub maker: Option<String>,
        pub note: String,
        pub created: At,
        pub expires: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A code that waits to be used.
#[derive(Debug, Clone)]
pub struct Invitation {
    pub id: TokenId,
    /// Of its code.
    pub hash: String,
    pub operator: bool,
    pub first: bool,
    /// The operator who made it.
    pub maker: Option<UserId>,
    pub note: String,
    pub created: Timestamp,
    pub expires: Timestamp,
}

impl TryFrom<row::Model> for Invitation {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, hash, operator, first, maker, note, created, expires } = row;
        let id = read("invitation.id", &id)?;
        let maker = read_some("invitation.maker", maker.as_deref())?;
        Ok(Self { id, hash, operator, first, maker, note, created: created.into(), expires: expires.into() })
    }
}

impl Store {
    /// Adds an invitation.
    pub async fn invitation_add(&self, tx: &Tx, invitation: &Invitation) -> Result<()> {
        let Invitation { id, hash, operator, first, maker, note, created, expires } = invitation;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            operator: Set(*operator),
            first: Set(*first),
            maker: Set(write_some(maker.as_ref())),
            note: Set(note.clone()),
            created: Set((*created).into()),
            expires: Set((*expires).into()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Takes the invitation with this code's hash out of the table: it is good once.
    pub async fn invitation_take(&self, tx: &Tx, hash: &str) -> Result<Option<Invitation>> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash)).lock(LockType::Update);
        let Some(row) = query.one(&**tx).await.or_fault()? else { return Ok(None) };
        row::Entity::delete_by_id(row.id.clone()).exec(&**tx).await.or_fault()?;
        Invitation::try_from(row).map(Some)
    }

    /// Withdraws an invitation. What it was, if it was there.
    pub async fn invitation_withdraw(&self, tx: &Tx, id: TokenId) -> Result<Option<Invitation>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        let found = query.one(&**tx).await.or_fault()?;
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_fault()?;
        found.map(Invitation::try_from).transpose()
    }

    /// Whether a code of this hash is good at `now`.
    pub async fn invitation_is_good(&self, hash: &str, now: Timestamp) -> Result<bool> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash));
        let good =
            query.filter(row::Column::Expires.gt(At::from(now))).one(self.db.reader()).await.or_fault()?;
        Ok(good.is_some())
    }

    /// Withdraws what somebody made while they were an operator.
    pub async fn invitation_withdraw_of(&self, tx: &Tx, maker: UserId) -> Result<()> {
        let theirs = row::Entity::delete_many().filter(row::Column::Maker.eq(maker.to_string()));
        theirs.exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Forgets the codes that Hearth made for its first operator.
    pub async fn invitation_forget_first(&self, tx: &Tx) -> Result<()> {
        let first = row::Entity::delete_many().filter(row::Column::First.eq(true));
        first.exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Invitations that wait, oldest first.
    pub async fn invitation_list(&self, limit: Limit, cursor: Option<&Cursor>) -> Result<Page<Invitation>> {
        let mut query = row::Entity::find().order_by_asc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.gt(cursor.key::<TokenId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let invitations = rows.into_iter().map(Invitation::try_from).collect::<Result<_>>()?;
        Ok(Page::cut(invitations, limit, |invitation: &Invitation| invitation.id))
    }

    /// Forgets invitations that have run out.
    pub async fn invitation_sweep(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(At::from(now)));
        old.exec(&**tx).await.or_fault().map(|_| ())
    }
}
