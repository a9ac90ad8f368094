//! One method per endpoint, a file per resource.

mod accounts;
mod audit;
mod internal;
mod tools;

pub use accounts::AccountsCalls;
pub use audit::AuditCalls;
pub use internal::InternalCalls;
pub use tools::ToolsCalls;
