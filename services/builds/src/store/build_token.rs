//! Table of the credentials that builders got for builds, until they are revoked in `accounts`.

use hearth_base::{BuildId, Result, TokenId};
use hearth_kit::db::{OrDbError, Tx};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};

use super::{BuildStore, columns::parse_column};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "build_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub build_id: String,
        /// True once it is to be revoked: later ones of the same build are not.
        pub revoked: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl BuildStore {
    /// Inserts a credential of a build.
    pub async fn insert_build_token(&self, tx: &Tx, build: BuildId, token: TokenId) -> Result<()> {
        let row = row::ActiveModel {
            id: Set(token.to_string()),
            build_id: Set(build.to_string()),
            revoked: Set(false),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Marks all credentials of a build as revoked. Returns true if there was one.
    pub async fn mark_build_tokens_revoked(&self, tx: &Tx, build: BuildId) -> Result<bool> {
        let mark = row::Entity::update_many()
            .col_expr(row::Column::Revoked, Expr::value(true))
            .filter(row::Column::BuildId.eq(build.to_string()))
            .filter(row::Column::Revoked.eq(false));
        Ok(mark.exec(&**tx).await.or_db_error()?.rows_affected > 0)
    }

    /// Marks one credential as revoked.
    pub async fn mark_build_token_revoked(&self, tx: &Tx, token: TokenId) -> Result<()> {
        let mark = row::Entity::update_many()
            .col_expr(row::Column::Revoked, Expr::value(true))
            .filter(row::Column::Id.eq(token.to_string()));
        mark.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Lists the credentials of a build that are marked as revoked.
    pub async fn list_revoked_build_tokens(&self, build: BuildId) -> Result<Vec<TokenId>> {
        let query = row::Entity::find()
            .select_only()
            .column(row::Column::Id)
            .filter(row::Column::BuildId.eq(build.to_string()))
            .filter(row::Column::Revoked.eq(true));
        let ids: Vec<String> = query.into_tuple().all(self.db.reader()).await.or_db_error()?;
        ids.iter().map(|id| parse_column("build_token.id", id)).collect()
    }

    /// Deletes a credential that has been revoked.
    pub async fn delete_build_token(&self, tx: &Tx, token: TokenId) -> Result<()> {
        row::Entity::delete_by_id(token.to_string()).exec(&**tx).await.or_db_error().map(|_| ())
    }
}
