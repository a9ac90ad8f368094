//! What services do with a runtime, in one place: ensure an image, apply a workload, take logs, read outcomes.
//!
//! It knows no service: where blobs come from and where lines go is said by the service that uses it.

mod apply;
mod locks;
mod logs;
mod outcome;

pub use apply::{BlobSource, Controller};
pub use logs::{LogPump, LogSink};
pub use outcome::{Conclusion, OutcomeLimits, describe_limits_met, exit_status};
