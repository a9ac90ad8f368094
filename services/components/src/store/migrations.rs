//! Migrations of the tables. A released migration never changes, so columns are written out.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    events::CreateEvents,
    queue::CreateQueue,
    schema::{big_integer, boolean, integer, json, string, string_null},
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Index, Table},
};

/// All migrations, the oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(CreateToolState),
        Box::new(CreateQueue),
        Box::new(CreateComponents),
        Box::new(CreateToolConfig),
        Box::new(CreateEvents),
    ]
}

struct CreateComponents;

impl MigrationName for CreateComponents {
    fn name(&self) -> &str {
        "0001_components"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateComponents {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let deployment = Table::create()
            .table("deployment")
            .col(string("id").primary_key())
            .col(string("tool_id"))
            .col(string_null("active_tool_id").unique_key())
            .col(boolean("has_ended"))
            .col(boolean("deleted"))
            .col(big_integer("version"))
            .col(json("content"))
            .to_owned();
        manager.create_table(deployment).await?;
        let by_tool =
            Index::create().name("deployment_tool_id").table("deployment").col("tool_id").to_owned();
        manager.create_index(by_tool).await?;
        let revision = Table::create()
            .table("revision")
            .col(string("tool_id"))
            .col(integer("number"))
            .col(string("deployment_id"))
            .col(boolean("kept"))
            .col(json("content"))
            .primary_key(Index::create().col("tool_id").col("number"))
            .to_owned();
        manager.create_table(revision).await
    }
}

struct CreateToolConfig;

impl MigrationName for CreateToolConfig {
    fn name(&self) -> &str {
        "0002_tool_config"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateToolConfig {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let config = Table::create()
            .table("tool_config")
            .col(string("tool_id").primary_key())
            .col(big_integer("version"))
            .col(json("content"))
            .to_owned();
        manager.create_table(config).await
    }
}
