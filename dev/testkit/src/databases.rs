//! Databases that are a test's own.

use std::process::Command;

use hearth_base::{Entropy, Error, Result, Role, Secret};
use hearth_kit::db::Db;
use tempfile::TempDir;

/// Which kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// SQLite files.
    Files,
    /// PostgreSQL.
    Postgres,
    /// MariaDB: for what services share of databases.
    MariaDb,
}

/// A database that nobody else uses, gone with this value (SQLite) or with the server (PostgreSQL).
pub struct Scratch {
    db: Db,
    /// Where it is a file.
    folder: Option<TempDir>,
    /// Where it is a server's: which server, and the name there.
    server: Store,
    schema: String,
}

impl Scratch {
    /// An empty database.
    pub async fn new(store: Store) -> Result<Self> {
        match store {
            Store::Files => {
                let folder = tempfile::tempdir().map_err(Error::internal)?;
                let db = Db::open_file(folder.path(), Role::Accounts).await?;
                Ok(Self { db, folder: Some(folder), server: store, schema: String::new() })
            }
            Store::Postgres => {
                let schema = unique_name();
                let db = Db::open_schema(&postgres_url()?, &schema).await?;
                Ok(Self { db, folder: None, server: store, schema })
            }
            Store::MariaDb => {
                let schema = unique_name();
                let db = Db::open_mariadb(&mariadb_url()?, &schema).await?;
                Ok(Self { db, folder: None, server: store, schema })
            }
        }
    }

    /// Opens the same database once more, as another process of the same service does.
    pub async fn open_again(&self) -> Result<Db> {
        match (&self.folder, self.server) {
            (Some(folder), _) => Db::open_file(folder.path(), Role::Accounts).await,
            (None, Store::MariaDb) => Db::open_mariadb(&mariadb_url()?, &self.schema).await,
            (None, _) => Db::open_schema(&postgres_url()?, &self.schema).await,
        }
    }

    /// The name of its schema; empty for a file.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The database.
    pub fn db(&self) -> Db {
        self.db.clone()
    }
}

/// A new, empty database on the PostgreSQL server of the tests.
pub(crate) fn new_postgres() -> Result<Secret> {
    let server = postgres_url()?;
    let name = unique_name();
    let made = Command::new("createdb")
        .arg(format!("--maintenance-db={}", server.reveal()))
        .arg("--")
        .arg(&name)
        .output()
        .map_err(Error::internal)?;
    if !made.status.success() {
        return Err(Error::internal(String::from_utf8_lossy(&made.stderr).into_owned()));
    }
    let (address, _) =
        server.reveal().rsplit_once('/').ok_or_else(|| Error::internal("no database named"))?;
    Ok(Secret::new(format!("{address}/{name}")))
}

#[expect(clippy::disallowed_methods, reason = "the test command says in the environment where its server is")]
fn postgres_url() -> Result<Secret> {
    let url = std::env::var("HEARTH_TEST_POSTGRES").map_err(|_| {
        Error::internal("HEARTH_TEST_POSTGRES is not set: run ./test, which starts a PostgreSQL server")
    })?;
    Ok(Secret::new(url))
}

#[expect(clippy::disallowed_methods, reason = "the test command says in the environment where its server is")]
fn mariadb_url() -> Result<Secret> {
    let url = std::env::var("HEARTH_TEST_MARIADB").map_err(|_| {
        Error::internal("HEARTH_TEST_MARIADB is not set: run ./test, which starts a MariaDB server")
    })?;
    Ok(Secret::new(url))
}

/// A name that no other test has, nor had: the numbers of processes come again.
fn unique_name() -> String {
    format!("t_{:016x}", u64::from_le_bytes(Entropy::System.bytes()))
}
