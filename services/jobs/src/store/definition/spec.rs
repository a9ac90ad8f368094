//! The spec of a job, in the form in which it is stored.

use hearth_base::{Cpu, JobName, Memory};
use hearth_wire::jobs::{
    Checks, Concurrency, Emails, HealthCheck, JobType, MountMode, PortProtocol, StopPolicy,
};
use serde::{Deserialize, Serialize};

/// The spec of a job. A field that its maintainers did not write is `None`, and its default holds.
///
/// This is the stored form too: `tests/golden/job-spec-*.json` have to stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    pub name: JobName,
    pub job_type: JobType,
    /// Its maintainers also wrote `continuous`, the older word for a type.
    #[serde(default)]
    pub continuous: bool,
    /// The image as it was asked for.
    pub imagename: String,
    /// Empty for the image's own command.
    pub cmd: String,
    pub schedule: Option<String>,
    pub timezone: Option<String>,
    /// Seconds that a scheduled run may start late.
    pub starting_deadline: Option<u32>,
    pub concurrency: Option<Concurrency>,
    pub filelog: Option<bool>,
    pub filelog_stdout: Option<String>,
    pub filelog_stderr: Option<String>,
    pub emails: Option<Emails>,
    /// The most retries of a failed run.
    pub retry: Option<u8>,
    /// Seconds that a run may take; 0 for no limit.
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
    /// It is the tool's page.
    pub publish: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::golden;
    use hearth_base::Result;
    use hearth_wire::jobs::{HealthAsk, JobCreate, StopSignal};

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
            memory: Some(Memory::mib(512)),
            cpu: Some(Cpu::milli(500)),
            disk: Some(Memory::mib(2048)),
            replicas: Some(3),
            port: Some(8080),
            port_protocol: Some(PortProtocol::Tcp),
            health_check: Some(HealthCheck::of(HealthAsk::Http("/healthz".to_owned()))),
            checks: Some(Checks {
                startup: Some(HealthCheck::of(HealthAsk::Tcp)),
                readiness: None,
                liveness: Some(HealthCheck {
                    ask: HealthAsk::Script("./alive".to_owned()),
                    interval: Some(30),
                    timeout: Some(5),
                    failures: Some(2),
                }),
                start_within: Some(300),
            }),
            stop: Some(StopPolicy { signal: Some(StopSignal::Int), grace: Some(60) }),
            auto_update: Some(true),
            publish: Some(true),
        };
        golden::check("job-spec-1.json", &expected)
    }

    #[test]
    fn job_spec_of_version_1_without_optional_fields_is_read() -> Result<()> {
        let least = JobSpec::from_create(JobCreate::new("tidy".parse()?, "bookworm", ""))?;
        golden::check("job-spec-1-least.json", &least)
    }
}
