//! A service's own database: SQLite, PostgreSQL or MariaDB behind one type.
//!
//! SQLite has one writer at a time: one connection for writing, whose transactions begin `IMMEDIATE`, and a few
//! connections for reading (WAL mode). A server has one pool for both. Differences between the databases are handled
//! here, so that services contain no database-specific code:
//!
//! | feature | implemented by | fall-back |
//! |---|---|---|
//! | update many rows in one statement, each with its own values | [`bulk_update_rows`] | MariaDB: one statement per row |
//! | wake waiters in other processes | [`wake`] | MariaDB, CockroachDB: polling |
//! | transactional migrations | [`migrate`](mod@migrate) | MariaDB commits each statement: statements are idempotent |
//! | one process migrates at a time | [`migrate`](mod@migrate) | CockroachDB: a failed process starts again |

mod bulk_update;
mod db_error;
mod migrate;
mod old_rows;
mod timestamp;
mod tx;

pub mod columns;
pub mod events;
pub mod queue;
pub mod schema;
pub mod tool_state;
pub mod wake;

use std::{
    fs,
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use hearth_base::{Error, Result, Role, Secret};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database as Orm, DatabaseBackend, DatabaseConnection,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::JoinSet,
};

pub use bulk_update::bulk_update_rows;
pub use db_error::OrDbError;
pub use migrate::{MigrationName, MigrationTrait, Migrations, SchemaManager, forget_migrations, migrate};
pub use old_rows::{OldRows, delete_old_rows};
pub use timestamp::DbTimestamp;
pub use tx::Tx;
use wake::{WakeHub, WakeListener, WakeReach, WakeTopic};

/// Maximum wait for a connection or for the background lock.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A server connection that was idle for longer is tested before it is used.
const IDLE_TEST_THRESHOLD: Duration = Duration::from_secs(1);

/// A service's database.
#[derive(Debug, Clone)]
pub struct Db {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    hub: Arc<WakeHub>,
    /// Tasks that exchange wake-ups with other processes of the service; aborted when the last clone is dropped.
    process_links: Arc<std::sync::Mutex<JoinSet<()>>>,
    /// Lock that background transactions hold, on a database with one writer at a time.
    background_lock: Option<Arc<Mutex<()>>>,
}

impl Db {
    /// Opens the SQLite file of `role` in `folder`; creates it at the first start.
    pub async fn open_file(folder: &Path, role: Role) -> Result<Self> {
        let path = folder.join(format!("{role}.sqlite"));
        create_private_file(&path)?;
        let url = format!("sqlite://{}?mode=rwc", path.display());
        let writer = connect_database(build_sqlite_options(&url, 1)).await?;
        let reader = connect_database(build_sqlite_options(&url, 4)).await?;
        let hub = Arc::new(WakeHub::new(WakeReach::OneProcess));
        Ok(Self { reader, writer, hub, process_links: Arc::default(), background_lock: Some(Arc::default()) })
    }

    /// Opens the schema of `role` in a PostgreSQL database; creates it at the first start.
    pub async fn open_postgres(url: &Secret, role: Role) -> Result<Self> {
        Self::open_schema(url, role.name()).await
    }

    /// Opens a schema by name: for tests, which have one each.
    pub async fn open_schema(url: &Secret, schema: &str) -> Result<Self> {
        let plain = connect_database(set_pool_limits(ConnectOptions::new(url.expose_secret()), 1)).await?;
        let create = format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"");
        if let Err(fault) = plain.execute_unprepared(&create).await {
            // Two processes that start at once may both try to create it; the second attempt finds it.
            plain.execute_unprepared(&create).await.map_err(|_| fault).or_db_error()?;
        }
        plain.close().await.or_db_error()?;
        let mut options = set_pool_limits(ConnectOptions::new(url.expose_secret()), 10);
        // A connection that was used within `IDLE_TEST_THRESHOLD` is not tested first: that saves a round trip.
        options.set_schema_search_path(schema).test_before_acquire_if_idle_for(IDLE_TEST_THRESHOLD);
        let both = connect_database(options).await?;
        let reach = detect_wake_reach(&both).await?;
        let hub = Arc::new(WakeHub::new(reach));
        let links = match reach {
            WakeReach::ConnectedProcesses => wake::connect_processes(&hub, url, schema, both.clone()).await,
            WakeReach::OneProcess | WakeReach::Polling => JoinSet::new(),
        };
        let links = Arc::new(std::sync::Mutex::new(links));
        Ok(Self { reader: both.clone(), writer: both, hub, process_links: links, background_lock: None })
    }

    /// Opens a database by name on a MariaDB server, where a schema is a database; creates it at the first start.
    /// Text is compared byte by byte, and the isolation level is `READ COMMITTED`.
    #[cfg(feature = "mariadb")]
    pub async fn open_mariadb(url: &Secret, name: &str) -> Result<Self> {
        let plain = connect_database(set_pool_limits(ConnectOptions::new(url.expose_secret()), 1)).await?;
        let create =
            format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin");
        plain.execute_unprepared(&create).await.or_db_error()?;
        plain.close().await.or_db_error()?;
        let mut options = set_pool_limits(ConnectOptions::new(url.expose_secret()), 10);
        let database = name.to_owned();
        options.test_before_acquire_if_idle_for(IDLE_TEST_THRESHOLD);
        options.map_sqlx_mysql_opts(move |mysql| {
            mysql.database(&database).charset("utf8mb4").collation("utf8mb4_nopad_bin")
        });
        options.map_sqlx_mysql_pool_opts(|pool| {
            pool.after_connect(|connection, _| {
                Box::pin(async move {
                    let isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
                    sea_orm::sqlx::Executor::execute(connection, isolation).await.map(drop)
                })
            })
        });
        let both = connect_database(options).await?;
        let hub = Arc::new(WakeHub::new(WakeReach::Polling));
        Ok(Self {
            reader: both.clone(),
            writer: both,
            hub,
            process_links: Arc::default(),
            background_lock: None,
        })
    }

    /// No database: for inspecting a service without running it.
    pub fn without_connection() -> Self {
        let (reader, writer, links, turn) = Default::default();
        Self {
            reader,
            writer,
            hub: Arc::new(WakeHub::new(WakeReach::OneProcess)),
            process_links: links,
            background_lock: turn,
        }
    }

    /// The connections for reading.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Begins a write transaction. Dropped without `commit` it is rolled back.
    pub async fn begin(&self) -> Result<Tx> {
        self.begin_transaction(None).await
    }

    /// Begins a low-priority write transaction for background work. On a database with one writer at a time these
    /// transactions exclude each other, so that a request waits for at most one of them.
    pub async fn begin_background(&self) -> Result<Tx> {
        let turn = match &self.background_lock {
            Some(turn) => {
                let turn = tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(turn).lock_owned()).await;
                Some(turn.map_err(|_| {
                    Error::unavailable("database", "the database has been busy for too long")
                        .help("try again in a moment")
                })?)
            }
            None => None,
        };
        self.begin_transaction(turn).await
    }

    /// Boxed like the futures of [`Tx::commit`] and [`Db::check_connection`], so that it is compiled once in this
    /// crate and not again in each service.
    fn begin_transaction(&self, background_lock: Option<OwnedMutexGuard<()>>) -> BoxFuture<'_, Result<Tx>> {
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Box::pin(async move {
            let transaction = self.writer.begin_with_options(immediate).await.or_db_error()?;
            Ok(Tx::new(transaction, Arc::clone(&self.hub), background_lock))
        })
    }

    /// Creates a listener that receives the wake-ups of these topics from now on.
    pub fn listen(&self, topics: impl IntoIterator<Item = WakeTopic>) -> WakeListener {
        self.hub.add_listener(topics)
    }

    /// Wakes the waiters of topics whose state is not in the database.
    pub fn wake(&self, topics: impl IntoIterator<Item = WakeTopic>) {
        self.hub.wake_topics(&topics.into_iter().collect());
    }

    /// Wakes every waiter of this process: for a test that sets the clock.
    pub fn wake_all(&self) {
        self.hub.wake_all();
    }

    /// Checks that the database responds.
    pub fn check_connection(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.reader.ping().await.or_db_error() })
    }

    /// True when the server has advisory locks. CockroachDB has none; its conflicting transactions are retried.
    fn has_advisory_locks(&self) -> bool {
        self.hub.reach() == WakeReach::ConnectedProcesses
    }

    /// The kind of database.
    pub fn database_backend(&self) -> DatabaseBackend {
        self.writer.get_database_backend()
    }

    /// Closes all connections after their current statements.
    pub async fn close(self) -> Result<()> {
        self.process_links.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        self.reader.close_by_ref().await.or_db_error()?;
        self.writer.close_by_ref().await.or_db_error()
    }
}

/// Detects whether the server supports `NOTIFY`: CockroachDB speaks PostgreSQL's protocol without it.
async fn detect_wake_reach(connection: &DatabaseConnection) -> Result<WakeReach> {
    let version = Statement::from_string(DatabaseBackend::Postgres, "SELECT version() AS version");
    let row = connection.query_one_raw(version).await.or_db_error()?;
    let version = row.map(|row| row.try_get::<String>("", "version")).transpose().or_db_error()?;
    Ok(match version {
        Some(version) if version.contains("CockroachDB") => WakeReach::Polling,
        _ => WakeReach::ConnectedProcesses,
    })
}

fn set_pool_limits(mut options: ConnectOptions, max_connections: u32) -> ConnectOptions {
    options.max_connections(max_connections).sqlx_logging(false).acquire_timeout(ACQUIRE_TIMEOUT);
    options
}

fn build_sqlite_options(url: &str, max_connections: u32) -> ConnectOptions {
    let mut options = set_pool_limits(ConnectOptions::new(url), max_connections);
    // A connection to a file cannot be lost.
    options.test_before_acquire(false);
    options.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            .pragma("foreign_keys", "ON")
            .pragma("busy_timeout", "10000")
    });
    options
}

async fn connect_database(options: ConnectOptions) -> Result<DatabaseConnection> {
    Orm::connect(options).await.or_db_error()
}

/// Creates the file with mode 0600 before SQLite opens it: it contains hashes of passwords and tokens.
fn create_private_file(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let created = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    created.map(drop).map_err(|cause| {
        Error::unavailable("database", format!("{} cannot be opened: {cause}", path.display()))
            .with_cause(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_file_is_readable_by_its_owner_only() -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("accounts.db");
        create_private_file(&path)?;
        let mode = fs::metadata(&path).map_err(Error::internal)?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        Ok(())
    }
}
