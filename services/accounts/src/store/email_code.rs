//! Table of codes that were mailed to new addresses: one for each user with an unconfirmed address.

use hearth_base::{EmailAddress, Error, Result, UserId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{LockType, OnConflict},
};

use super::{AccountStore, columns::parse_column};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "email_code")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: String,
        pub address: String,
        pub hash: String,
        pub expires: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A code that was mailed to a new address.
#[derive(Debug, Clone)]
pub struct EmailCode {
    pub address: EmailAddress,
    /// Hash of the code.
    pub hash: String,
    pub expires: Timestamp,
}

impl TryFrom<row::Model> for EmailCode {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { user_id: _, address, hash, expires } = row;
        Ok(Self { address: parse_column("email_code.address", &address)?, hash, expires: expires.into() })
    }
}

impl AccountStore {
    /// Finds the code of a user.
    pub async fn find_email_code(&self, user: UserId) -> Result<Option<EmailCode>> {
        let found = row::Entity::find_by_id(user.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(EmailCode::try_from).transpose()
    }

    /// Finds the code of a user and locks the row.
    pub async fn lock_email_code(&self, tx: &Tx, user: UserId) -> Result<Option<EmailCode>> {
        let query = row::Entity::find_by_id(user.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(EmailCode::try_from).transpose()
    }

    /// Inserts the code of a user, or replaces it.
    pub async fn save_email_code(&self, tx: &Tx, user: UserId, code: &EmailCode) -> Result<()> {
        let EmailCode { address, hash, expires } = code;
        let row = row::ActiveModel {
            user_id: Set(user.to_string()),
            address: Set(address.to_string()),
            hash: Set(hash.clone()),
            expires: Set((*expires).into()),
        };
        let update = OnConflict::column(row::Column::UserId)
            .update_columns([row::Column::Address, row::Column::Hash, row::Column::Expires])
            .to_owned();
        row::Entity::insert(row)
            .on_conflict(update)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes the code of a user.
    pub async fn delete_email_code(&self, tx: &Tx, user: UserId) -> Result<()> {
        row::Entity::delete_by_id(user.to_string()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes codes that expired before `before`; until then the pending address is shown.
    pub async fn delete_expired_email_codes(&self, tx: &Tx, before: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(DbTimestamp::from(before)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
