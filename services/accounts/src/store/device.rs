//! Table of known devices: each has signed in as its user once.

use hearth_base::{Result, TokenId, UserId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::{AccountStore, columns::parse_column};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "device")]
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

/// A device to insert.
#[derive(Debug, Clone)]
pub struct NewDevice {
    pub id: TokenId,
    /// Hash of the secret.
    pub hash: String,
    pub user: UserId,
    pub created: Timestamp,
    pub expires: Timestamp,
}

impl AccountStore {
    /// Finds the device of a user with this secret's hash, if it is known at `now`.
    pub async fn find_device(&self, user: UserId, hash: &str, now: Timestamp) -> Result<Option<TokenId>> {
        let query = row::Entity::find()
            .filter(row::Column::Hash.eq(hash))
            .filter(row::Column::UserId.eq(user.to_string()))
            .filter(row::Column::Expires.gt(DbTimestamp::from(now)));
        let found = query.one(self.db.reader()).await.or_db_error()?;
        found.map(|row| parse_column("device.id", &row.id)).transpose()
    }

    /// Inserts a device.
    pub async fn insert_device(&self, tx: &Tx, device: &NewDevice) -> Result<()> {
        let NewDevice { id, hash, user, created, expires } = device;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            user_id: Set(user.to_string()),
            created: Set((*created).into()),
            expires: Set((*expires).into()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Sets the expiry of a device after a sign-in.
    pub async fn extend_device(&self, tx: &Tx, id: TokenId, expires: Timestamp) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::Expires, Expr::value(DbTimestamp::from(expires)))
            .filter(row::Column::Id.eq(id.to_string()))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes the devices of a user.
    pub async fn delete_user_devices(&self, tx: &Tx, user: UserId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::UserId.eq(user.to_string()));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes expired devices.
    pub async fn delete_expired_devices(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(DbTimestamp::from(now)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
