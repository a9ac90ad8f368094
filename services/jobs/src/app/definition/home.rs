//! Paths in the tool's home, as a run sees them.

use hearth_base::{JobName, ToolName};

/// The tool's home, as a run sees it.
pub fn home(tool: &ToolName) -> String {
    format!("/data/project/{tool}")
}

/// The path of a file for the output of a job.
pub fn log_file(job: &JobName, file: Option<&str>, tool: &ToolName, ending: &str) -> String {
    match file {
        Some(absolute) if absolute.starts_with('/') => absolute.to_owned(),
        Some(relative) => format!("{}/{relative}", home(tool)),
        None => format!("{}/{job}.{ending}", home(tool)),
    }
}
