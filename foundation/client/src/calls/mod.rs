//! One method per endpoint, a file per resource.

mod accounts;
mod audit;
mod images;
mod images_internal;
mod exec;
mod internal;
mod jobs;
mod tools;

pub use accounts::AccountsCalls;
pub use audit::AuditCalls;
pub use images::ImagesCalls;
pub use images_internal::ImagesInternalCalls;
pub use exec::{ExecInput, ExecOutput};
pub use internal::InternalCalls;
pub use jobs::JobsCalls;
pub use tools::ToolsCalls;
