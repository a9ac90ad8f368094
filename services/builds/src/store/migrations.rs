//! Migrations of the tables. A released migration never changes, so its columns are written out here instead
//! of taken from the entities, which change.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    queue::CreateQueue,
    schema::{
        big_integer, big_integer_null, boolean, build_index, integer, json, json_null, string, string_null,
        text, text_null,
    },
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Table, TableCreateStatement},
};

/// All migrations, oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateToolState), Box::new(CreateQueue), Box::new(CreateBuilds), Box::new(CreateBuilders)]
}

struct CreateBuilds;

impl MigrationName for CreateBuilds {
    fn name(&self) -> &str {
        "0001_builds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateBuilds {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [create_build_table(), create_source_table()] {
            manager.create_table(table).await?;
        }
        for (name, table, columns) in [
            ("build_tool_id", "build", ["tool_id", "id"].as_slice()),
            ("source_expires", "source", &["expires"]),
            ("source_tool_id", "source", &["tool_id"]),
        ] {
            manager.create_index(build_index(name, table, columns)).await?;
        }
        Ok(())
    }
}

fn create_build_table() -> TableCreateStatement {
    Table::create()
        .table("build")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("tool_name"))
        .col(string("status"))
        .col(string("step"))
        .col(text("message"))
        .col(integer("attempt"))
        .col(json("parameters"))
        .col(string("resolved_ref"))
        .col(string_null("full_ref"))
        .col(big_integer("source_size"))
        .col(string("destination_image"))
        .col(string_null("digest"))
        .col(json("processes"))
        .col(big_integer("created"))
        .col(big_integer_null("started"))
        .col(big_integer_null("ended"))
        .col(big_integer_null("deadline"))
        .col(boolean("settled"))
        .to_owned()
}

fn create_source_table() -> TableCreateStatement {
    Table::create()
        .table("source")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("blob"))
        .col(string("digest"))
        .col(big_integer("size"))
        .col(big_integer("created"))
        .col(big_integer("expires"))
        .to_owned()
}

/// Builders, and what their choice of the next build needs.
struct CreateBuilders;

impl MigrationName for CreateBuilders {
    fn name(&self) -> &str {
        "0002_builders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateBuilders {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("build", big_integer_null("expected_seconds")).await?;
        manager.add_column("build", string_null("builder")).await?;
        manager.add_column("build", json_null("failure")).await?;
        let builder = Table::create()
            .table("builder")
            .col(string("id").primary_key())
            .col(json("labels"))
            .col(integer("slots"))
            .col(big_integer("last_seen"))
            .col(integer("failures"))
            .col(string_null("failed_build"))
            .col(text_null("last_error"))
            .col(json_null("suspension"))
            .to_owned();
        manager.create_table(builder).await
    }
}
