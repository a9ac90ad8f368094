//! The work of services with a runtime, in one place: ensure an image, apply a workload, take logs, read outcomes.
//!
//! It knows no service: a service gives it the store of images and the sink of lines.

mod apply;
mod locks;
mod logs;
mod outcome;

pub use apply::{Controller, ImageStore};
pub use logs::{LogPump, LogSink};
pub use outcome::{Conclusion, OutcomeLimits, describe_limits_met, exit_status};
