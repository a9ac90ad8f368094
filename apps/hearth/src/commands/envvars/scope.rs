//! The scope of a command about variables: the tool, or one job.

use hearth_base::{EnvvarName, JobName};
use hearth_wire::envvars::EnvvarsScope;

/// The flag that selects the scope.
#[derive(Debug, clap::Args)]
pub struct JobScopeArgs {
    /// For this job only; it overrides the tool's variable
    ///
    /// The job need not exist yet. Its variables outlive it, for a later job of that name, until they are
    /// deleted.
    #[arg(long, value_name = "JOB")]
    job: Option<JobName>,
}

impl JobScopeArgs {
    /// Converts the flag to the API's scope.
    pub fn to_scope(&self) -> EnvvarsScope {
        EnvvarsScope { job: self.job.clone() }
    }

    /// Describes the variable `name` in this scope, for messages.
    pub fn describe_variable(&self, name: &EnvvarName) -> String {
        match &self.job {
            Some(job) => format!("variable {name} of the job {job}"),
            None => format!("variable {name}"),
        }
    }
}
