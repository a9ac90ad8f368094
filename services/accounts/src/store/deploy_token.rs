//! Tables of deploy tokens: at most one for each tool, and the people who have seen it.

use hearth_base::{Error, Result, TokenId, ToolId, UserId};
use hearth_kit::{
    db::{
        DbTimestamp, MigrationName, MigrationTrait, OrDbError, SchemaManager, Tx,
        schema::{big_integer, big_integer_null, build_index, string, string_null, text},
    },
    vault::EncryptedValue,
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, Index, Table},
};

use super::{
    AccountStore,
    columns::{parse_column, parse_optional_column, to_optional_text},
};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "deploy_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        pub id: String,
        pub hash: String,
        /// The token, encrypted with the key `key_id`.
        pub encrypted: String,
        pub key_id: String,
        pub owner_id: String,
        /// Token of the tool by which the owner created it.
        pub owner_token_id: Option<String>,
        pub created: DbTimestamp,
        pub suspended_at: Option<DbTimestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod reader {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "deploy_token_reader")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The deploy token of a tool.
#[derive(Debug, Clone)]
pub struct StoredDeployToken {
    pub id: TokenId,
    pub tool: ToolId,
    /// Hash of the token.
    pub hash: String,
    pub encrypted: EncryptedValue,
    /// Maintainer who created it.
    pub owner: UserId,
    /// Token of the tool by which the owner created it; it ends together with that one.
    pub owner_token: Option<TokenId>,
    pub created: Timestamp,
    /// Time at which somebody who has seen it lost the right to it. It is refused until it is replaced.
    pub suspended_at: Option<Timestamp>,
}

impl TryFrom<row::Model> for StoredDeployToken {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            tool_id,
            id,
            hash,
            encrypted,
            key_id,
            owner_id,
            owner_token_id,
            created,
            suspended_at,
        } = row;
        Ok(Self {
            id: parse_column("deploy_token.id", &id)?,
            tool: parse_column("deploy_token.tool_id", &tool_id)?,
            hash,
            encrypted: EncryptedValue { key_id, token: encrypted },
            owner: parse_column("deploy_token.owner_id", &owner_id)?,
            owner_token: parse_optional_column("deploy_token.owner_token_id", owner_token_id.as_deref())?,
            created: created.into(),
            suspended_at: suspended_at.map(Timestamp::from),
        })
    }
}

impl AccountStore {
    /// Finds the deploy token of a tool.
    pub async fn find_deploy_token(&self, tool: ToolId) -> Result<Option<StoredDeployToken>> {
        find_token_in(self.db.reader(), tool).await
    }

    /// Finds the deploy token of a tool, as seen within the transaction, under the tool's lock.
    pub async fn find_deploy_token_in(&self, tx: &Tx, tool: ToolId) -> Result<Option<StoredDeployToken>> {
        find_token_in(&**tx, tool).await
    }

    /// Finds a deploy token by its id.
    pub async fn find_deploy_token_by_id(&self, id: TokenId) -> Result<Option<StoredDeployToken>> {
        let query = row::Entity::find().filter(row::Column::Id.eq(id.to_string()));
        query.one(self.db.reader()).await.or_db_error()?.map(StoredDeployToken::try_from).transpose()
    }

    /// Inserts a deploy token in place of the former one of its tool. Only its owner has seen it.
    pub async fn replace_deploy_token(&self, tx: &Tx, token: &StoredDeployToken) -> Result<()> {
        let StoredDeployToken { id, tool, hash, encrypted, owner, owner_token, created, suspended_at } =
            token;
        self.delete_deploy_token(tx, *tool).await?;
        let row = row::ActiveModel {
            tool_id: Set(tool.to_string()),
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            encrypted: Set(encrypted.token.clone()),
            key_id: Set(encrypted.key_id.clone()),
            owner_id: Set(owner.to_string()),
            owner_token_id: Set(to_optional_text(owner_token.as_ref())),
            created: Set((*created).into()),
            suspended_at: Set(suspended_at.map(DbTimestamp::from)),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error()?;
        self.add_deploy_token_reader(tx, *tool, *owner).await.map(|_| ())
    }

    /// Records that a user has seen the deploy token of a tool, under the tool's lock. Returns true if that is new.
    pub async fn add_deploy_token_reader(&self, tx: &Tx, tool: ToolId, user: UserId) -> Result<bool> {
        let (tool, user) = (tool.to_string(), user.to_string());
        let known =
            reader::Entity::find_by_id((tool.clone(), user.clone())).one(&**tx).await.or_db_error()?;
        if known.is_some() {
            return Ok(false);
        }
        let row = reader::ActiveModel { tool_id: Set(tool), user_id: Set(user) };
        reader::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| true)
    }

    /// Deletes the deploy token of a tool.
    pub async fn delete_deploy_token(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        row::Entity::delete_by_id(tool.to_string()).exec(&**tx).await.or_db_error()?;
        let readers = reader::Entity::delete_many().filter(reader::Column::ToolId.eq(tool.to_string()));
        readers.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Suspends the deploy token of a tool if this user has seen it. Returns true if it was valid before.
    pub async fn suspend_deploy_token(
        &self,
        tx: &Tx,
        tool: ToolId,
        user: UserId,
        now: Timestamp,
    ) -> Result<bool> {
        let read = reader::Entity::find_by_id((tool.to_string(), user.to_string()));
        if read.one(&**tx).await.or_db_error()?.is_none() {
            return Ok(false);
        }
        let suspended = row::Entity::update_many()
            .col_expr(row::Column::SuspendedAt, Expr::value(DbTimestamp::from(now)))
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::SuspendedAt.is_null());
        Ok(suspended.exec(&**tx).await.or_db_error()?.rows_affected > 0)
    }

    /// Lists the tools whose deploy tokens a user has seen.
    pub async fn list_deploy_tokens_seen_by(&self, tx: &Tx, user: UserId) -> Result<Vec<ToolId>> {
        let query = reader::Entity::find().filter(reader::Column::UserId.eq(user.to_string()));
        let rows = query.all(&**tx).await.or_db_error()?;
        rows.iter().map(|row| parse_column("deploy_token_reader.tool_id", &row.tool_id)).collect()
    }
}

async fn find_token_in(db: &impl ConnectionTrait, tool: ToolId) -> Result<Option<StoredDeployToken>> {
    let found = row::Entity::find_by_id(tool.to_string()).one(db).await.or_db_error()?;
    found.map(StoredDeployToken::try_from).transpose()
}

/// Migration that creates the tables. It is never changed after a release.
pub struct CreateDeployTokens;

impl MigrationName for CreateDeployTokens {
    fn name(&self) -> &str {
        "0007_deploy_tokens"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateDeployTokens {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let token = Table::create()
            .table("deploy_token")
            .col(string("tool_id").primary_key())
            .col(string("id").unique_key())
            .col(string("hash"))
            .col(text("encrypted"))
            .col(string("key_id"))
            .col(string("owner_id"))
            .col(string_null("owner_token_id"))
            .col(big_integer("created"))
            .col(big_integer_null("suspended_at"))
            .to_owned();
        manager.create_table(token).await?;
        let reader = Table::create()
            .table("deploy_token_reader")
            .col(string("tool_id"))
            .col(string("user_id"))
            .primary_key(Index::create().col("tool_id").col("user_id"))
            .to_owned();
        manager.create_table(reader).await?;
        let by_user = build_index("deploy_token_reader_user_id", "deploy_token_reader", &["user_id"]);
        manager.create_index(by_user).await
    }
}
