//! How the tables came to be as they are. A migration that was released never changes.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    queue::CreateQueue,
    schema::{big_integer, blob, boolean, integer, string},
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Expr, ExprTrait, Func, Index, Query, Table, TableCreateStatement},
};

/// All of them, oldest first.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateToolState), Box::new(CreateQueue), Box::new(CreateLogs), Box::new(PlacesOfTools)]
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
        for table in [tool(), log(), instance(), chunk()] {
            manager.create_table(table).await?;
        }
        let mut source = Index::create().name("log_source").table("log").unique().to_owned();
        source.col("tool_id").col("kind").col("name");
        manager.create_index(source).await?;
        let mut known = Index::create().name("instance_known").table("instance").unique().to_owned();
        known.col("log_id").col("run").col("name");
        manager.create_index(known).await?;
        let ages = Index::create().name("chunk_newest").table("chunk").col("newest").to_owned();
        manager.create_index(ages).await?;
        let ages = Index::create().name("log_changed").table("log").col("changed").to_owned();
        manager.create_index(ages).await
    }
}

/// Lines are numbered for a tool, not for each of its logs.
struct PlacesOfTools;

impl MigrationName for PlacesOfTools {
    fn name(&self) -> &str {
        "0002_places_of_tools"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for PlacesOfTools {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("tool", big_integer("next").default(0).to_owned()).await?;
        // What is written from now on is behind everything that there is.
        let behind = Query::select()
            .expr(Func::coalesce([Func::max(Expr::col(("log", "next"))).into(), Expr::value(0_i64)]))
            .from("log")
            .and_where(Expr::col(("log", "tool_id")).equals(("tool", "id")))
            .to_owned();
        let set = Query::update().table("tool").value("next", behind).to_owned();
        manager.execute(set).await
    }
}

fn tool() -> TableCreateStatement {
    Table::create().table("tool").col(string("id").primary_key()).col(big_integer("bytes")).to_owned()
}

fn log() -> TableCreateStatement {
    Table::create()
        .table("log")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("kind"))
        .col(string("name"))
        .col(big_integer("next"))
        .col(big_integer("bytes"))
        .col(big_integer("dropped"))
        .col(integer("loose"))
        .col(big_integer("loose_bytes"))
        .col(integer("instances"))
        .col(big_integer("changed"))
        .to_owned()
}

fn instance() -> TableCreateStatement {
    Table::create()
        .table("instance")
        .col(string("log_id"))
        .col(integer("number"))
        .col(string("run"))
        .col(string("name"))
        .col(big_integer("first"))
        .col(big_integer("last"))
        .col(big_integer("expected"))
        .col(boolean("complete"))
        .col(big_integer("hour"))
        .col(big_integer("hour_bytes"))
        .col(big_integer("hour_dropped"))
        .col(big_integer("changed"))
        .primary_key(Index::create().col("log_id").col("number"))
        .to_owned()
}

fn chunk() -> TableCreateStatement {
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
