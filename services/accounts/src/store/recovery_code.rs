//! Table of recovery codes, which set a new password.

use hearth_base::{Result, TokenId, UserId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

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
        /// Name of a [`RecoveryOrigin`](super::RecoveryOrigin); absent in codes from before origins were recorded.
        pub origin: Option<String>,
        pub created: DbTimestamp,
        pub expires: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Origin of a recovery code. Codes of different origins do not replace each other: anybody may request a mail, and
/// must not displace a code of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryOrigin {
    /// An operator of this Hearth, or of the machine.
    Operator,
    /// A mail to the confirmed address of the user.
    Mail,
}

impl RecoveryOrigin {
    /// Name in the table.
    fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Mail => "mail",
        }
    }
}

/// A recovery code to insert.
#[derive(Debug, Clone)]
pub struct NewRecoveryCode {
    pub id: TokenId,
    /// Hash of the code.
    pub hash: String,
    pub user: UserId,
    pub origin: RecoveryOrigin,
    pub created: Timestamp,
    pub expires: Timestamp,
}

impl AccountStore {
    /// Inserts a recovery code. It replaces earlier codes of the user from the same origin.
    pub async fn replace_recovery_code(&self, tx: &Tx, code: &NewRecoveryCode) -> Result<()> {
        let NewRecoveryCode { id, hash, user, origin, created, expires } = code;
        let former = row::Entity::delete_many()
            .filter(row::Column::UserId.eq(user.to_string()))
            .filter(row::Column::Origin.eq(origin.name()));
        former.exec(&**tx).await.or_db_error()?;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            user_id: Set(user.to_string()),
            origin: Set(Some(origin.name().to_owned())),
            created: Set((*created).into()),
            expires: Set((*expires).into()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds the user of the code with this hash, if it is valid at `now`.
    pub async fn find_recovery_user(&self, hash: &str, now: Timestamp) -> Result<Option<UserId>> {
        find_user_in(self.db.reader(), hash, now).await
    }

    /// Finds the user of the code with this hash, as seen within the transaction, under the user's lock.
    pub async fn find_recovery_user_in(&self, tx: &Tx, hash: &str, now: Timestamp) -> Result<Option<UserId>> {
        find_user_in(&**tx, hash, now).await
    }

    /// Deletes the recovery codes of a user, of every origin.
    pub async fn delete_recovery_codes(&self, tx: &Tx, user: UserId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::UserId.eq(user.to_string()));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes expired recovery codes.
    pub async fn delete_expired_recovery_codes(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(DbTimestamp::from(now)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}

async fn find_user_in(db: &impl ConnectionTrait, hash: &str, now: Timestamp) -> Result<Option<UserId>> {
    let query = row::Entity::find()
        .filter(row::Column::Hash.eq(hash))
        .filter(row::Column::Expires.gt(DbTimestamp::from(now)));
    let found = query.one(db).await.or_db_error()?;
    found.map(|row| parse_column("recovery_code.user_id", &row.user_id)).transpose()
}
