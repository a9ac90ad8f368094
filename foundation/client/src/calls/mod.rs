//! One method per endpoint, a file per resource.

mod accounts;
mod accounts_internal;
mod audit;
mod builds;
mod components;
mod config;
mod deploy_tokens;
mod envvars;
mod events;
mod exec;
mod images;
mod images_internal;
mod jobs;
mod logs;
mod notify;
mod queue;
mod registry;
mod storage;
mod tools;

pub use accounts::AccountsCalls;
pub use accounts_internal::AccountsInternalCalls;
pub use audit::AuditCalls;
pub use builds::BuildsCalls;
pub use components::ComponentsCalls;
pub use config::ConfigText;
pub use envvars::EnvvarsCalls;
pub use exec::{ExecInput, ExecOutput};
pub use images::ImagesCalls;
pub use images_internal::ImagesInternalCalls;
pub use jobs::JobsCalls;
pub use logs::LogsCalls;
pub use notify::NotifyCalls;
pub use queue::QueueCalls;
pub use registry::RegistryCalls;
pub use storage::StorageCalls;
pub use tools::ToolsCalls;
