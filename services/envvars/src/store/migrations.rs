//! How the tables came to be as they are. A migration that was released never changes.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, boolean, string, text},
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Expr, Index, Query, Table},
};

/// All of them, oldest first.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateToolState), Box::new(CreateEnvvars), Box::new(ScopeEnvvars), Box::new(SecretEnvvars)]
}

struct CreateEnvvars;

impl MigrationName for CreateEnvvars {
    fn name(&self) -> &str {
        "0001_envvars"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateEnvvars {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let envvars = Table::create()
            .table("envvar")
            .col(string("tool_id"))
            .col(string("name"))
            .col(string("key_id"))
            .col(text("closed"))
            .col(big_integer("size"))
            .col(big_integer("changed"))
            .primary_key(Index::create().col("tool_id").col("name"))
            .to_owned();
        manager.create_table(envvars).await?;
        let keys = Index::create().name("envvar_key_id").table("envvar").col("key_id").to_owned();
        manager.create_index(keys).await
    }
}

/// A variable is a tool's, or one job's: the job becomes part of the key, which no database here can add to a table.
/// What there was moves, so that a value that is deleted is nowhere.
struct ScopeEnvvars;

/// What the former table and the new one have in common.
const SAME: [&str; 6] = ["tool_id", "name", "key_id", "closed", "size", "changed"];

impl MigrationName for ScopeEnvvars {
    fn name(&self) -> &str {
        "0002_scope_envvars"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for ScopeEnvvars {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let scoped = Table::create()
            .table("scoped_envvar")
            .col(string("tool_id"))
            .col(string("job"))
            .col(string("name"))
            .col(string("key_id"))
            .col(text("closed"))
            .col(big_integer("size"))
            .col(big_integer("changed"))
            .primary_key(Index::create().col("tool_id").col("job").col("name"))
            .to_owned();
        manager.create_table(scoped).await?;
        let keys =
            Index::create().name("scoped_envvar_key_id").table("scoped_envvar").col("key_id").to_owned();
        manager.create_index(keys).await?;
        let former = Query::select().columns(SAME).expr(Expr::value("")).from("envvar").to_owned();
        let mut moved = Query::insert();
        moved.into_table("scoped_envvar").columns(SAME.into_iter().chain(["job"]));
        moved.select_from(former).map_err(|cause| DbErr::Migration(cause.to_string()))?;
        manager.execute(moved).await?;
        manager.execute(Query::delete().from_table("envvar").to_owned()).await
    }
}

/// Secrets are sealed by a key that is not here.
struct SecretEnvvars;

impl MigrationName for SecretEnvvars {
    fn name(&self) -> &str {
        "0003_secret_envvars"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SecretEnvvars {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let secret = boolean("secret").default(false).to_owned();
        manager.add_column("scoped_envvar", secret).await
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::{Entropy, Result, ToolId};
    use hearth_kit::{
        db::{Db, OrFault, migrate},
        vault::Closed,
    };
    use hearth_testkit::on_every_store;
    use jiff::Timestamp;
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::store::{Held, Store};

    fn first() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateEnvvars)]
    }

    async fn what_was_there_is_the_whole_tools_from_then_on_and_nowhere_else(db: Db) -> Result<()> {
        migrate(&db, first).await?;
        let tool = ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
        let row = [
            Expr::value(tool.to_string()),
            Expr::value("API_KEY"),
            Expr::value("key"),
            Expr::value("token"),
            Expr::value(9_i64),
            Expr::value(1_000_000_i64),
        ];
        let mut former = Query::insert();
        former.into_table("envvar").columns(SAME).values(row).map_err(hearth_base::Error::internal)?;
        let tx = db.begin().await?;
        tx.execute(&former).await.or_fault()?;
        tx.commit().await?;
        migrate(&db, migrations).await?;
        let kept = Store::new(db.clone()).list(tool).await?;
        assert_eq!(kept.len(), 1);
        let place = &kept[0].place;
        assert_eq!((place.tool, &place.job, place.name.as_str()), (tool, &None, "API_KEY"));
        let closed = Closed { key: "key".to_owned(), token: "token".to_owned() };
        assert_eq!(kept[0].held, Held::Closed(closed));
        assert_eq!((kept[0].size, kept[0].changed.as_second()), (9, 1));
        let left = Query::select().column("name").from("envvar").to_owned();
        assert!(db.reader().query_all(&left).await.or_fault()?.is_empty());
        Ok(())
    }

    on_every_store!(what_was_there_is_the_whole_tools_from_then_on_and_nowhere_else);
}
