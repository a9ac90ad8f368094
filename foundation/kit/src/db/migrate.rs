//! Brings a service's tables up to date, once, however many processes start at the same time.

use hearth_base::Result;
use sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::{MigrationTrait, MigratorTraitSelf};

use super::{Db, OrFault};

/// Makes a service's list of migrations.
pub type Migrations = fn() -> Vec<Box<dyn MigrationTrait>>;

struct Migrator(Migrations);

impl MigratorTraitSelf for Migrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        (self.0)()
    }
}

/// Applies what is missing of `migrations`. All or nothing: it is one transaction, and on PostgreSQL it waits
/// for a lock that others who migrate the same schema hold too.
pub async fn migrate(db: &Db, migrations: Migrations) -> Result<()> {
    let transaction = db.begin().await?;
    if db.backend() == DatabaseBackend::Postgres {
        let lock = "SELECT pg_advisory_xact_lock(hashtext('hearth-migrate'), hashtext(current_schema()))";
        transaction.execute_unprepared(lock).await.or_fault()?;
    }
    Migrator(migrations).up(&*transaction, None).await.or_fault()?;
    transaction.commit().await
}
