//! Migrations of a service's tables, applied once even when several processes start at the same time.
//!
//! `sea-orm-migration` is not used: it depends on a schema inspector and four date and number libraries that Hearth
//! does not need, and takes long to compile.

use std::collections::BTreeSet;

use hearth_base::{Error, Result};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, Statement, StatementBuilder,
    sea_query::{
        ColumnDef, IndexCreateStatement, InsertStatement, MysqlQueryBuilder, OnConflict, Query, Table,
        TableCreateStatement,
    },
};

use super::{Db, OrDbError, schema::string};

/// Table of applied migrations.
const LEDGER_TABLE: &str = "migration";

/// Unique name of a migration, stored when it was applied: never changed, never reused.
pub trait MigrationName {
    /// The name.
    fn name(&self) -> &str;
}

/// A migration of a service's tables.
#[async_trait::async_trait]
pub trait MigrationTrait: MigrationName + Send + Sync {
    /// Applies the migration.
    async fn up(&self, manager: &SchemaManager) -> std::result::Result<(), DbErr>;
}

/// Returns a service's migrations, in order.
pub type Migrations = fn() -> Vec<Box<dyn MigrationTrait>>;

/// Executes the statements of a migration in its transaction. Every statement must be idempotent: MariaDB commits
/// each DDL statement by itself, so an interrupted migration is repeated with some of them already applied.
#[derive(Debug)]
pub struct SchemaManager<'a> {
    transaction: &'a DatabaseTransaction,
}

impl SchemaManager<'_> {
    /// Executes a statement, which must be idempotent.
    pub async fn execute_statement(
        &self,
        statement: impl StatementBuilder,
    ) -> std::result::Result<(), DbErr> {
        self.transaction.execute(&statement).await.map(|_| ())
    }

    /// Creates a table, unless it exists.
    pub async fn create_table(&self, mut table: TableCreateStatement) -> std::result::Result<(), DbErr> {
        table.if_not_exists();
        if self.database_backend() == DatabaseBackend::MySql {
            return self.execute_text(&with_long_types(&table.to_string(MysqlQueryBuilder))).await;
        }
        self.execute_statement(table).await
    }

    /// Adds a column to a table, unless it exists.
    pub async fn add_column(
        &self,
        table: &'static str,
        mut column: ColumnDef,
    ) -> std::result::Result<(), DbErr> {
        let mut alter = Table::alter();
        alter.table(table);
        match self.database_backend() {
            // SQLite has no `IF NOT EXISTS` here and does not need it: its DDL is transactional.
            DatabaseBackend::Sqlite => alter.add_column(&mut column),
            _ => alter.add_column_if_not_exists(&mut column),
        };
        if self.database_backend() == DatabaseBackend::MySql {
            return self.execute_text(&with_long_types(&alter.to_string(MysqlQueryBuilder))).await;
        }
        self.execute_statement(alter).await
    }

    /// Creates an index, unless it exists.
    pub async fn create_index(&self, mut index: IndexCreateStatement) -> std::result::Result<(), DbErr> {
        if self.database_backend() == DatabaseBackend::MySql {
            // sea-query follows MySQL, which has no `IF NOT EXISTS` for indexes; MariaDB has it.
            let statement = index.to_string(MysqlQueryBuilder).replacen("INDEX ", "INDEX IF NOT EXISTS ", 1);
            return self.execute_text(&statement).await;
        }
        index.if_not_exists();
        self.execute_statement(index).await
    }

    /// Inserts an initial row of a table, unless it exists; `key` is the primary key's column.
    pub async fn insert_initial_row(
        &self,
        mut row: InsertStatement,
        key: &'static str,
    ) -> std::result::Result<(), DbErr> {
        let keep = OnConflict::column(key).do_nothing_on([key]).to_owned();
        self.execute_statement(row.on_conflict(keep).to_owned()).await
    }

    /// The transaction, for statements without a method here.
    pub fn get_connection(&self) -> &DatabaseTransaction {
        self.transaction
    }

    fn database_backend(&self) -> DatabaseBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_text(&self, statement: &str) -> std::result::Result<(), DbErr> {
        self.transaction.execute_unprepared(statement).await.map(drop)
    }
}

/// Replaces MariaDB's types `text` and `blob`, which are limited to 64 KiB, by the long ones.
fn with_long_types(statement: &str) -> String {
    statement.replace("` text", "` longtext").replace("` blob", "` longblob")
}

/// Applies the missing migrations, one process at a time. SQLite and PostgreSQL apply all or nothing. MariaDB commits
/// each DDL statement by itself: when a process dies between two of them, the next process repeats the migration,
/// whose statements are idempotent.
pub async fn migrate(db: &Db, migrations: Migrations) -> Result<()> {
    let transaction = db.begin().await?;
    match db.database_backend() {
        DatabaseBackend::Postgres if db.has_advisory_locks() => {
            let lock = "SELECT pg_advisory_xact_lock(hashtext('hearth-migrate'), hashtext(current_schema()))";
            transaction.execute_unprepared(lock).await.or_db_error()?;
        }
        DatabaseBackend::MySql => lock_mariadb(&transaction).await?,
        _ => {}
    }
    let applied = apply_missing(&transaction, migrations).await;
    if db.database_backend() == DatabaseBackend::MySql {
        // The lock belongs to the connection, not to the transaction: commit before it is released.
        let end = if applied.is_ok() { "COMMIT" } else { "ROLLBACK" };
        transaction.execute_unprepared(end).await.or_db_error()?;
        let unlock = "DO RELEASE_LOCK(CONCAT('hearth-migrate-', DATABASE()))";
        transaction.execute_unprepared(unlock).await.or_db_error()?;
    }
    applied?;
    transaction.commit().await
}

/// Empties the table of applied migrations, so that a test can repeat them like interrupted ones.
pub async fn forget_migrations(db: &Db) -> Result<()> {
    let transaction = db.begin().await?;
    transaction.execute(&Query::delete().from_table(LEDGER_TABLE).to_owned()).await.or_db_error()?;
    transaction.commit().await
}

/// Maximum wait for another process that migrates the same database, in seconds.
const LOCK_WAIT_SECONDS: u32 = 60;

async fn lock_mariadb(transaction: &DatabaseTransaction) -> Result<()> {
    let lock =
        format!("SELECT GET_LOCK(CONCAT('hearth-migrate-', DATABASE()), {LOCK_WAIT_SECONDS}) AS locked");
    let lock = Statement::from_string(DatabaseBackend::MySql, lock);
    let row = transaction.query_one_raw(lock).await.or_db_error()?;
    let locked = row.map(|row| row.try_get::<Option<i64>>("", "locked")).transpose().or_db_error()?;
    match locked.flatten() {
        Some(1) => Ok(()),
        _ => Err(Error::unavailable(
            "database",
            "another process has been migrating this database for too long",
        )),
    }
}

async fn apply_missing(transaction: &DatabaseTransaction, migrations: Migrations) -> Result<()> {
    let manager = SchemaManager { transaction };
    let applied = read_ledger(&manager).await.or_db_error()?;
    for migration in migrations() {
        if applied.contains(migration.name()) {
            continue;
        }
        migration.up(&manager).await.or_db_error()?;
        let mut note = Query::insert();
        note.into_table(LEDGER_TABLE).columns(["name"]).values_panic([migration.name().into()]);
        manager.execute_statement(note).await.or_db_error()?;
    }
    Ok(())
}

/// Reads the names of applied migrations. Creates the table first, when it does not exist.
async fn read_ledger(manager: &SchemaManager<'_>) -> std::result::Result<BTreeSet<String>, DbErr> {
    let mut ledger = Table::create().table(LEDGER_TABLE).if_not_exists().to_owned();
    ledger.col(string("name").primary_key());
    manager.create_table(ledger).await?;
    let names = Query::select().from(LEDGER_TABLE).column("name").to_owned();
    let rows = manager.transaction.query_all(&names).await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}
