//! Tokens: of a person, or of a tool.

use hearth_base::{Cursor, Error, Limit, Page, Result, Scopes, TokenId, ToolId, UserId};
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::{
    Store,
    columns::{read, read_some, write_some},
};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub hash: String,
        /// The person who made it.
        pub user_id: String,
        /// The tool it speaks for; absent: the person.
        pub tool_id: Option<String>,
        pub label: String,
        pub scopes: Json,
        pub created: At,
        pub used: Option<At>,
        pub expires: Option<At>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Whom a token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The person who made it.
    User(UserId),
    /// A tool.
    Tool(ToolId),
}

/// A token.
#[derive(Debug, Clone)]
pub struct Token {
    pub id: TokenId,
    /// Of its secret.
    pub hash: String,
    pub maker: UserId,
    pub holder: Holder,
    pub label: String,
    pub scopes: Scopes,
    pub created: Timestamp,
    pub used: Option<Timestamp>,
    pub expires: Option<Timestamp>,
}

impl TryFrom<row::Model> for Token {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, hash, user_id, tool_id, label, scopes, created, used, expires } = row;
        let maker = read("token.user_id", &user_id)?;
        let tool = read_some("token.tool_id", tool_id.as_deref())?;
        Ok(Self {
            id: read("token.id", &id)?,
            hash,
            maker,
            holder: tool.map_or(Holder::User(maker), Holder::Tool),
            label,
            scopes: serde_json::from_value(scopes).map_err(Error::internal)?,
            created: created.into(),
            used: used.map(Timestamp::from),
            expires: expires.map(Timestamp::from),
        })
    }
}

/// Which tokens belong to a holder.
fn of(holder: Holder) -> Condition {
    match holder {
        Holder::User(user) => {
            Condition::all().add(row::Column::UserId.eq(user.to_string())).add(row::Column::ToolId.is_null())
        }
        Holder::Tool(tool) => Condition::all().add(row::Column::ToolId.eq(tool.to_string())),
    }
}

impl Store {
    /// The token with this secret's hash.
    pub async fn token(&self, hash: &str) -> Result<Option<Token>> {
        let query = row::Entity::find().filter(row::Column::Hash.eq(hash));
        query.one(self.db.reader()).await.or_fault()?.map(Token::try_from).transpose()
    }

    /// A token by its id.
    pub async fn token_by_id(&self, id: TokenId) -> Result<Option<Token>> {
        let query = row::Entity::find_by_id(id.to_string());
        query.one(self.db.reader()).await.or_fault()?.map(Token::try_from).transpose()
    }

    /// Adds a token.
    pub async fn token_add(&self, tx: &Tx, token: &Token) -> Result<()> {
        let Token { id, hash, maker, holder, label, scopes, created, used, expires } = token;
        let tool = match holder {
            Holder::User(_) => None,
            Holder::Tool(tool) => Some(tool),
        };
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            hash: Set(hash.clone()),
            user_id: Set(maker.to_string()),
            tool_id: Set(write_some(tool)),
            label: Set(label.clone()),
            scopes: Set(serde_json::to_value(scopes).map_err(Error::internal)?),
            created: Set((*created).into()),
            used: Set(used.map(At::from)),
            expires: Set(expires.map(At::from)),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Notes when a token was last used.
    pub async fn token_used(&self, tx: &Tx, id: TokenId, now: Timestamp) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::Used, Expr::value(At::from(now)))
            .filter(row::Column::Id.eq(id.to_string()))
            .exec(&**tx)
            .await
            .or_fault()
            .map(|_| ())
    }

    /// Revokes a token of `holder`. What it was, if it was there.
    pub async fn token_revoke(&self, tx: &Tx, holder: Holder, id: TokenId) -> Result<Option<Token>> {
        let query = row::Entity::find_by_id(id.to_string()).filter(of(holder));
        let Some(row) = query.one(&**tx).await.or_fault()? else { return Ok(None) };
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_fault()?;
        Token::try_from(row).map(Some)
    }

    /// Revokes the tokens of a tool that one person made, or all. How many there were.
    pub async fn token_revoke_of_tool(&self, tx: &Tx, tool: ToolId, maker: Option<UserId>) -> Result<u64> {
        let mut query = row::Entity::delete_many().filter(of(Holder::Tool(tool)));
        if let Some(maker) = maker {
            query = query.filter(row::Column::UserId.eq(maker.to_string()));
        }
        Ok(query.exec(&**tx).await.or_fault()?.rows_affected)
    }

    /// Tokens of a holder, oldest first.
    pub async fn token_list(
        &self,
        holder: Holder,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<Token>> {
        let mut query = row::Entity::find().filter(of(holder)).order_by_asc(row::Column::Id);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.gt(cursor.key::<TokenId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let tokens = rows.into_iter().map(Token::try_from).collect::<Result<_>>()?;
        Ok(Page::cut(tokens, limit, |token: &Token| token.id))
    }

    /// Forgets tokens that have run out.
    pub async fn token_sweep(&self, tx: &Tx, now: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::Expires.lte(At::from(now)));
        old.exec(&**tx).await.or_fault().map(|_| ())
    }
}
