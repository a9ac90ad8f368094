//! Table of mandates.

use hearth_base::{Credential, Error, MandateId, Result, Role, Scopes, SessionId, TokenId, ToolId, UserId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    AccountStore,
    columns::{parse_column, parse_optional_column, to_optional_text},
};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mandate")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Service that may use it.
        pub holder: String,
        pub tool_id: String,
        /// User who gave it; absent if a tool token did. The giver without token and session is a membership.
        pub user_id: Option<String>,
        /// Token of the giver.
        pub token_id: Option<String>,
        /// Session of the giver.
        pub session_id: Option<String>,
        /// Mandate from which it was created.
        pub parent: Option<String>,
        pub scopes: Json,
        pub cause: String,
        pub created: DbTimestamp,
        pub expires: DbTimestamp,
        pub ended: Option<DbTimestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Credential of a mandate's giver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MandateCredential {
    /// A session of this user.
    Session(UserId, SessionId),
    /// A token of a user or a tool.
    Token(TokenId),
    /// The membership of this user, without a credential: it acts without a request.
    Membership(UserId),
}

impl MandateCredential {
    /// Converts the credential of a request; `None` if it cannot give a mandate. A person without a credential can, by
    /// the mandate `parent` that was made from a standing one.
    pub fn from_credential(
        user: Option<UserId>,
        credential: &Credential,
        parent: Option<MandateId>,
    ) -> Option<Self> {
        match (credential, user) {
            (Credential::None, Some(user)) if parent.is_some() => Some(Self::Membership(user)),
            (Credential::Session(session), Some(user)) => Some(Self::Session(user, *session)),
            (Credential::PersonalToken(token) | Credential::ToolToken(token), _) => Some(Self::Token(*token)),
            (Credential::Session(_) | Credential::None | Credential::RoleKey, _) => None,
        }
    }
}

/// Delegated rights of a service.
#[derive(Debug, Clone)]
pub struct Mandate {
    pub id: MandateId,
    pub holder: Role,
    pub tool: ToolId,
    /// User who gave it; absent if a tool token did.
    pub user: Option<UserId>,
    pub giver_credential: MandateCredential,
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
        let user: Option<UserId> = parse_optional_column("mandate.user_id", row.user_id.as_deref())?;
        let token: Option<TokenId> = parse_optional_column("mandate.token_id", row.token_id.as_deref())?;
        let session: Option<SessionId> =
            parse_optional_column("mandate.session_id", row.session_id.as_deref())?;
        let giver_credential = match (token, user, session) {
            (Some(token), _, _) => MandateCredential::Token(token),
            (None, Some(user), Some(session)) => MandateCredential::Session(user, session),
            (None, Some(user), None) => MandateCredential::Membership(user),
            (None, None, _) => return Err(Error::internal("the mandate has no giver")),
        };
        Ok(Self {
            id: parse_column("mandate.id", &row.id)?,
            holder: parse_column("mandate.holder", &row.holder)?,
            tool: parse_column("mandate.tool_id", &row.tool_id)?,
            user,
            giver_credential,
            parent: parse_optional_column("mandate.parent", row.parent.as_deref())?,
            scopes: serde_json::from_value(row.scopes).map_err(Error::internal)?,
            cause: row.cause,
            created: row.created.into(),
            expires: row.expires.into(),
            ended: row.ended.map(Timestamp::from),
        })
    }
}

impl AccountStore {
    /// Finds a mandate.
    pub async fn find_mandate(&self, id: MandateId) -> Result<Option<Mandate>> {
        let query = row::Entity::find_by_id(id.to_string());
        query.one(self.db.reader()).await.or_db_error()?.map(Mandate::try_from).transpose()
    }

    /// Finds a mandate, as seen within the transaction.
    pub async fn find_mandate_in(&self, tx: &Tx, id: MandateId) -> Result<Option<Mandate>> {
        let found = row::Entity::find_by_id(id.to_string()).one(&**tx).await.or_db_error()?;
        found.map(Mandate::try_from).transpose()
    }

    /// Inserts a mandate.
    pub async fn insert_mandate(&self, tx: &Tx, mandate: &Mandate) -> Result<()> {
        let Mandate {
            id,
            holder,
            tool,
            user,
            giver_credential,
            parent,
            scopes,
            cause,
            created,
            expires,
            ended,
        } = mandate;
        let (token, session) = match giver_credential {
            MandateCredential::Token(token) => (Some(token.to_string()), None),
            MandateCredential::Session(_, session) => (None, Some(session.to_string())),
            MandateCredential::Membership(_) => (None, None),
        };
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            holder: Set(holder.to_string()),
            tool_id: Set(tool.to_string()),
            user_id: Set(to_optional_text(user.as_ref())),
            token_id: Set(token),
            session_id: Set(session),
            parent: Set(to_optional_text(parent.as_ref())),
            scopes: Set(serde_json::to_value(scopes).map_err(Error::internal)?),
            cause: Set(cause.clone()),
            created: Set((*created).into()),
            expires: Set((*expires).into()),
            ended: Set(ended.map(DbTimestamp::from)),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Ends a mandate, and all mandates created from it.
    pub async fn end_mandate_tree(&self, tx: &Tx, id: MandateId, now: Timestamp) -> Result<()> {
        let mut ids = vec![id.to_string()];
        while !ids.is_empty() {
            end_matching(tx, row::Column::Id.is_in(ids.clone()).into(), now).await?;
            let children = row::Entity::find()
                .filter(row::Column::Parent.is_in(ids))
                .filter(row::Column::Ended.is_null())
                .all(&**tx);
            ids = children.await.or_db_error()?.into_iter().map(|row| row.id).collect();
        }
        Ok(())
    }

    /// Ends the mandates that a user gave: for one tool, or for all.
    pub async fn end_user_mandates(
        &self,
        tx: &Tx,
        user: UserId,
        tool: Option<ToolId>,
        now: Timestamp,
    ) -> Result<()> {
        let mut condition: Condition = row::Column::UserId.eq(user.to_string()).into();
        if let Some(tool) = tool {
            condition = condition.add(row::Column::ToolId.eq(tool.to_string()));
        }
        end_matching(tx, condition, now).await
    }

    /// Ends the mandates that a user gave from sessions other than `keep`.
    pub async fn end_other_session_mandates(
        &self,
        tx: &Tx,
        user: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<()> {
        let mut condition = Condition::all()
            .add(row::Column::UserId.eq(user.to_string()))
            .add(row::Column::SessionId.is_not_null());
        if let Some(keep) = keep {
            condition = condition.add(row::Column::SessionId.ne(keep.to_string()));
        }
        end_matching(tx, condition, now).await
    }

    /// Deletes expired mandates.
    pub async fn delete_expired_mandates(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(DbTimestamp::from(now)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}

async fn end_matching(tx: &Tx, condition: Condition, now: Timestamp) -> Result<()> {
    row::Entity::update_many()
        .col_expr(row::Column::Ended, Expr::value(DbTimestamp::from(now)))
        .filter(condition)
        .filter(row::Column::Ended.is_null())
        .exec(&**tx)
        .await
        .or_db_error()
        .map(|_| ())
}
