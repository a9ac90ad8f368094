//! What a database's error means to the rest of Hearth.

use hearth_base::{Error, Result};
use sea_orm::{DbErr, SqlErr};

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
    match cause {
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => {
            Error::unavailable("database", "the database does not answer").because(cause)
        }
        _ => Error::internal(cause),
    }
}
