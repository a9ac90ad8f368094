//! Sandboxed runs: started at most once, followed to their end, and adopted by another builder after a
//! restart.

mod run_follower;
mod run_id;
mod run_input;

pub use run_follower::{AttemptRuns, RUNNING_VERSION};
pub use run_id::derive_run_id;
pub use run_input::{build_archive, stream_to_run};
