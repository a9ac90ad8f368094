//! What a job may say, what that means, and what is run for it. It knows neither the database nor other services.

pub mod checks;
pub mod command;
pub mod define;
pub mod home;
pub mod plan;
pub mod refusals;
pub mod spec;

use hearth_base::{Error, JobName, ToolId, ToolName};

/// Whose jobs are changed.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    pub tool: ToolId,
    pub name: &'a ToolName,
}

/// What is told of a job that is not there.
pub fn no_such_job(name: &JobName) -> Error {
    Error::not_found("job", name).help("hearth jobs list")
}
