//! Sign-ins.

use hearth_base::{Error, Result, SessionId, UserId};
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::{Store, columns::read};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub hash: String,
        pub user_id: String,
        pub used: At,
        pub expires: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One sign-in.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: SessionId,
    /// Of its secret.
    pub hash: String,
    pub user: UserId,
    pub used: Timestamp,
    pub expires: Timestamp,
}

impl TryFrom<row::Model> for Session {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, hash, user_id, used, expires } = row;
        Ok(Self {
            id: read("session.id", &id)?,
            hash,
            user: read("session.user_id", &user_id)?,
            used: used.into(),
            expires: expires.into(),
        })
    }
}

impl From<&Session> for row::ActiveModel {
    fn from(session: &Session) -> Self {
        let Session { id, hash, user, used, expires } = session;
        Self {
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            user_id: Set(user.to_string()),
            used: Set((*used).into()),
            expires: Set((*expires).into()),
        }
    }
}

impl Store {
    /// The session with this secret's hash.
    pub async fn session(&self, hash: &str) -> Result<Option<Session>> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash));
        query.one(self.db.reader()).await.or_fault()?.map(Session::try_from).transpose()
    }

    /// Adds a session.
    pub async fn session_add(&self, tx: &Tx, session: &Session) -> Result<()> {
        let row = row::ActiveModel::from(session);
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Writes when a session was last used and when it ends, unless it was ended meanwhile.
    pub async fn session_save(&self, tx: &Tx, session: &Session) -> Result<()> {
        let row = row::ActiveModel::from(session);
        row::Entity::update_many()
            .set(row)
            .filter(row::Column::Id.eq(session.id.to_string()))
            .exec(&**tx)
            .await
            .or_fault()
            .map(|_| ())
    }

    /// Ends a session. Whether it was there.
    pub async fn session_end(&self, tx: &Tx, id: SessionId) -> Result<bool> {
        let ended = row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_fault()?;
        Ok(ended.rows_affected > 0)
    }

    /// Ends all sessions of a user but one.
    pub async fn session_end_others(&self, tx: &Tx, user: UserId, keep: Option<SessionId>) -> Result<()> {
        let mut query = row::Entity::delete_many().filter(row::Column::UserId.eq(user.to_string()));
        if let Some(keep) = keep {
            query = query.filter(row::Column::Id.ne(keep.to_string()));
        }
        query.exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Forgets sessions that have run out.
    pub async fn session_sweep(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(At::from(now)));
        old.exec(&**tx).await.or_fault().map(|_| ())
    }
}
