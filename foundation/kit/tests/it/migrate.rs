//! Migrations.

use std::sync::atomic::{AtomicBool, Ordering};

use hearth_base::Result;
use hearth_kit::db::{
    Db, MigrationName, MigrationTrait, Migrations, OrDbError, SchemaManager,
    events::CreateEvents,
    migrate,
    queue::CreateQueue,
    schema::{integer, integer_null, string},
};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DbErr,
    sea_query::{Index, Query, Table},
};

async fn concurrent_processes_migrate_once(db: Db) -> Result<()> {
    let both: Migrations = || vec![Box::new(CreateEvents), Box::new(CreateQueue)];
    let (first, second, third) = tokio::join!(migrate(&db, both), migrate(&db, both), migrate(&db, both));
    first.and(second).and(third)
}

async fn applied_migrations_are_kept_and_new_ones_are_added(db: Db) -> Result<()> {
    migrate(&db, || vec![Box::new(CreateEvents)]).await?;
    let all: Migrations = || vec![Box::new(CreateEvents), Box::new(CreateQueue)];
    migrate(&db, all).await?;
    migrate(&db, all).await
}

/// True for each database on which the next run of the migration is interrupted.
static FAILS_ON_DATABASE: [AtomicBool; 3] = [const { AtomicBool::new(true) }; 3];

struct CreateCounted;

impl MigrationName for CreateCounted {
    fn name(&self) -> &str {
        "0001_counted"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateCounted {
    async fn up(&self, manager: &SchemaManager) -> std::result::Result<(), DbErr> {
        let table =
            Table::create().table("counted").col(integer("id").primary_key()).col(string("name")).to_owned();
        manager.create_table(table).await?;
        manager
            .create_index(Index::create().name("counted_name").table("counted").col("name").to_owned())
            .await?;
        let first = Query::insert()
            .into_table("counted")
            .columns(["id", "name"])
            .values_panic([0.into(), "a".into()])
            .to_owned();
        manager.insert_initial_row(first, "id").await?;
        let which = match manager.get_connection().get_database_backend() {
            DatabaseBackend::Sqlite => 0,
            DatabaseBackend::Postgres => 1,
            _ => 2,
        };
        if FAILS_ON_DATABASE[which].swap(false, Ordering::SeqCst) {
            return Err(DbErr::Custom("the process is interrupted".to_owned()));
        }
        manager.add_column("counted", integer_null("number")).await
    }
}

async fn interrupted_migration_is_completed_by_the_next_process(db: Db) -> Result<()> {
    let all: Migrations = || vec![Box::new(CreateEvents), Box::new(CreateCounted), Box::new(CreateQueue)];
    assert!(migrate(&db, all).await.is_err());
    migrate(&db, all).await?;
    migrate(&db, all).await?;
    let tx = db.begin().await?;
    let more = Query::insert()
        .into_table("counted")
        .columns(["id", "name", "number"])
        .values_panic([1.into(), "b".into(), 7.into()])
        .to_owned();
    tx.execute(&more).await.or_db_error()?;
    let first = Query::select().column("id").from("counted").to_owned();
    assert_eq!(tx.query_all(&first).await.or_db_error()?.len(), 2);
    tx.commit().await
}

hearth_testkit::on_every_database!(
    interrupted_migration_is_completed_by_the_next_process,
    concurrent_processes_migrate_once,
    applied_migrations_are_kept_and_new_ones_are_added,
);
