//! Runs: the containers of jobs with their outcomes.

pub mod queries;
pub mod run;
pub mod state;

pub use run::{LogTail, Run, format_run_id};
pub use state::{RunCause, StoredRunEnd, StoredRunState};
