//! Conversion of database errors into Hearth's errors.

use hearth_base::{Error, Result};
use sea_orm::{DbErr, RuntimeErr, SqlErr, SqlxError};

/// Converts the result of a database call into Hearth's result.
pub trait OrDbError<T> {
    /// Converts the error: `disk-full` or `database` (unavailable), or an internal error.
    fn or_db_error(self) -> Result<T>;

    /// As [`OrDbError::or_db_error`], but a violated unique constraint becomes `refusal`.
    fn or_unique_violation(self, refusal: impl FnOnce() -> Error) -> Result<T>;
}

impl<T> OrDbError<T> for std::result::Result<T, DbErr> {
    fn or_db_error(self) -> Result<T> {
        self.map_err(to_db_error)
    }

    fn or_unique_violation(self, refusal: impl FnOnce() -> Error) -> Result<T> {
        self.map_err(|cause| match cause.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => refusal(),
            _ => to_db_error(cause),
        })
    }
}

fn to_db_error(cause: DbErr) -> Error {
    let text = cause.to_string();
    if text.contains("database or disk is full") || text.contains("No space left on device") {
        return Error::unavailable("disk-full", "the disk with Hearth's data is full; nothing was changed")
            .help("ask an operator of this Hearth to free disk space")
            .with_cause(cause);
    }
    if is_retriable(&cause) {
        return Error::unavailable("database", "the database does not respond")
            .help("try again in a moment")
            .with_cause(cause);
    }
    Error::internal(cause)
}

/// True when the database is unavailable or rolled the transaction back because of a conflict, so that a retry may
/// succeed. Codes: PostgreSQL, appendix A (classes 08 connection, 40 rollback, 53 resources, 57P operator), of which
/// MariaDB has the first two; SQLite's 5 (`SQLITE_BUSY`) and 6 (`SQLITE_LOCKED`).
fn is_retriable(cause: &DbErr) -> bool {
    let runtime = match cause {
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => return true,
        DbErr::Exec(runtime) | DbErr::Query(runtime) => runtime,
        _ => return false,
    };
    let RuntimeErr::SqlxError(error) = runtime else { return false };
    match &**error {
        SqlxError::Io(_) | SqlxError::PoolClosed | SqlxError::PoolTimedOut | SqlxError::WorkerCrashed => true,
        SqlxError::Database(error) => error.code().is_some_and(|code| {
            ["08", "40", "53", "57P"].iter().any(|class| code.len() == 5 && code.starts_with(class))
                || matches!(&*code, "5" | "6")
                // MariaDB reports a lock timeout with the general SQLSTATE HY000.
                || error.message().starts_with("Lock wait timeout exceeded")
        }),
        _ => false,
    }
}
