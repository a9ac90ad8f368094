//! Migrations of the tables. A released migration never changes, so its columns are written out here instead
//! of taken from the entities, which change.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    queue::CreateQueue,
    schema::{big_integer, big_integer_null, boolean, build_index, integer, json, string, string_null, text},
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Table, TableCreateStatement},
};

/// All migrations, oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateToolState), Box::new(CreateQueue), Box::new(CreateBuilds)]
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
