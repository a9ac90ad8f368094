//! Conversion of the spec of a job from and to a request.
//!
//! Each conversion names every field of its source, so that a new field does not compile until both of them handle it.

use hearth_base::Result;
use hearth_wire::jobs::{JobCreate, JobType};

use super::refusals::job_type_error;
use crate::store::JobSpec;

impl JobSpec {
    /// Parses a request.
    ///
    /// # Errors
    ///
    /// `job-type` when `continuous` and `job_type` contradict each other.
    pub fn from_create(create: JobCreate) -> Result<Self> {
        let kind = create.effective_type();
        let JobCreate {
            name,
            imagename,
            cmd,
            job_type: _,
            continuous,
            schedule,
            timezone,
            starting_deadline,
            concurrency,
            filelog,
            filelog_stdout,
            filelog_stderr,
            emails,
            retry,
            timeout,
            mount,
            memory,
            cpu,
            disk,
            replicas,
            port,
            port_protocol,
            health_check,
            checks,
            stop,
            auto_update,
            sleep_after,
            variables,
            envvars,
            preview,
            envvars_at,
            publish,
        } = create;
        let is_kept = matches!(kind, JobType::Continuous | JobType::Webservice);
        if continuous == Some(true) && schedule.is_some() {
            return Err(job_type_error(
                "continuous and schedule exclude each other",
                "leave one of them out",
            ));
        }
        if continuous.is_some_and(|continuous| continuous != is_kept) {
            return Err(job_type_error(
                "continuous and job_type contradict each other",
                "leave continuous out",
            ));
        }
        Ok(Self {
            name,
            job_type: kind,
            // Older clients send it with every job, and treat any value in responses as true.
            continuous: continuous == Some(true),
            imagename,
            cmd,
            schedule,
            timezone,
            starting_deadline,
            concurrency,
            filelog,
            filelog_stdout,
            filelog_stderr,
            emails,
            retry,
            timeout,
            mount,
            memory,
            cpu,
            disk,
            replicas,
            port,
            port_protocol,
            health_check,
            checks,
            stop,
            auto_update,
            sleep_after,
            variables,
            envvars,
            preview,
            envvars_at,
            publish,
        })
    }

    /// Returns the request that would create a job of this spec.
    pub fn to_create(&self) -> JobCreate {
        let Self {
            name,
            job_type,
            continuous,
            imagename,
            cmd,
            schedule,
            timezone,
            starting_deadline,
            concurrency,
            filelog,
            filelog_stdout,
            filelog_stderr,
            emails,
            retry,
            timeout,
            mount,
            memory,
            cpu,
            disk,
            replicas,
            port,
            port_protocol,
            health_check,
            checks,
            stop,
            auto_update,
            sleep_after,
            variables,
            envvars,
            preview,
            envvars_at,
            publish,
        } = self.clone();
        JobCreate {
            name,
            imagename,
            cmd,
            job_type: Some(job_type),
            continuous: continuous.then_some(true),
            schedule,
            timezone,
            starting_deadline,
            concurrency,
            filelog,
            filelog_stdout,
            filelog_stderr,
            emails,
            retry,
            timeout,
            mount,
            memory,
            cpu,
            disk,
            replicas,
            port,
            port_protocol,
            health_check,
            checks,
            stop,
            auto_update,
            sleep_after,
            variables,
            envvars,
            preview,
            envvars_at,
            publish,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_of_a_spec_creates_the_same_spec() -> Result<()> {
        let create = JobCreate {
            continuous: Some(true),
            port: Some(8000),
            variables: Some([("LEVEL".parse()?, "debug".to_owned())].into_iter().collect()),
            ..JobCreate::new("web".parse()?, "python3.11", "./run")
        };
        let spec = JobSpec::from_create(create)?;
        assert_eq!(JobSpec::from_create(spec.to_create())?, spec);
        Ok(())
    }
}
