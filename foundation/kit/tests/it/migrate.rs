//! Migrations.

use std::sync::atomic::{AtomicBool, Ordering};

use hearth_base::Result;
use hearth_kit::db::{
    Db, MigrationName, MigrationTrait, Migrations, OrFault, SchemaManager,
    events::CreateEvents,
    migrate,
    queue::CreateQueue,
    schema::{integer, integer_null, string},
};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DbErr,
    sea_query::{Index, Query, Table},
};

async fn two_that_start_at_once_migrate_once(db: Db) -> Result<()> {
    let both: Migrations = || vec![Box::new(CreateEvents), Box::new(CreateQueue)];
    let (first, second, third) = tokio::join!(migrate(&db, both), migrate(&db, both), migrate(&db, both));
    first.and(second).and(third)
}

async fn what_was_applied_stays_and_what_is_new_is_added(db: Db) -> Result<()> {
    migrate(&db, || vec![Box::new(CreateEvents)]).await?;
    let all: Migrations = || vec![Box::new(CreateEvents), Box::new(CreateQueue)];
    migrate(&db, all).await?;
    migrate(&db, all).await
}

/// Whether the process dies within the migration, on each database.
static DIES: [AtomicBool; 3] = [const { AtomicBool::new(true) }; 3];

struct Counted;

impl MigrationName for Counted {
    fn name(&self) -> &str {
        "0001_counted"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Counted {
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
        manager.insert_first(first, "id").await?;
        let which = match manager.get_connection().get_database_backend() {
            DatabaseBackend::Sqlite => 0,
            DatabaseBackend::Postgres => 1,
            _ => 2,
        };
        if DIES[which].swap(false, Ordering::SeqCst) {
            return Err(DbErr::Custom("the process dies".to_owned()));
        }
        manager.add_column("counted", integer_null("number")).await
    }
}

async fn migration_that_broke_off_is_completed_by_the_next_process(db: Db) -> Result<()> {
    let all: Migrations = || vec![Box::new(CreateEvents), Box::new(Counted), Box::new(CreateQueue)];
    assert!(migrate(&db, all).await.is_err());
    migrate(&db, all).await?;
    migrate(&db, all).await?;
    let tx = db.begin().await?;
    let more = Query::insert()
        .into_table("counted")
        .columns(["id", "name", "number"])
        .values_panic([1.into(), "b".into(), 7.into()])
        .to_owned();
    tx.execute(&more).await.or_fault()?;
    let first = Query::select().column("id").from("counted").to_owned();
    assert_eq!(tx.query_all(&first).await.or_fault()?.len(), 2);
    tx.commit().await
}

hearth_testkit::on_every_database!(
    migration_that_broke_off_is_completed_by_the_next_process,
    two_that_start_at_once_migrate_once,
    what_was_applied_stays_and_what_is_new_is_added,
);
