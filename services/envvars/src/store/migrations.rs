//! Migrations of the tables. A released migration never changes, so columns are written out.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, big_integer_null, boolean, string, text},
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Index, Table},
};

/// All migrations, oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateToolState), Box::new(CreateEnvvars), Box::new(CreateFormerEnvvars)]
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
            .col(string("job"))
            .col(string("name"))
            .col(string("key_id"))
            .col(text("ciphertext"))
            .col(boolean("secret"))
            .col(big_integer("size"))
            .col(big_integer("changed"))
            .primary_key(Index::create().col("tool_id").col("job").col("name"))
            .to_owned();
        manager.create_table(envvars).await?;
        let keys = Index::create().name("envvar_key_id").table("envvar").col("key_id").to_owned();
        manager.create_index(keys).await
    }
}

struct CreateFormerEnvvars;

impl MigrationName for CreateFormerEnvvars {
    fn name(&self) -> &str {
        "0002_former_envvars"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateFormerEnvvars {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("envvar", big_integer_null("created")).await?;
        let former = Table::create()
            .table("former_envvar")
            .col(string("tool_id"))
            .col(string("job"))
            .col(string("name"))
            .col(big_integer("changed"))
            .col(boolean("secret"))
            .col(string("key_id"))
            .col(text("ciphertext"))
            .col(big_integer("size"))
            .primary_key(Index::create().col("tool_id").col("job").col("name").col("changed"))
            .to_owned();
        manager.create_table(former).await?;
        let keys =
            Index::create().name("former_envvar_key_id").table("former_envvar").col("key_id").to_owned();
        manager.create_index(keys).await
    }
}
