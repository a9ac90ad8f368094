//! Whose variables a command is about: the whole tool's, or one job's.

use hearth_base::{EnvvarName, JobName};
use hearth_wire::envvars::EnvvarsScope;

/// Whose variables are meant.
#[derive(Debug, clap::Args)]
pub struct OfJob {
    /// For this job alone, where it wins over the tool's
    ///
    /// The job need not be there yet. Its variables outlive it: they wait for a job of that name until they are deleted.
    #[arg(long, value_name = "JOB")]
    job: Option<JobName>,
}

impl OfJob {
    /// As the server is asked.
    pub fn scope(&self) -> EnvvarsScope {
        EnvvarsScope { job: self.job.clone() }
    }

    /// The variable `name` as it is called in a sentence.
    pub fn names(&self, name: &EnvvarName) -> String {
        match &self.job {
            Some(job) => format!("variable {name} of the job {job}"),
            None => format!("variable {name}"),
        }
    }
}
