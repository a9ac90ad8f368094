//! Databases for one test each.

use std::process::Command;

use hearth_base::{Entropy, Error, Result, Role, Secret};
use hearth_kit::db::Db;
use tempfile::TempDir;

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// SQLite files.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MariaDB: for database code that services share.
    MariaDb,
}

/// A database for one test. It is deleted with this value (SQLite) or with the server of the tests
/// (PostgreSQL, MariaDB).
pub struct ScratchDatabase {
    db: Db,
    /// The folder of an SQLite database.
    folder: Option<TempDir>,
    /// The kind, and the name on a database server.
    kind: DatabaseKind,
    schema: String,
}

impl ScratchDatabase {
    /// Creates an empty database.
    pub async fn new(store: DatabaseKind) -> Result<Self> {
        match store {
            DatabaseKind::Sqlite => {
                let folder = tempfile::tempdir().map_err(Error::internal)?;
                let db = Db::open_file(folder.path(), Role::Accounts).await?;
                Ok(Self { db, folder: Some(folder), kind: store, schema: String::new() })
            }
            DatabaseKind::Postgres => {
                let schema = unique_name();
                let db = Db::open_schema(&postgres_url()?, &schema).await?;
                Ok(Self { db, folder: None, kind: store, schema })
            }
            DatabaseKind::MariaDb => {
                let schema = unique_name();
                let db = Db::open_mariadb(&mariadb_url()?, &schema).await?;
                Ok(Self { db, folder: None, kind: store, schema })
            }
        }
    }

    /// Opens a second handle to the same database, as another process of the same service does.
    pub async fn open_second_handle(&self) -> Result<Db> {
        match (&self.folder, self.kind) {
            (Some(folder), _) => Db::open_file(folder.path(), Role::Accounts).await,
            (None, DatabaseKind::MariaDb) => Db::open_mariadb(&mariadb_url()?, &self.schema).await,
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

/// Creates an empty database on the PostgreSQL server of the tests and returns its URL.
pub(crate) fn new_postgres() -> Result<Secret> {
    let server = postgres_url()?;
    let name = unique_name();
    let created = Command::new("createdb")
        .arg(format!("--maintenance-db={}", server.expose_secret()))
        .arg("--")
        .arg(&name)
        .output()
        .map_err(Error::internal)?;
    if !created.status.success() {
        return Err(Error::internal(String::from_utf8_lossy(&created.stderr).into_owned()));
    }
    let (address, _) = server
        .expose_secret()
        .rsplit_once('/')
        .ok_or_else(|| Error::internal("HEARTH_TEST_POSTGRES has no database name"))?;
    Ok(Secret::new(format!("{address}/{name}")))
}

#[expect(clippy::disallowed_methods, reason = "./test sets the URL of its server in the environment")]
fn postgres_url() -> Result<Secret> {
    let url = std::env::var("HEARTH_TEST_POSTGRES").map_err(|_| {
        Error::internal("HEARTH_TEST_POSTGRES is not set: run ./test, which starts a PostgreSQL server")
    })?;
    Ok(Secret::new(url))
}

#[expect(clippy::disallowed_methods, reason = "./test sets the URL of its server in the environment")]
fn mariadb_url() -> Result<Secret> {
    let url = std::env::var("HEARTH_TEST_MARIADB").map_err(|_| {
        Error::internal("HEARTH_TEST_MARIADB is not set: run ./test, which starts a MariaDB server")
    })?;
    Ok(Secret::new(url))
}

/// Returns a random database name. Process ids would not be unique, because the kernel reuses them.
fn unique_name() -> String {
    format!("t_{:016x}", u64::from_le_bytes(Entropy::System.generate_bytes()))
}
