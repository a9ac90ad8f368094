//! Runs: each container of a job, and how it ended.

pub mod queries;
pub mod run;

pub use run::{Cause, Run, Tail, id as run_id};
