//! A service's own database: SQLite, PostgreSQL or MariaDB, behind one type.
//!
//! SQLite has one writer at a time, so there is one connection for writing, whose transactions begin
//! `IMMEDIATE`, and a few for reading beside it (WAL). A server has one pool for both. What one of the databases lacks is
//! done here, with a fall-back, and never spelled in a service:
//!
//! | need | here | lacking in |
//! |---|---|---|
//! | many rows changed in one statement, each in its own way | [`update_each`] | MariaDB: a statement for each row |
//! | waking other processes | [`wake`] | MariaDB, CockroachDB: they poll |
//! | migrations that all happen or none | [`migrate`] and its steps | MariaDB commits each: steps may be repeated |
//! | one process at a time migrates | [`migrate`] | CockroachDB: a failed one starts again |

mod at;
mod each;
mod fault;
mod migrate;
mod old_rows;
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

pub use at::At;
pub use each::update_each;
pub use fault::OrFault;
pub use migrate::{MigrationName, MigrationTrait, Migrations, SchemaManager, forget_migrations, migrate};
pub use old_rows::{OldRows, delete_old_rows};
pub use tx::Tx;
use wake::{Topic, WakeHub, WakeListener, WakeReach};

/// How long a turn or a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a server that was not used for so long is tested before it is used.
const IDLE: Duration = Duration::from_secs(1);

/// A service's database.
#[derive(Debug, Clone)]
pub struct Db {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    hub: Arc<WakeHub>,
    /// Tasks that connect this process with others of the same service; it ends with the last clone.
    links: Arc<std::sync::Mutex<JoinSet<()>>>,
    /// Where there is one writer at a time: whose turn it is of those who do what nobody waits for.
    turn: Option<Arc<Mutex<()>>>,
}

impl Db {
    /// Opens the SQLite file of `role` in `folder`, and makes it at the first start.
    pub async fn open_file(folder: &Path, role: Role) -> Result<Self> {
        let path = folder.join(format!("{role}.sqlite"));
        make_private(&path)?;
        let url = format!("sqlite://{}?mode=rwc", path.display());
        let writer = connect(sqlite(&url, 1)).await?;
        let reader = connect(sqlite(&url, 4)).await?;
        let hub = Arc::new(WakeHub::new(WakeReach::OneProcess));
        Ok(Self { reader, writer, hub, links: Arc::default(), turn: Some(Arc::default()) })
    }

    /// Opens the schema of `role` in a PostgreSQL database, and makes it at the first start.
    pub async fn open_postgres(url: &Secret, role: Role) -> Result<Self> {
        Self::open_schema(url, role.name()).await
    }

    /// Opens a schema by name: for tests, which each have their own.
    pub async fn open_schema(url: &Secret, schema: &str) -> Result<Self> {
        let plain = connect(quiet(ConnectOptions::new(url.reveal()), 1)).await?;
        let create = format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"");
        if let Err(fault) = plain.execute_unprepared(&create).await {
            // Two processes that start at once may both try; the second finds it made.
            plain.execute_unprepared(&create).await.map_err(|_| fault).or_fault()?;
        }
        plain.close().await.or_fault()?;
        let mut options = quiet(ConnectOptions::new(url.reveal()), 10);
        // One that was used a moment ago is not asked first whether it still stands.
        options.set_schema_search_path(schema).test_before_acquire_if_idle_for(IDLE);
        let both = connect(options).await?;
        let reach = reach_of_server(&both).await?;
        let hub = Arc::new(WakeHub::new(reach));
        let links = match reach {
            WakeReach::ConnectedProcesses => wake::connect_processes(&hub, url, schema, both.clone()).await,
            WakeReach::OneProcess | WakeReach::Polling => JoinSet::new(),
        };
        let links = Arc::new(std::sync::Mutex::new(links));
        Ok(Self { reader: both.clone(), writer: both, hub, links, turn: None })
    }

    /// Opens a database by name on a MariaDB server, and makes it at the first start: there a schema is a database. Names
    /// are compared byte by byte, and a transaction sees what was committed before each of its statements.
    #[cfg(feature = "mariadb")]
    pub async fn open_mariadb(url: &Secret, name: &str) -> Result<Self> {
        let plain = connect(quiet(ConnectOptions::new(url.reveal()), 1)).await?;
        let create =
            format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin");
        plain.execute_unprepared(&create).await.or_fault()?;
        plain.close().await.or_fault()?;
        let mut options = quiet(ConnectOptions::new(url.reveal()), 10);
        let database = name.to_owned();
        options.test_before_acquire_if_idle_for(IDLE);
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
        let both = connect(options).await?;
        let hub = Arc::new(WakeHub::new(WakeReach::Polling));
        Ok(Self { reader: both.clone(), writer: both, hub, links: Arc::default(), turn: None })
    }

    /// No database at all: for looking at a service without running it.
    pub fn unconnected() -> Self {
        let (reader, writer, links, turn) = Default::default();
        Self { reader, writer, hub: Arc::new(WakeHub::new(WakeReach::OneProcess)), links, turn }
    }

    /// A connection for reading.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Begins a transaction that writes. Dropped without `commit`, it never was.
    pub async fn begin(&self) -> Result<Tx> {
        self.begin_in(None).await
    }

    /// Begins a transaction that writes, and for which nobody waits: where there is one writer at a time, such take
    /// turns, so that somebody who does wait has at most one of them before him.
    pub async fn begin_behind(&self) -> Result<Tx> {
        let turn = match &self.turn {
            Some(turn) => {
                let turn = tokio::time::timeout(PATIENCE, Arc::clone(turn).lock_owned()).await;
                Some(turn.map_err(|_| Error::unavailable("database", "the database is busy for too long"))?)
            }
            None => None,
        };
        self.begin_in(turn).await
    }

    /// A boxed future, as those of [`Tx::commit`] and [`Db::ping`]: what is awaited in it is compiled in this crate, and
    /// not once more in each service.
    fn begin_in(&self, turn: Option<OwnedMutexGuard<()>>) -> BoxFuture<'_, Result<Tx>> {
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Box::pin(async move {
            let transaction = self.writer.begin_with_options(immediate).await.or_fault()?;
            Ok(Tx::new(transaction, Arc::clone(&self.hub), turn))
        })
    }

    /// Receives the wake-ups of some topics from now on.
    pub fn listen(&self, topics: impl IntoIterator<Item = Topic>) -> WakeListener {
        self.hub.add_listener(topics)
    }

    /// Wakes the waiters of topics that no transaction has changed: a state that is not in the database.
    pub fn wake(&self, topics: impl IntoIterator<Item = Topic>) {
        self.hub.wake_topics(&topics.into_iter().collect());
    }

    /// Has every waiter of this process look: for a test that sets the clock.
    pub fn wake_everybody(&self) {
        self.hub.wake_everybody();
    }

    /// Whether the database answers.
    pub fn ping(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.reader.ping().await.or_fault() })
    }

    /// Whether the server has locks by name: CockroachDB has none, and repeats a transaction that another one hinders.
    fn has_advisory_locks(&self) -> bool {
        self.hub.reach() == WakeReach::ConnectedProcesses
    }

    /// Which database it is.
    pub fn backend(&self) -> DatabaseBackend {
        self.writer.get_database_backend()
    }

    /// Closes all connections, after what they are doing.
    pub async fn close(self) -> Result<()> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        self.reader.close_by_ref().await.or_fault()?;
        self.writer.close_by_ref().await.or_fault()
    }
}

/// CockroachDB speaks PostgreSQL's protocol and has no `NOTIFY`.
async fn reach_of_server(connection: &DatabaseConnection) -> Result<WakeReach> {
    let version = Statement::from_string(DatabaseBackend::Postgres, "SELECT version() AS version");
    let row = connection.query_one_raw(version).await.or_fault()?;
    let version = row.map(|row| row.try_get::<String>("", "version")).transpose().or_fault()?;
    Ok(match version {
        Some(version) if version.contains("CockroachDB") => WakeReach::Polling,
        _ => WakeReach::ConnectedProcesses,
    })
}

fn quiet(mut options: ConnectOptions, most: u32) -> ConnectOptions {
    options.max_connections(most).sqlx_logging(false).acquire_timeout(PATIENCE);
    options
}

fn sqlite(url: &str, most: u32) -> ConnectOptions {
    let mut options = quiet(ConnectOptions::new(url), most);
    // A connection to a file does not break.
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

async fn connect(options: ConnectOptions) -> Result<DatabaseConnection> {
    Orm::connect(options).await.or_fault()
}

/// The file holds hashes of passwords and tokens: it is for its owner only, from its first byte.
fn make_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    made.map(drop).map_err(|cause| {
        Error::unavailable("database", format!("{} cannot be opened: {cause}", path.display())).because(cause)
    })
}
