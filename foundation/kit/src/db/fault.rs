//! What a database's error means to the rest of Hearth.

use hearth_base::{Error, Result};
use sea_orm::{DbErr, RuntimeErr, SqlErr, SqlxError};

/// Turns a database's result into Hearth's.
pub trait OrFault<T> {
    /// Any error is a fault of the database or a defect of Hearth.
    fn or_fault(self) -> Result<T>;

    /// As [`OrFault::or_fault`], but a row that is already there is `refusal`.
    fn or_taken(self, refusal: impl FnOnce() -> Error) -> Result<T>;
}

impl<T> OrFault<T> for std::result::Result<T, DbErr> {
    fn or_fault(self) -> Result<T> {
        self.map_err(fault)
    }

    fn or_taken(self, refusal: impl FnOnce() -> Error) -> Result<T> {
        self.map_err(|cause| match cause.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => refusal(),
            _ => fault(cause),
        })
    }
}

fn fault(cause: DbErr) -> Error {
    let text = cause.to_string();
    if text.contains("database or disk is full") || text.contains("No space left on device") {
        return Error::unavailable(
            "disk-full",
            "the disk that holds Hearth's data is full; nothing was changed",
        )
        .help("whoever runs this Hearth has to make room")
        .because(cause);
    }
    if is_away(&cause) {
        return Error::unavailable("database", "the database does not answer")
            .help("try again in a moment")
            .because(cause);
    }
    Error::internal(cause)
}

/// Whether the database is away, or gave up this transaction for another's sake; trying again may help. Codes:
/// PostgreSQL, appendix A (08 connection, 40 rollback, 53 resources, 57P operator), of which MariaDB has the first two;
/// SQLite's 5 and 6 are busy and locked.
fn is_away(cause: &DbErr) -> bool {
    let runtime = match cause {
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => return true,
        DbErr::Exec(runtime) | DbErr::Query(runtime) => runtime,
        _ => return false,
    };
    let RuntimeErr::SqlxError(error) = runtime else { return false };
    match &**error {
        SqlxError::Io(_) | SqlxError::PoolClosed | SqlxError::PoolTimedOut | SqlxError::WorkerCrashed => true,
        SqlxError::Database(told) => told.code().is_some_and(|code| {
            ["08", "40", "53", "57P"].iter().any(|class| code.len() == 5 && code.starts_with(class))
                || matches!(&*code, "5" | "6")
                // MariaDB's code for it is the one of any error.
                || told.message().starts_with("Lock wait timeout exceeded")
        }),
        _ => false,
    }
}
