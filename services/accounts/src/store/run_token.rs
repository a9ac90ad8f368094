//! Tokens that services make for a while, to speak for a tool: what a build pushes with.

use hearth_base::{Error, Result, Role, Scopes, TokenId, ToolId};
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::{Store, columns::read};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "run_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub hash: String,
        pub tool_id: String,
        /// The service that made it.
        pub service: String,
        pub scopes: Json,
        pub cause: String,
        pub created: At,
        pub expires: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A token that a service made for a while.
#[derive(Debug, Clone)]
pub struct RunToken {
    pub id: TokenId,
    /// Of its secret.
    pub hash: String,
    pub tool: ToolId,
    pub service: Role,
    pub scopes: Scopes,
    pub cause: String,
    pub created: Timestamp,
    pub expires: Timestamp,
}

impl TryFrom<row::Model> for RunToken {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, hash, tool_id, service, scopes, cause, created, expires } = row;
        Ok(Self {
            id: read("run_token.id", &id)?,
            hash,
            tool: read("run_token.tool_id", &tool_id)?,
            service: read("run_token.service", &service)?,
            scopes: serde_json::from_value(scopes).map_err(Error::internal)?,
            cause,
            created: created.into(),
            expires: expires.into(),
        })
    }
}

impl Store {
    /// The token with this secret's hash.
    pub async fn run_token(&self, hash: &str) -> Result<Option<RunToken>> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash));
        query.one(self.db.reader()).await.or_fault()?.map(RunToken::try_from).transpose()
    }

    /// Adds a token.
    pub async fn run_token_add(&self, tx: &Tx, token: &RunToken) -> Result<()> {
        let RunToken { id, hash, tool, service, scopes, cause, created, expires } = token;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            tool_id: Set(tool.to_string()),
            service: Set(service.to_string()),
            scopes: Set(serde_json::to_value(scopes).map_err(Error::internal)?),
            cause: Set(cause.clone()),
            created: Set((*created).into()),
            expires: Set((*expires).into()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Revokes a token. Whether it was there.
    pub async fn run_token_revoke(&self, tx: &Tx, id: TokenId) -> Result<bool> {
        let deleted = row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_fault()?;
        Ok(deleted.rows_affected > 0)
    }

    /// Revokes those of a tool.
    pub async fn run_token_revoke_of_tool(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        all.exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Forgets those that have run out.
    pub async fn run_token_sweep(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(At::from(now)));
        old.exec(&**tx).await.or_fault().map(|_| ())
    }
}
