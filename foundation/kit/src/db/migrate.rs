//! Brings a service's tables up to date, once, however many processes start at the same time.
//!
//! `sea-orm-migration` would do this too. It brings an inspector of schemas and four libraries for times and numbers
//! that nobody here uses, and takes long to compile.

use std::collections::BTreeSet;

use hearth_base::{Error, Result};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, Statement, StatementBuilder,
    sea_query::{
        ColumnDef, IndexCreateStatement, InsertStatement, MysqlQueryBuilder, OnConflict, Query, Table,
        TableCreateStatement,
    },
};

use super::{Db, OrFault, schema::string};

/// The table of the migrations that were applied.
const LEDGER_TABLE: &str = "migration";

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

/// Executes the statements of a migration in its transaction. Each may be repeated: MariaDB commits each change of a table
/// by itself, so that a migration that broke off begins anew with some of them made.
#[derive(Debug)]
pub struct SchemaManager<'a> {
    transaction: &'a DatabaseTransaction,
}

impl SchemaManager<'_> {
    /// Executes any statement, which has the same effect when it is repeated.
    pub async fn execute(&self, statement: impl StatementBuilder) -> std::result::Result<(), DbErr> {
        self.transaction.execute(&statement).await.map(|_| ())
    }

    /// Makes a table, unless it is there.
    pub async fn create_table(&self, mut table: TableCreateStatement) -> std::result::Result<(), DbErr> {
        table.if_not_exists();
        if self.backend() == DatabaseBackend::MySql {
            return self.execute_text(&with_long_types(&table.to_string(MysqlQueryBuilder))).await;
        }
        self.execute(table).await
    }

    /// Adds a column to a table, unless it is there.
    pub async fn add_column(
        &self,
        table: &'static str,
        mut column: ColumnDef,
    ) -> std::result::Result<(), DbErr> {
        let mut alter = Table::alter();
        alter.table(table);
        match self.backend() {
            // It has no such condition, and does not need it: all or nothing of a migration is there.
            DatabaseBackend::Sqlite => alter.add_column(&mut column),
            _ => alter.add_column_if_not_exists(&mut column),
        };
        if self.backend() == DatabaseBackend::MySql {
            return self.execute_text(&with_long_types(&alter.to_string(MysqlQueryBuilder))).await;
        }
        self.execute(alter).await
    }

    /// Makes an index, unless it is there.
    pub async fn create_index(&self, mut index: IndexCreateStatement) -> std::result::Result<(), DbErr> {
        if self.backend() == DatabaseBackend::MySql {
            // The library knows MySQL, which has no such condition.
            let statement = index.to_string(MysqlQueryBuilder).replacen("INDEX ", "INDEX IF NOT EXISTS ", 1);
            return self.execute_text(&statement).await;
        }
        index.if_not_exists();
        self.execute(index).await
    }

    /// Inserts a row that a table begins with, unless it is there; `key` is the primary key.
    pub async fn insert_first(
        &self,
        mut row: InsertStatement,
        key: &'static str,
    ) -> std::result::Result<(), DbErr> {
        let keep = OnConflict::column(key).do_nothing_on([key]).to_owned();
        self.execute(row.on_conflict(keep).to_owned()).await
    }

    /// The transaction, for what has no method here.
    pub fn get_connection(&self) -> &DatabaseTransaction {
        self.transaction
    }

    fn backend(&self) -> DatabaseBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_text(&self, statement: &str) -> std::result::Result<(), DbErr> {
        self.transaction.execute_unprepared(statement).await.map(drop)
    }
}

/// A statement of MariaDB whose texts and bytes may be as long as elsewhere: the short types end at 64 KiB.
fn with_long_types(statement: &str) -> String {
    statement.replace("` text", "` longtext").replace("` blob", "` longblob")
}

/// Applies what is missing of `migrations`, one process at a time. SQLite and PostgreSQL apply everything or nothing.
/// MariaDB commits each change of a table by itself: a process that dies between two of them leaves the first, and the
/// next process repeats that migration, whose steps leave alone what is there.
pub async fn migrate(db: &Db, migrations: Migrations) -> Result<()> {
    let transaction = db.begin().await?;
    match db.backend() {
        DatabaseBackend::Postgres if db.has_advisory_locks() => {
            let lock = "SELECT pg_advisory_xact_lock(hashtext('hearth-migrate'), hashtext(current_schema()))";
            transaction.execute_unprepared(lock).await.or_fault()?;
        }
        DatabaseBackend::MySql => lock_mariadb(&transaction).await?,
        _ => {}
    }
    let applied = apply_missing(&transaction, migrations).await;
    if db.backend() == DatabaseBackend::MySql {
        // The lock is the connection's and not the transaction's: what it protects is committed before it is released.
        let end = if applied.is_ok() { "COMMIT" } else { "ROLLBACK" };
        transaction.execute_unprepared(end).await.or_fault()?;
        let unlock = "DO RELEASE_LOCK(CONCAT('hearth-migrate-', DATABASE()))";
        transaction.execute_unprepared(unlock).await.or_fault()?;
    }
    applied?;
    transaction.commit().await
}

/// Empties the ledger, so that every migration is repeated, as one that broke off is: for a test.
pub async fn forget_migrations(db: &Db) -> Result<()> {
    let transaction = db.begin().await?;
    transaction.execute(&Query::delete().from_table(LEDGER_TABLE).to_owned()).await.or_fault()?;
    transaction.commit().await
}

/// How long a process waits for another one that migrates the same database, in seconds.
const LOCK_WAIT_SECONDS: u32 = 60;

async fn lock_mariadb(transaction: &DatabaseTransaction) -> Result<()> {
    let lock =
        format!("SELECT GET_LOCK(CONCAT('hearth-migrate-', DATABASE()), {LOCK_WAIT_SECONDS}) AS locked");
    let lock = Statement::from_string(DatabaseBackend::MySql, lock);
    let row = transaction.query_one_raw(lock).await.or_fault()?;
    let locked = row.map(|row| row.try_get::<Option<i64>>("", "locked")).transpose().or_fault()?;
    match locked.flatten() {
        Some(1) => Ok(()),
        _ => Err(Error::unavailable("database", "another process migrates this database for too long")),
    }
}

async fn apply_missing(transaction: &DatabaseTransaction, migrations: Migrations) -> Result<()> {
    let manager = SchemaManager { transaction };
    let applied = read_ledger(&manager).await.or_fault()?;
    for migration in migrations() {
        if applied.contains(migration.name()) {
            continue;
        }
        migration.up(&manager).await.or_fault()?;
        let mut note = Query::insert();
        note.into_table(LEDGER_TABLE).columns(["name"]).values_panic([migration.name().into()]);
        manager.execute(note).await.or_fault()?;
    }
    Ok(())
}

/// The names of what has been applied. Makes the ledger first, where there is none.
async fn read_ledger(manager: &SchemaManager<'_>) -> std::result::Result<BTreeSet<String>, DbErr> {
    let mut ledger = Table::create().table(LEDGER_TABLE).if_not_exists().to_owned();
    ledger.col(string("name").primary_key());
    manager.create_table(ledger).await?;
    let names = Query::select().from(LEDGER_TABLE).column("name").to_owned();
    let rows = manager.transaction.query_all(&names).await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}
