//! Table of recovery codes, which set a new password.

use hearth_base::{Error, Result, TokenId, UserId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::LockType};

use super::{AccountStore, columns::parse_column};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recovery_code")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub hash: String,
        pub user_id: String,
        pub created: DbTimestamp,
        pub expires: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// An unused recovery code.
#[derive(Debug, Clone)]
pub struct StoredRecoveryCode {
    pub id: TokenId,
    /// Hash of the code.
    pub hash: String,
    pub user: UserId,
    pub created: Timestamp,
    pub expires: Timestamp,
}

impl TryFrom<row::Model> for StoredRecoveryCode {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, hash, user_id, created, expires } = row;
        Ok(Self {
            id: parse_column("recovery_code.id", &id)?,
            hash,
            user: parse_column("recovery_code.user_id", &user_id)?,
            created: created.into(),
            expires: expires.into(),
        })
    }
}

impl AccountStore {
    /// Inserts a recovery code. It replaces earlier codes of the user.
    pub async fn replace_recovery_code(&self, tx: &Tx, code: &StoredRecoveryCode) -> Result<()> {
        let StoredRecoveryCode { id, hash, user, created, expires } = code;
        let former = row::Entity::delete_many().filter(row::Column::UserId.eq(user.to_string()));
        former.exec(&**tx).await.or_db_error()?;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            user_id: Set(user.to_string()),
            created: Set((*created).into()),
            expires: Set((*expires).into()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Returns true if a code with this hash is valid at `now`.
    pub async fn is_valid_recovery_code(&self, hash: &str, now: Timestamp) -> Result<bool> {
        let query = row::Entity::find()
            .filter(row::Column::Hash.eq(hash))
            .filter(row::Column::Expires.gt(DbTimestamp::from(now)));
        Ok(query.one(self.db.reader()).await.or_db_error()?.is_some())
    }

    /// Deletes and returns the code with this hash, so that it is used once.
    pub async fn take_recovery_code(&self, tx: &Tx, hash: &str) -> Result<Option<StoredRecoveryCode>> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash)).lock(LockType::Update);
        let Some(row) = query.one(&**tx).await.or_db_error()? else { return Ok(None) };
        row::Entity::delete_by_id(row.id.clone()).exec(&**tx).await.or_db_error()?;
        StoredRecoveryCode::try_from(row).map(Some)
    }

    /// Deletes expired recovery codes.
    pub async fn delete_expired_recovery_codes(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(DbTimestamp::from(now)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
