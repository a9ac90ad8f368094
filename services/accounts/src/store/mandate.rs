//! Mandates: what services keep of somebody's right, for work that outlives their request.

use hearth_base::{Credential, Error, MandateId, Result, Role, Scopes, SessionId, TokenId, ToolId, UserId};
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    Store,
    columns::{read, read_some, write_some},
};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mandate")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// The service that may use it.
        pub holder: String,
        pub tool_id: String,
        /// The person who gave it; absent: a tool's token did.
        pub user_id: Option<String>,
        /// The token that they showed.
        pub token_id: Option<String>,
        /// The session that they showed.
        pub session_id: Option<String>,
        /// The mandate that it was made from.
        pub parent: Option<String>,
        pub scopes: Json,
        pub cause: String,
        pub created: At,
        pub expires: At,
        pub ended: Option<At>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What its giver showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// A session of this person.
    Session(UserId, SessionId),
    /// A token, of a person or a tool.
    Token(TokenId),
}

impl Given {
    /// The same as the door found it out; `None` for what gives no mandate.
    pub fn of(user: Option<UserId>, credential: &Credential) -> Option<Self> {
        match (credential, user) {
            (Credential::Session(session), Some(user)) => Some(Self::Session(user, *session)),
            (Credential::PersonalToken(token) | Credential::ToolToken(token), _) => Some(Self::Token(*token)),
            (Credential::Session(_) | Credential::None | Credential::RoleKey, _) => None,
        }
    }
}

/// What a service keeps of somebody's right.
#[derive(Debug, Clone)]
pub struct Mandate {
    pub id: MandateId,
    pub holder: Role,
    pub tool: ToolId,
    /// The person who gave it; absent: a tool's token did.
    pub user: Option<UserId>,
    pub given: Given,
    pub parent: Option<MandateId>,
    pub scopes: Scopes,
    pub cause: String,
    pub created: Timestamp,
    pub expires: Timestamp,
    pub ended: Option<Timestamp>,
}

impl TryFrom<row::Model> for Mandate {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let user: Option<UserId> = read_some("mandate.user_id", row.user_id.as_deref())?;
        let token: Option<TokenId> = read_some("mandate.token_id", row.token_id.as_deref())?;
        let session: Option<SessionId> = read_some("mandate.session_id", row.session_id.as_deref())?;
        let given = match (token, user, session) {
            (Some(token), _, _) => Given::Token(token),
            (None, Some(user), Some(session)) => Given::Session(user, session),
            (None, _, _) => return Err(Error::internal("a mandate that nobody gave")),
        };
        Ok(Self {
            id: read("mandate.id", &row.id)?,
            holder: read("mandate.holder", &row.holder)?,
            tool: read("mandate.tool_id", &row.tool_id)?,
            user,
            given,
            parent: read_some("mandate.parent", row.parent.as_deref())?,
            scopes: serde_json::from_value(row.scopes).map_err(Error::internal)?,
            cause: row.cause,
            created: row.created.into(),
            expires: row.expires.into(),
            ended: row.ended.map(Timestamp::from),
        })
    }
}

impl Store {
    /// A mandate.
    pub async fn mandate(&self, id: MandateId) -> Result<Option<Mandate>> {
        let query = row::Entity::find_by_id(id.to_string());
        query.one(self.db.reader()).await.or_fault()?.map(Mandate::try_from).transpose()
    }

    /// A mandate, as a change sees it.
    pub async fn mandate_in(&self, tx: &Tx, id: MandateId) -> Result<Option<Mandate>> {
        let found = row::Entity::find_by_id(id.to_string()).one(&**tx).await.or_fault()?;
        found.map(Mandate::try_from).transpose()
    }

    /// Adds a mandate.
    pub async fn mandate_add(&self, tx: &Tx, mandate: &Mandate) -> Result<()> {
        let Mandate { id, holder, tool, user, given, parent, scopes, cause, created, expires, ended } =
            mandate;
        let (token, session) = match given {
            Given::Token(token) => (Some(token.to_string()), None),
            Given::Session(_, session) => (None, Some(session.to_string())),
        };
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            holder: Set(holder.to_string()),
            tool_id: Set(tool.to_string()),
            user_id: Set(write_some(user.as_ref())),
            token_id: Set(token),
            session_id: Set(session),
            parent: Set(write_some(parent.as_ref())),
            scopes: Set(serde_json::to_value(scopes).map_err(Error::internal)?),
            cause: Set(cause.clone()),
            created: Set((*created).into()),
            expires: Set((*expires).into()),
            ended: Set(ended.map(At::from)),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Ends a mandate, and those that were made from it.
    pub async fn mandate_end(&self, tx: &Tx, id: MandateId, now: Timestamp) -> Result<()> {
        let mut ids = vec![id.to_string()];
        while !ids.is_empty() {
            end(tx, row::Column::Id.is_in(ids.clone()).into(), now).await?;
            let children = row::Entity::find()
                .filter(row::Column::Parent.is_in(ids))
                .filter(row::Column::Ended.is_null())
                .all(&**tx);
            ids = children.await.or_fault()?.into_iter().map(|row| row.id).collect();
        }
        Ok(())
    }

    /// Ends what a person gave: for one tool, or for all.
    pub async fn mandate_end_of(
        &self,
        tx: &Tx,
        user: UserId,
        tool: Option<ToolId>,
        now: Timestamp,
    ) -> Result<()> {
        let mut theirs: Condition = row::Column::UserId.eq(user.to_string()).into();
        if let Some(tool) = tool {
            theirs = theirs.add(row::Column::ToolId.eq(tool.to_string()));
        }
        end(tx, theirs, now).await
    }

    /// Ends what a person gave from other sessions than this one.
    pub async fn mandate_end_of_sessions(
        &self,
        tx: &Tx,
        user: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<()> {
        let mut theirs = Condition::all()
            .add(row::Column::UserId.eq(user.to_string()))
            .add(row::Column::SessionId.is_not_null());
        if let Some(keep) = keep {
            theirs = theirs.add(row::Column::SessionId.ne(keep.to_string()));
        }
        end(tx, theirs, now).await
    }

    /// Forgets those whose time is over.
    pub async fn mandate_sweep(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(At::from(now)));
        old.exec(&**tx).await.or_fault().map(|_| ())
    }
}

async fn end(tx: &Tx, which: Condition, now: Timestamp) -> Result<()> {
    row::Entity::update_many()
        .col_expr(row::Column::Ended, Expr::value(At::from(now)))
        .filter(which)
        .filter(row::Column::Ended.is_null())
        .exec(&**tx)
        .await
        .or_fault()
        .map(|_| ())
}
