//! Definitions of jobs: checked, completed with defaults, and turned into plans. It knows neither the database nor
//! other services.

pub mod checks;
pub mod command;
pub mod define;
pub mod home;
pub mod plan;
pub mod refusals;
pub mod spec;

use hearth_base::{Error, JobName, ToolId, ToolName};

/// The tool whose jobs are read or changed.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    pub tool: ToolId,
    pub name: &'a ToolName,
}

/// The refusal of a job that is not there.
pub fn no_such_job(name: &JobName) -> Error {
    Error::not_found("job", name).help("hearth jobs list")
}
