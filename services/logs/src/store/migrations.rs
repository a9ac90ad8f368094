//! Migrations of the tables. A released migration never changes.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    queue::CreateQueue,
    schema::{big_integer, blob, boolean, integer, string},
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Index, Table, TableCreateStatement},
};

/// All migrations, the oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateToolState), Box::new(CreateQueue), Box::new(CreateLogs)]
}

struct CreateLogs;

impl MigrationName for CreateLogs {
    fn name(&self) -> &str {
        "0001_logs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateLogs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [create_tool_table(), create_log_table(), create_instance_table(), create_chunk_table()]
        {
            manager.create_table(table).await?;
        }
        let mut source = Index::create().name("log_source").table("log").unique().to_owned();
        source.col("tool_id").col("kind").col("name");
        manager.create_index(source).await?;
        let mut writer = Index::create().name("instance_writer").table("instance").unique().to_owned();
        writer.col("log_id").col("run").col("name");
        manager.create_index(writer).await?;
        let ages = Index::create().name("chunk_newest").table("chunk").col("newest").to_owned();
        manager.create_index(ages).await?;
        let ages = Index::create().name("log_changed").table("log").col("changed").to_owned();
        manager.create_index(ages).await
    }
}

fn create_tool_table() -> TableCreateStatement {
    Table::create()
        .table("tool")
        .col(string("id").primary_key())
        .col(big_integer("next"))
        .col(big_integer("bytes"))
        .to_owned()
}

fn create_log_table() -> TableCreateStatement {
    Table::create()
        .table("log")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("kind"))
        .col(string("name"))
        .col(big_integer("next"))
        .col(big_integer("bytes"))
        .col(big_integer("dropped"))
        .col(integer("loose_chunks"))
        .col(big_integer("loose_bytes"))
        .col(integer("instances"))
        .col(big_integer("changed"))
        .to_owned()
}

fn create_instance_table() -> TableCreateStatement {
    Table::create()
        .table("instance")
        .col(string("log_id"))
        .col(integer("number"))
        .col(string("run"))
        .col(string("name"))
        .col(big_integer("first"))
        .col(big_integer("last"))
        .col(big_integer("next_sequence"))
        .col(boolean("complete"))
        .col(big_integer("hour"))
        .col(big_integer("hour_bytes"))
        .col(big_integer("hour_dropped"))
        .col(big_integer("changed"))
        .primary_key(Index::create().col("log_id").col("number"))
        .to_owned()
}

fn create_chunk_table() -> TableCreateStatement {
    Table::create()
        .table("chunk")
        .col(string("log_id"))
        .col(big_integer("first"))
        .col(integer("lines"))
        .col(big_integer("oldest"))
        .col(big_integer("newest"))
        .col(boolean("sealed"))
        .col(integer("bytes"))
        .col(blob("content"))
        .primary_key(Index::create().col("log_id").col("first"))
        .to_owned()
}
