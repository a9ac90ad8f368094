//! Brings a service's tables up to date, once, however many processes start at the same time.
//!
//! `sea-orm-migration` would do this too. It brings an inspector of schemas and four libraries for times and numbers
//! that nobody here uses, and takes long to compile.

use std::collections::BTreeSet;

use hearth_base::Result;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, StatementBuilder,
    sea_query::{IndexCreateStatement, Query, Table, TableAlterStatement, TableCreateStatement},
};

use super::{Db, OrFault, schema::string};

/// The ledger of what has been applied.
const LEDGER: &str = "migration";

/// The name by which it is known that a migration was applied: never changed, never used again.
pub trait MigrationName {
    /// The name.
    fn name(&self) -> &str;
}

/// One step of a service's tables.
#[async_trait::async_trait]
pub trait MigrationTrait: MigrationName + Send + Sync {
    /// Makes the step.
    async fn up(&self, manager: &SchemaManager) -> std::result::Result<(), DbErr>;
}

/// Makes a service's list of migrations.
pub type Migrations = fn() -> Vec<Box<dyn MigrationTrait>>;

/// Executes the statements of a migration in its transaction.
#[derive(Debug)]
pub struct SchemaManager<'a> {
    transaction: &'a DatabaseTransaction,
}

impl SchemaManager<'_> {
    /// Executes any statement.
    pub async fn execute(&self, statement: impl StatementBuilder) -> std::result::Result<(), DbErr> {
        self.transaction.execute(&statement).await.map(|_| ())
    }

    /// Makes a table.
    pub async fn create_table(&self, table: TableCreateStatement) -> std::result::Result<(), DbErr> {
        self.execute(table).await
    }

    /// Changes a table.
    pub async fn alter_table(&self, table: TableAlterStatement) -> std::result::Result<(), DbErr> {
        self.execute(table).await
    }

    /// Makes an index.
    pub async fn create_index(&self, index: IndexCreateStatement) -> std::result::Result<(), DbErr> {
        self.execute(index).await
    }

    /// The transaction, for what has no method here.
    pub fn get_connection(&self) -> &DatabaseTransaction {
        self.transaction
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
    let manager = SchemaManager { transaction: &transaction };
    let applied = read_ledger(&manager).await.or_fault()?;
    for migration in migrations() {
        if applied.contains(migration.name()) {
            continue;
        }
        migration.up(&manager).await.or_fault()?;
        let mut note = Query::insert();
        note.into_table(LEDGER).columns(["name"]).values_panic([migration.name().into()]);
        manager.execute(note).await.or_fault()?;
    }
    transaction.commit().await
}

/// The names of what has been applied. Makes the ledger first, where there is none.
async fn read_ledger(manager: &SchemaManager<'_>) -> std::result::Result<BTreeSet<String>, DbErr> {
    let mut ledger = Table::create().table(LEDGER).if_not_exists().to_owned();
    ledger.col(string("name").primary_key());
    manager.create_table(ledger).await?;
    let names = Query::select().from(LEDGER).column("name").to_owned();
    let rows = manager.transaction.query_all(&names).await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}
