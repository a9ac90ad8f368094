//! Columns of a run that hold one word.

use sea_orm::entity::prelude::*;

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum RunState {
    /// The runtime has not been told of it.
    #[sea_orm(string_value = "waiting")]
    Waiting,
    #[sea_orm(string_value = "starting")]
    Starting,
    #[sea_orm(string_value = "running")]
    Running,
    #[sea_orm(string_value = "ended")]
    Ended,
}

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum RunEnd {
    /// Its process returned a status.
    #[sea_orm(string_value = "exited")]
    Exited,
    /// A signal ended it.
    #[sea_orm(string_value = "killed")]
    Killed,
    /// It was stopped on request.
    #[sea_orm(string_value = "stopped")]
    Stopped,
    #[sea_orm(string_value = "out-of-memory")]
    OutOfMemory,
    #[sea_orm(string_value = "timed-out")]
    TimedOut,
    /// Its startup or liveness check failed.
    #[sea_orm(string_value = "unhealthy")]
    Unhealthy,
    #[sea_orm(string_value = "not-started")]
    NotStarted,
    /// Its outcome is not known.
    #[sea_orm(string_value = "lost")]
    Lost,
}

/// The cause of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Cause {
    /// Its job was made or changed.
    #[sea_orm(string_value = "create")]
    Create,
    /// It was due.
    #[sea_orm(string_value = "schedule")]
    Schedule,
    /// A request.
    #[sea_orm(string_value = "restart")]
    Restart,
    /// The failure of the run before.
    #[sea_orm(string_value = "retry")]
    Retry,
    /// Its job is kept running.
    #[sea_orm(string_value = "keep")]
    Keep,
}
