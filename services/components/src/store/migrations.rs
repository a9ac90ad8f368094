//! Migrations of the tables. A released migration never changes, so columns are written out.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    events::CreateEvents,
    queue::CreateQueue,
    schema::{
        big_integer, big_integer_null, boolean, build_index, integer, json, string, string_null, text,
        text_null,
    },
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
        Box::new(CreateRepositoryLinks),
        Box::new(CreatePreviews),
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

struct CreateRepositoryLinks;

impl MigrationName for CreateRepositoryLinks {
    fn name(&self) -> &str {
        "0004_repository_links"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateRepositoryLinks {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let link = Table::create()
            .table("repository_link")
            .col(string("id").primary_key())
            .col(string("tool_id"))
            .col(string("forge"))
            .col(text("repository"))
            .col(string("mandate_id"))
            .col(string("key_id"))
            .col(text("sealed_secret"))
            .col(string_null("status_key_id"))
            .col(text_null("sealed_status_token"))
            .col(big_integer("created"))
            .col(json("content"))
            .to_owned();
        manager.create_table(link).await?;
        manager.create_index(build_index("repository_link_tool_id", "repository_link", &["tool_id"])).await?;
        let delivery = Table::create()
            .table("forge_delivery")
            .col(string("id").primary_key())
            .col(string("tool_id"))
            .col(string("link_id"))
            .col(string("delivery_key"))
            .col(string("event"))
            .col(string("pushed_ref"))
            .col(string("pushed_commit"))
            .col(big_integer("received_at"))
            .col(string("outcome"))
            .col(text("reason"))
            .col(string_null("deployment_id"))
            .col(integer("delivery_count"))
            .to_owned();
        manager.create_table(delivery).await?;
        for (name, columns) in [
            ("forge_delivery_link_id", &["link_id", "id"][..]),
            ("forge_delivery_tool_id", &["tool_id"]),
            ("forge_delivery_outcome", &["link_id", "outcome"]),
            ("forge_delivery_deployment_id", &["deployment_id"]),
            ("forge_delivery_received_at", &["received_at"]),
        ] {
            manager.create_index(build_index(name, "forge_delivery", columns)).await?;
        }
        let mut unique = build_index("forge_delivery_key", "forge_delivery", &["link_id", "delivery_key"]);
        unique.unique();
        manager.create_index(unique).await
    }
}

struct CreatePreviews;

impl MigrationName for CreatePreviews {
    fn name(&self) -> &str {
        "0005_previews"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreatePreviews {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let preview = Table::create()
            .table("preview")
            .col(string("tool_id"))
            .col(big_integer("number"))
            .col(string("link_id"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("closed_at"))
            .col(json("content"))
            .primary_key(Index::create().col("tool_id").col("number"))
            .to_owned();
        manager.create_table(preview).await?;
        manager.create_index(build_index("preview_expires_at", "preview", &["expires_at"])).await
    }
}
