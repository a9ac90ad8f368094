//! Shared logic of services that use a runtime: applying workloads with their images, copying logs,
//! interpreting outcomes.
//!
//! It does not depend on a service: each service passes an [`ImageStore`] and a [`LogSink`].

mod apply;
mod line_joiner;
mod locks;
mod logs;
mod outcome;

pub use apply::{Controller, ImageStore};
pub use line_joiner::LineJoiner;
pub use logs::{LinePace, LogPump, LogSink};
pub use outcome::{Conclusion, OutcomeLimits, describe_limits_met, extract_exit_status};
