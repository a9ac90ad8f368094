//! Table of short-lived tokens that services create to act for a tool, for example to push a build's image.

use hearth_base::{Error, Result, Role, Scopes, TokenId, ToolId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use hearth_wire::accounts::internal::BuildGrant;
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::{AccountStore, columns::parse_column};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "run_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub hash: String,
        pub tool_id: String,
        /// Service that created it.
        pub service: String,
        pub scopes: Json,
        pub cause: String,
        pub created: DbTimestamp,
        pub expires: DbTimestamp,
        /// Grant of the credential of a build, instead of scopes.
        pub build: Option<Json>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A short-lived token created by a service.
#[derive(Debug, Clone)]
pub struct RunToken {
    pub id: TokenId,
    /// Hash of the secret.
    pub hash: String,
    pub tool: ToolId,
    pub service: Role,
    pub scopes: Scopes,
    pub cause: String,
    pub created: Timestamp,
    pub expires: Timestamp,
    /// Grant of the credential of a build, instead of scopes.
    pub build: Option<BuildGrant>,
}

impl TryFrom<row::Model> for RunToken {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, hash, tool_id, service, scopes, cause, created, expires, build } = row;
        Ok(Self {
            id: parse_column("run_token.id", &id)?,
            hash,
            tool: parse_column("run_token.tool_id", &tool_id)?,
            service: parse_column("run_token.service", &service)?,
            scopes: serde_json::from_value(scopes).map_err(Error::internal)?,
            cause,
            created: created.into(),
            expires: expires.into(),
            build: build.map(serde_json::from_value).transpose().map_err(Error::internal)?,
        })
    }
}

impl AccountStore {
    /// Finds the token with this secret's hash.
    pub async fn find_run_token(&self, hash: &str) -> Result<Option<RunToken>> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash));
        query.one(self.db.reader()).await.or_db_error()?.map(RunToken::try_from).transpose()
    }

    /// Inserts a token.
    pub async fn insert_run_token(&self, tx: &Tx, token: &RunToken) -> Result<()> {
        let RunToken { id, hash, tool, service, scopes, cause, created, expires, build } = token;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            tool_id: Set(tool.to_string()),
            service: Set(service.to_string()),
            scopes: Set(serde_json::to_value(scopes).map_err(Error::internal)?),
            cause: Set(cause.clone()),
            created: Set((*created).into()),
            expires: Set((*expires).into()),
            build: Set(build.as_ref().map(serde_json::to_value).transpose().map_err(Error::internal)?),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes a token. Returns true if it existed.
    pub async fn delete_run_token(&self, tx: &Tx, id: TokenId) -> Result<bool> {
        let deleted = row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_db_error()?;
        Ok(deleted.rows_affected > 0)
    }

    /// Deletes the run tokens of a tool.
    pub async fn delete_tool_run_tokens(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes expired run tokens.
    pub async fn delete_expired_run_tokens(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(DbTimestamp::from(now)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
