//! Paths of the tool's home inside a run.

use hearth_base::{JobName, ToolName};

/// Returns the path of the tool's home inside a run.
pub fn home_path(tool: &ToolName) -> String {
    format!("/data/project/{tool}")
}

/// Returns the path of an output file of a job.
pub fn log_file_path(job: &JobName, file: Option<&str>, tool: &ToolName, ending: &str) -> String {
    match file {
        Some(absolute) if absolute.starts_with('/') => absolute.to_owned(),
        Some(relative) => format!("{}/{relative}", home_path(tool)),
        None => format!("{}/{job}.{ending}", home_path(tool)),
    }
}
