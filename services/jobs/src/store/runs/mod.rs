//! Runs: each container of a job, and how it ended.

pub mod queries;
pub mod run;
pub mod state;

pub use run::{Run, Tail, id as run_id};
pub use state::{Cause, RunEnd, RunState};
