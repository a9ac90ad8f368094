//! The spec of a job in its stored form.

use hearth_base::{Cpu, EnvvarName, JobName, Memory};
use hearth_wire::jobs::{
    Checks, Concurrency, Emails, HealthCheck, JobPreview, JobType, JobVariables, MountMode, PortProtocol,
    StopPolicy,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The spec of a job. A field that its maintainers did not set is `None` and has its default.
///
/// This is also the stored form: `tests/golden/job-spec-*.json` must stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    pub name: JobName,
    pub job_type: JobType,
    /// True if its maintainers also set `continuous`, the older form of the type.
    #[serde(default)]
    pub continuous: bool,
    /// The requested name of the image.
    pub imagename: String,
    /// Empty for the image's own command.
    pub cmd: String,
    pub schedule: Option<String>,
    pub timezone: Option<String>,
    /// Maximum delay of a scheduled run in seconds.
    pub starting_deadline: Option<u32>,
    pub concurrency: Option<Concurrency>,
    pub filelog: Option<bool>,
    pub filelog_stdout: Option<String>,
    pub filelog_stderr: Option<String>,
    pub emails: Option<Emails>,
    /// Maximum number of retries of a failed run.
    pub retry: Option<u8>,
    /// Maximum duration of a run in seconds; 0: no limit.
    pub timeout: Option<u32>,
    pub mount: Option<MountMode>,
    pub memory: Option<Memory>,
    pub cpu: Option<Cpu>,
    pub disk: Option<Memory>,
    pub replicas: Option<u16>,
    pub port: Option<u16>,
    pub port_protocol: Option<PortProtocol>,
    pub health_check: Option<HealthCheck>,
    pub checks: Option<Checks>,
    pub stop: Option<StopPolicy>,
    pub auto_update: Option<bool>,
    /// Time without visits after which a page sleeps, in seconds; 0: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sleep_after: Option<u32>,
    /// Environment variables of the job's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables: Option<JobVariables>,
    /// Names of the tool's variables that runs get; `None`: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envvars: Option<Vec<EnvvarName>>,
    /// The preview that it is part of, if it is not the tool's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<JobPreview>,
    /// Time whose values the tool's variables have in the runs; `None`: the current ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envvars_at: Option<Timestamp>,
    /// True if it is the tool's page.
    pub publish: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::golden;
    use hearth_base::{Error, Result};
    use hearth_wire::jobs::{HealthProbe, JobCreate, StopSignal};

    #[test]
    fn job_spec_of_version_1_is_read() -> Result<()> {
        let expected = JobSpec {
            name: "web".parse()?,
            job_type: JobType::Webservice,
            continuous: true,
            imagename: "python3.11".to_owned(),
            cmd: "./serve".to_owned(),
            schedule: Some("@daily".to_owned()),
            timezone: Some("Europe/Berlin".to_owned()),
            starting_deadline: Some(60),
            concurrency: Some(Concurrency::Replace),
            filelog: Some(true),
            filelog_stdout: Some("logs/web.out".to_owned()),
            filelog_stderr: Some("logs/web.err".to_owned()),
            emails: Some(Emails::OnFailure),
            retry: Some(2),
            timeout: Some(3600),
            mount: Some(MountMode::None),
            memory: Some(Memory::from_mib(512)),
            cpu: Some(Cpu::from_milli(500)),
            disk: Some(Memory::from_mib(2048)),
            replicas: Some(3),
            port: Some(8080),
            port_protocol: Some(PortProtocol::Tcp),
            health_check: Some(HealthCheck::from_probe(HealthProbe::Http("/healthz".to_owned()))),
            checks: Some(Checks {
                startup: Some(HealthCheck::from_probe(HealthProbe::Tcp)),
                readiness: None,
                liveness: Some(HealthCheck {
                    probe: HealthProbe::Script("./alive".to_owned()),
                    interval: Some(30),
                    timeout: Some(5),
                    failures: Some(2),
                }),
                start_within: Some(300),
            }),
            stop: Some(StopPolicy { signal: Some(StopSignal::Int), grace: Some(60) }),
            auto_update: Some(true),
            sleep_after: None,
            variables: None,
            envvars: None,
            preview: None,
            envvars_at: None,
            publish: Some(true),
        };
        golden::check_golden_file("job-spec-1.json", &expected)
    }

    #[test]
    fn job_spec_with_sleep_is_read() -> Result<()> {
        let create = JobCreate { filelog: None, ..JobCreate::new("tidy".parse()?, "bookworm", "") };
        let sleeping = JobSpec { sleep_after: Some(1800), ..JobSpec::from_create(create)? };
        golden::check_golden_file("job-spec-2.json", &sleeping)
    }

    #[test]
    fn job_spec_with_variables_is_read() -> Result<()> {
        let variables = [("LOG_LEVEL".parse()?, "debug".to_owned())].into_iter().collect();
        let create = JobCreate {
            filelog: None,
            variables: Some(variables),
            envvars: Some(vec!["API_KEY".parse()?]),
            envvars_at: Some(Timestamp::from_second(1_700_000_000).map_err(Error::internal)?),
            ..JobCreate::new("tidy".parse()?, "bookworm", "")
        };
        golden::check_golden_file("job-spec-2-variables.json", &JobSpec::from_create(create)?)
    }

    #[test]
    fn job_spec_of_a_preview_is_read() -> Result<()> {
        let expires = "2026-12-07T12:00:00Z".parse().map_err(Error::internal)?;
        let create = JobCreate {
            filelog: None,
            preview: Some(JobPreview { expires }),
            ..JobCreate::new("web--pr-7".parse()?, "tool-hello", "web")
        };
        golden::check_golden_file("job-spec-2-preview.json", &JobSpec::from_create(create)?)
    }

    #[test]
    fn job_spec_of_version_1_without_optional_fields_is_read() -> Result<()> {
        let create = JobCreate { filelog: None, ..JobCreate::new("tidy".parse()?, "bookworm", "") };
        let least = JobSpec::from_create(create)?;
        golden::check_golden_file("job-spec-1-least.json", &least)
    }
}
