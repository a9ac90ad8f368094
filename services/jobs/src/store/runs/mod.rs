//! Runs: the containers of jobs with their outcomes.

pub mod log_tail;
pub mod queries;
pub mod run;
pub mod state;

pub use log_tail::LogTail;
pub use run::{Run, format_run_id};
pub use state::{RunCause, StoredRunEnd, StoredRunProblem, StoredRunState};
