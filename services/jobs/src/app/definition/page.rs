//! The page that a job is: that of its tool, or that of an environment.

use hearth_base::{EnvironmentName, Error, Result};
use hearth_wire::jobs::JobType;

use crate::store::{Job, JobPage, JobSpec};

impl JobSpec {
    /// Returns whether it is a page: that of the tool, or that of an environment.
    pub fn is_page(&self) -> bool {
        self.publish.unwrap_or(self.job_type == JobType::Webservice)
    }

    /// Returns the time without visits after which it sleeps, in seconds; `None` if it never does.
    pub fn sleep_seconds(&self) -> Option<u32> {
        self.sleep_after.filter(|seconds| *seconds > 0 && self.is_page())
    }
}

/// Finds the page of a job with this spec; `None` if it is not published. A job `NAME--ENVIRONMENT` is the page of its
/// environment. One that is the page of the tool already (`current`) stays it, for names with two hyphens had no
/// meaning in release 0.1.0. `environment-name` (invalid) if the environment cannot be part of an address.
pub fn find_job_page(spec: &JobSpec, current: Option<&Job>) -> Result<Option<JobPage>> {
    if !spec.is_page() {
        return Ok(None);
    }
    if current.is_some_and(|job| job.page == Some(JobPage::Tool)) {
        return Ok(Some(JobPage::Tool));
    }
    let Some(environment) = spec.name.find_environment() else { return Ok(Some(JobPage::Tool)) };
    let parsed = environment.parse::<EnvironmentName>();
    if spec.preview.is_none() && parsed.as_ref().is_ok_and(|name| name.find_preview().is_some()) {
        let what = format!("job {} is published as the page of a preview, but is not part of it", spec.name);
        return Err(Error::invalid("environment-name", what)
            .help("name the job without --pr-NUMBER, or do not publish it"));
    }
    match parsed {
        Ok(environment) => Ok(Some(JobPage::Environment(environment))),
        Err(error) => {
            let reason = error.public_message();
            let what = format!("job {} is published as the page of an environment: {reason}", spec.name);
            Err(Error::invalid("environment-name", what)
                .help("name the job NAME--ENVIRONMENT, name it without --, or do not publish it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use hearth_wire::jobs::JobCreate;

    use super::*;

    fn find_page(name: &str, publish: bool) -> Result<Option<JobPage>> {
        let create = JobCreate {
            continuous: Some(true),
            publish: Some(publish),
            ..JobCreate::new(name.parse()?, "python3.11", "./run")
        };
        find_job_page(&JobSpec::from_create(create)?, None)
    }

    #[test]
    fn name_of_a_published_job_decides_its_page() -> Result<()> {
        assert_eq!(find_page("web", true)?, Some(JobPage::Tool));
        assert_eq!(find_page("web--staging", true)?, Some(JobPage::Environment("staging".parse()?)));
        assert_eq!(find_page("web--staging", false)?, None);
        assert_eq!(find_page("web--1", false)?, None);
        Ok(())
    }

    #[test]
    fn environment_that_fits_no_address_is_refused() {
        for (name, reason) in [
            ("web--1", "\"1\" cannot be an environment's name: 1 to 20 lower-case letters"),
            ("web--pr-7", "is published as the page of a preview"),
            ("web--pr-07", "pr- and digits are the name of a preview"),
            ("web--production", "it is the configuration itself"),
            ("w--a23456789012345678901", "1 to 20 lower-case letters"),
        ] {
            let error = find_page(name, true).unwrap_err();
            assert_eq!(error.code(), "environment-name", "{name}");
            assert!(error.public_message().contains(reason), "{name}: {error}");
        }
    }
}
