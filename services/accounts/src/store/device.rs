//! Table of known devices: each has signed in as its user once.

use hearth_base::{Error, Result, TokenId, UserId};
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

/// A device that has signed in as a user.
#[derive(Debug, Clone)]
pub struct Device {
    pub id: TokenId,
    /// Hash of the secret.
    pub hash: String,
    pub user: UserId,
    pub created: Timestamp,
    pub expires: Timestamp,
}

impl TryFrom<row::Model> for Device {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, hash, user_id, created, expires } = row;
        Ok(Self {
            id: parse_column("device.id", &id)?,
            hash,
            user: parse_column("device.user_id", &user_id)?,
            created: created.into(),
            expires: expires.into(),
        })
    }
}

impl AccountStore {
    /// Finds the device with this secret's hash.
    pub async fn find_device(&self, hash: &str) -> Result<Option<Device>> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash));
        query.one(self.db.reader()).await.or_db_error()?.map(Device::try_from).transpose()
    }

    /// Inserts a device.
    pub async fn insert_device(&self, tx: &Tx, device: &Device) -> Result<()> {
        let Device { id, hash, user, created, expires } = device;
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
