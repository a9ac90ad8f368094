//! Table of sessions.

use hearth_base::{Error, Result, SessionId, UserId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::{AccountStore, columns::parse_column};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub hash: String,
        pub user_id: String,
        pub last_used: DbTimestamp,
        pub expires: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: SessionId,
    /// Hash of the secret.
    pub hash: String,
    pub user: UserId,
    pub last_used: Timestamp,
    pub expires: Timestamp,
}

impl TryFrom<row::Model> for Session {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, hash, user_id, last_used, expires } = row;
        Ok(Self {
            id: parse_column("session.id", &id)?,
            hash,
            user: parse_column("session.user_id", &user_id)?,
            last_used: last_used.into(),
            expires: expires.into(),
        })
    }
}

impl From<&Session> for row::ActiveModel {
    fn from(session: &Session) -> Self {
        let Session { id, hash, user, last_used, expires } = session;
        Self {
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            user_id: Set(user.to_string()),
            last_used: Set((*last_used).into()),
            expires: Set((*expires).into()),
        }
    }
}

impl AccountStore {
    /// Finds the session with this secret's hash.
    pub async fn find_session(&self, hash: &str) -> Result<Option<Session>> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash));
        query.one(self.db.reader()).await.or_db_error()?.map(Session::try_from).transpose()
    }

    /// Inserts a session.
    pub async fn insert_session(&self, tx: &Tx, session: &Session) -> Result<()> {
        let row = row::ActiveModel::from(session);
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Updates the last use and expiry of a session, unless it has been deleted.
    pub async fn update_session(&self, tx: &Tx, session: &Session) -> Result<()> {
        let row = row::ActiveModel::from(session);
        row::Entity::update_many()
            .set(row)
            .filter(row::Column::Id.eq(session.id.to_string()))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes a session. Returns true if it existed.
    pub async fn delete_session(&self, tx: &Tx, id: SessionId) -> Result<bool> {
        let ended = row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_db_error()?;
        Ok(ended.rows_affected > 0)
    }

    /// Deletes all sessions of a user except `keep`.
    pub async fn delete_other_sessions(&self, tx: &Tx, user: UserId, keep: Option<SessionId>) -> Result<()> {
        let mut query = row::Entity::delete_many().filter(row::Column::UserId.eq(user.to_string()));
        if let Some(keep) = keep {
            query = query.filter(row::Column::Id.ne(keep.to_string()));
        }
        query.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes expired sessions.
    pub async fn delete_expired_sessions(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(DbTimestamp::from(now)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
