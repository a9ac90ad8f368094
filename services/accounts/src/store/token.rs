//! Table of tokens of users and tools.

use hearth_base::{Error, Page, PageCursor, PageLimit, Result, Scopes, TokenId, ToolId, UserId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::{
    AccountStore,
    columns::{parse_column, parse_optional_column, to_optional_text},
};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub hash: String,
        /// User who created it.
        pub user_id: String,
        /// Tool that it acts for; absent for a personal token.
        pub tool_id: Option<String>,
        pub label: String,
        pub scopes: Json,
        pub created: DbTimestamp,
        pub last_used: Option<DbTimestamp>,
        pub expires: Option<DbTimestamp>,
        /// Time at which its creator lost the right to it.
        pub suspended_at: Option<DbTimestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Holder of a token: the caller that it authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenHolder {
    /// User who created it.
    User(UserId),
    /// A tool.
    Tool(ToolId),
}

/// A token.
#[derive(Debug, Clone)]
pub struct StoredToken {
    pub id: TokenId,
    /// Hash of the secret.
    pub hash: String,
    pub maker: UserId,
    pub holder: TokenHolder,
    pub label: String,
    pub scopes: Scopes,
    pub created: Timestamp,
    pub last_used: Option<Timestamp>,
    pub expires: Option<Timestamp>,
    /// Time at which its creator lost the right to it. It is refused until another maintainer takes it over.
    pub suspended_at: Option<Timestamp>,
}

impl TryFrom<row::Model> for StoredToken {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            id,
            hash,
            user_id,
            tool_id,
            label,
            scopes,
            created,
            last_used,
            expires,
            suspended_at,
        } = row;
        let maker = parse_column("token.user_id", &user_id)?;
        let tool = parse_optional_column("token.tool_id", tool_id.as_deref())?;
        Ok(Self {
            id: parse_column("token.id", &id)?,
            hash,
            maker,
            holder: tool.map_or(TokenHolder::User(maker), TokenHolder::Tool),
            label,
            scopes: serde_json::from_value(scopes).map_err(Error::internal)?,
            created: created.into(),
            last_used: last_used.map(Timestamp::from),
            expires: expires.map(Timestamp::from),
            suspended_at: suspended_at.map(Timestamp::from),
        })
    }
}

/// Builds the condition for tokens of a holder.
fn build_holder_condition(holder: TokenHolder) -> Condition {
    match holder {
        TokenHolder::User(user) => {
            Condition::all().add(row::Column::UserId.eq(user.to_string())).add(row::Column::ToolId.is_null())
        }
        TokenHolder::Tool(tool) => Condition::all().add(row::Column::ToolId.eq(tool.to_string())),
    }
}

impl AccountStore {
    /// Finds the token with this secret's hash.
    pub async fn find_token(&self, hash: &str) -> Result<Option<StoredToken>> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash));
        query.one(self.db.reader()).await.or_db_error()?.map(StoredToken::try_from).transpose()
    }

    /// Finds a token by its id.
    pub async fn find_token_by_id(&self, id: TokenId) -> Result<Option<StoredToken>> {
        let query = row::Entity::find_by_id(id.to_string());
        query.one(self.db.reader()).await.or_db_error()?.map(StoredToken::try_from).transpose()
    }

    /// Inserts a token.
    pub async fn insert_token(&self, tx: &Tx, token: &StoredToken) -> Result<()> {
        let StoredToken { id, hash, maker, holder, label, scopes, created, last_used, expires, suspended_at } =
            token;
        let tool = match holder {
            TokenHolder::User(_) => None,
            TokenHolder::Tool(tool) => Some(tool),
        };
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            user_id: Set(maker.to_string()),
            tool_id: Set(to_optional_text(tool)),
            label: Set(label.clone()),
            scopes: Set(serde_json::to_value(scopes).map_err(Error::internal)?),
            created: Set((*created).into()),
            last_used: Set(last_used.map(DbTimestamp::from)),
            expires: Set(expires.map(DbTimestamp::from)),
            suspended_at: Set(suspended_at.map(DbTimestamp::from)),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Records the last use of a token.
    pub async fn record_token_use(&self, tx: &Tx, id: TokenId, now: Timestamp) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::LastUsed, Expr::value(DbTimestamp::from(now)))
            .filter(row::Column::Id.eq(id.to_string()))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes a token of `holder`. Returns it if it existed.
    pub async fn delete_token(
        &self,
        tx: &Tx,
        holder: TokenHolder,
        id: TokenId,
    ) -> Result<Option<StoredToken>> {
        let query = row::Entity::find_by_id(id.to_string()).filter(build_holder_condition(holder));
        let Some(row) = query.one(&**tx).await.or_db_error()? else { return Ok(None) };
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_db_error()?;
        StoredToken::try_from(row).map(Some)
    }

    /// Deletes the tokens of a tool.
    pub async fn delete_tool_tokens(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let all = row::Entity::delete_many().filter(build_holder_condition(TokenHolder::Tool(tool)));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes the personal tokens of a user. Returns their number.
    pub async fn delete_personal_tokens(&self, tx: &Tx, user: UserId) -> Result<u64> {
        let all = row::Entity::delete_many().filter(build_holder_condition(TokenHolder::User(user)));
        Ok(all.exec(&**tx).await.or_db_error()?.rows_affected)
    }

    /// Suspends the tokens of a tool that one user created. Returns their number.
    pub async fn suspend_tool_tokens(
        &self,
        tx: &Tx,
        tool: ToolId,
        maker: UserId,
        now: Timestamp,
    ) -> Result<u64> {
        let suspended = row::Entity::update_many()
            .col_expr(row::Column::SuspendedAt, Expr::value(DbTimestamp::from(now)))
            .filter(build_holder_condition(TokenHolder::Tool(tool)))
            .filter(row::Column::UserId.eq(maker.to_string()))
            .filter(row::Column::SuspendedAt.is_null());
        Ok(suspended.exec(&**tx).await.or_db_error()?.rows_affected)
    }

    /// Finds a token of a tool, as seen within the transaction, under the tool's lock.
    pub async fn find_tool_token_in(
        &self,
        tx: &Tx,
        tool: ToolId,
        id: TokenId,
    ) -> Result<Option<StoredToken>> {
        let query =
            row::Entity::find_by_id(id.to_string()).filter(build_holder_condition(TokenHolder::Tool(tool)));
        query.one(&**tx).await.or_db_error()?.map(StoredToken::try_from).transpose()
    }

    /// Gives a token to another user, with a new secret.
    pub async fn take_over_token(&self, tx: &Tx, id: TokenId, maker: UserId, hash: &str) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::UserId, Expr::value(maker.to_string()))
            .col_expr(row::Column::Hash, Expr::value(hash))
            .col_expr(row::Column::SuspendedAt, Expr::value(None::<DbTimestamp>))
            .filter(row::Column::Id.eq(id.to_string()))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Lists the tokens of a holder, oldest first.
    pub async fn list_tokens(
        &self,
        holder: TokenHolder,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<StoredToken>> {
        let mut query =
            row::Entity::find().filter(build_holder_condition(holder)).order_by_asc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.gt(cursor.parse_key::<TokenId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let tokens = rows.into_iter().map(StoredToken::try_from).collect::<Result<_>>()?;
        Ok(Page::from_items(tokens, limit, |token: &StoredToken| token.id))
    }

    /// Deletes expired tokens.
    pub async fn delete_expired_tokens(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(DbTimestamp::from(now)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
