//! Migrations.

use hearth_base::Result;
use hearth_kit::db::{Db, Migrations, events::CreateEvents, migrate, queue::CreateQueue};

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

hearth_testkit::on_every_store!(
    two_that_start_at_once_migrate_once,
    what_was_applied_stays_and_what_is_new_is_added,
);
