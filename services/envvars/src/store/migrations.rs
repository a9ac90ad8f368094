//! Schema migrations. A released migration never changes.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, boolean, string, text},
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Expr, Index, Query, Table},
};

/// All migrations, oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
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
            .col(text("ciphertext"))
            .col(big_integer("size"))
            .col(big_integer("changed"))
            .primary_key(Index::create().col("tool_id").col("name"))
            .to_owned();
        manager.create_table(envvars).await?;
        let keys = Index::create().name("envvar_key_id").table("envvar").col("key_id").to_owned();
        manager.create_index(keys).await
    }
}

/// Adds the job to the primary key. No supported database can do that in place, so the rows move to a new
/// table, and the old one is emptied: a value that is deleted later must not remain there.
struct ScopeEnvvars;

/// Columns of both the former and the new table.
const COMMON_COLUMNS: [&str; 6] = ["tool_id", "name", "key_id", "ciphertext", "size", "changed"];

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
            .col(text("ciphertext"))
            .col(big_integer("size"))
            .col(big_integer("changed"))
            .primary_key(Index::create().col("tool_id").col("job").col("name"))
            .to_owned();
        manager.create_table(scoped).await?;
        let keys =
            Index::create().name("scoped_envvar_key_id").table("scoped_envvar").col("key_id").to_owned();
        manager.create_index(keys).await?;
        let former = Query::select().columns(COMMON_COLUMNS).expr(Expr::value("")).from("envvar").to_owned();
        let mut moved = Query::insert();
        moved.into_table("scoped_envvar").columns(COMMON_COLUMNS.into_iter().chain(["job"]));
        moved.select_from(former).map_err(|cause| DbErr::Migration(cause.to_string()))?;
        manager.execute_statement(moved).await?;
        manager.execute_statement(Query::delete().from_table("envvar").to_owned()).await
    }
}

/// Marks secrets, which are sealed by a key outside of this service.
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
        db::{Db, OrDbError, migrate},
        vault::EncryptedValue,
    };
    use hearth_testkit::on_every_store;
    use jiff::Timestamp;
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::store::{EnvvarStore, StoredValue};

    fn first_migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateEnvvars)]
    }

    async fn former_rows_move_to_the_whole_tool(db: Db) -> Result<()> {
        migrate(&db, first_migrations).await?;
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
        former
            .into_table("envvar")
            .columns(COMMON_COLUMNS)
            .values(row)
            .map_err(hearth_base::Error::internal)?;
        let tx = db.begin().await?;
        tx.execute(&former).await.or_db_error()?;
        tx.commit().await?;
        migrate(&db, list_migrations).await?;
        let stored = EnvvarStore::new(db.clone()).list(tool).await?;
        assert_eq!(stored.len(), 1);
        let key = &stored[0].key;
        assert_eq!((key.tool, &key.job, key.name.as_str()), (tool, &None, "API_KEY"));
        let encrypted = EncryptedValue { key_id: "key".to_owned(), token: "token".to_owned() };
        assert_eq!(stored[0].value, StoredValue::Encrypted(encrypted));
        assert_eq!((stored[0].size, stored[0].changed.as_second()), (9, 1));
        let left = Query::select().column("name").from("envvar").to_owned();
        assert!(db.reader().query_all(&left).await.or_db_error()?.is_empty());
        Ok(())
    }

    on_every_store!(former_rows_move_to_the_whole_tool);
}
