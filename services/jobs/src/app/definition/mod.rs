//! Definitions of jobs: validates them, adds defaults and builds plans, without database and other services.

pub mod command;
pub mod health_checks;
pub mod home;
pub mod page;
pub mod plan;
pub mod preview;
pub mod refusals;
mod requests;
pub mod spec;
pub mod validation;
pub mod variables;

use hearth_base::{Error, JobName, ToolId, ToolName};

/// The tool whose jobs are read or changed.
#[derive(Debug, Clone, Copy)]
pub struct ToolScope<'a> {
    pub tool: ToolId,
    pub name: &'a ToolName,
}

/// The error of a request for a job that does not exist.
pub fn job_not_found_error(name: &JobName) -> Error {
    Error::not_found("job", name).help("hearth jobs list")
}
