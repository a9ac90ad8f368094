//! Enum columns of a run.

use sea_orm::entity::prelude::*;

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum StoredRunState {
    /// The runtime has not accepted it yet.
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
pub enum StoredRunEnd {
    /// Its process returned an exit status.
    #[sea_orm(string_value = "exited")]
    Exited,
    /// A signal ended it.
    #[sea_orm(string_value = "killed")]
    Killed,
    /// It was stopped by a request.
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
    /// Its outcome is unknown.
    #[sea_orm(string_value = "lost")]
    Lost,
}

/// The problem of a running container that is not ready, if programs distinguish it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum StoredRunProblem {
    /// It listens at the loopback interface of its container only.
    #[sea_orm(string_value = "listens-on-loopback")]
    ListensOnLoopback,
    /// It listens on another port than its own.
    #[sea_orm(string_value = "listens-on-other-port")]
    ListensOnOtherPort,
}

/// The cause of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum RunCause {
    /// The creation or change of its job.
    #[sea_orm(string_value = "create")]
    Create,
    /// A due time.
    #[sea_orm(string_value = "schedule")]
    Schedule,
    /// A request to run or restart.
    #[sea_orm(string_value = "restart")]
    Restart,
    /// The failure of the previous attempt.
    #[sea_orm(string_value = "retry")]
    Retry,
    /// A replica of a continuous job had no container.
    #[sea_orm(string_value = "keep")]
    Keep,
}
