//! How the tables came to be as they are. A migration that was released never changes.

use sea_orm::{
    DbErr,
    sea_query::{Index, Table},
};
use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, boolean, string, text},
};

/// All of them, oldest first.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateEnvvars)]
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
        let tools =
            Table::create().table("tool").col(string("id").primary_key()).col(boolean("over")).to_owned();
        manager.create_table(tools).await?;
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
