//! The plan of a workload: everything that its start needs, except the values of the tool's variables.

use std::collections::BTreeMap;

use hearth_base::{Cpu, EnvvarName, JobName, Memory, PreviewNumber, ToolId, ToolName};
use hearth_runtime_api::Owner;
use hearth_wire::jobs::{Checks, HealthCheck};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::ResolvedImage;

/// Default of the maximum seconds until a container's startup check passes.
const DEFAULT_START_SECONDS: u32 = 120;

/// The plan of a workload, without the values of the tool's variables, which are read when it is applied.
/// This is also the stored form: `tests/golden/plan-*.json` must stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadPlan {
    /// The job's name: its host name for the tool's other containers.
    pub job: JobName,
    /// The tool's name.
    pub tool: ToolName,
    /// The image.
    pub image: ResolvedImage,
    /// The program and its arguments; empty for a job of a preview, see [`PreviewPlan`].
    pub argv: Vec<String>,
    /// The preview that it is part of, if it is not the tool's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<PreviewPlan>,
    /// Environment variables of the image, of the job's own, and of Hearth.
    pub env: BTreeMap<String, String>,
    /// Names of the tool's variables that it gets; `None`: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envvars: Option<Vec<EnvvarName>>,
    /// Time whose values these variables have; `None`: the current ones. Release 0.1.0 ignores this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envvars_at: Option<Timestamp>,
    /// The working directory.
    pub cwd: String,
    /// User id and group id of its process.
    pub user: (u32, u32),
    /// Mount point of the tool's home, if it is mounted.
    pub home: Option<String>,
    /// Memory limit of each container.
    pub memory: Memory,
    /// Processor limit of each container.
    pub cpu: Cpu,
    /// Limit of processes and threads.
    pub processes: u32,
    /// Limit of disk that it may write outside of the home.
    pub disk: Memory,
    /// Maximum duration in seconds.
    pub timeout: Option<u32>,
    /// Seconds between the stop signal and the kill.
    pub grace: u32,
    /// Number of the stop signal.
    pub stop_signal: u8,
    /// Number of replicas.
    pub replicas: u16,
    /// Number of requested restarts.
    pub restart: u64,
    /// Maximum number of retries of a run.
    pub retry: u8,
    /// The TCP port that it listens on.
    pub port: Option<u16>,
    /// True if that port serves the tool's page, over HTTP.
    pub publish: bool,
    /// The health check for all probes that `checks` does not set.
    pub health: Option<HealthCheck>,
    /// Separate checks for startup, readiness and liveness.
    pub checks: Checks,
    /// True if ready old containers stay until their replacements are ready.
    pub await_ready: bool,
    /// True if it has no containers until the next visit of its page. It keeps its part of the quota, so that it can
    /// always wake. Release 0.1.0 ignores this, and runs its containers when it next changes the workload.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_asleep: bool,
}

/// The part of a plan that makes it one of a preview. It has the program, so that release 0.1.0, which would run it as a
/// workload of the tool, finds none and cannot start it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewPlan {
    /// The number of the preview.
    pub number: PreviewNumber,
    /// The program and its arguments.
    pub argv: Vec<String>,
}

/// The condition under which a container counts as started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartupCheck<'a> {
    /// A check of its job passes.
    Configured(&'a HealthCheck),
    /// Its page answers over HTTP with any status.
    PageAnswers,
    /// Its port accepts a connection.
    PortOpens,
}

/// The part of the tool's quota that all containers of a plan use. Read from the stored plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ResourceShare {
    /// Memory limit of each container.
    pub memory: Memory,
    /// Processor limit of each container.
    pub cpu: Cpu,
    /// Number of containers.
    pub replicas: u16,
}

impl WorkloadPlan {
    /// Returns the part of the quota that all of its containers use.
    pub fn resource_share(&self) -> ResourceShare {
        let Self { memory, cpu, replicas, .. } = *self;
        ResourceShare { memory, cpu, replicas }
    }

    /// Returns the program and its arguments.
    pub fn select_argv(&self) -> &[String] {
        self.preview.as_ref().map_or(&self.argv, |preview| &preview.argv)
    }

    /// Returns the owner of the workload in the runtime.
    pub fn find_owner(&self, tool: ToolId) -> Owner {
        match &self.preview {
            Some(preview) => Owner::Preview { tool, number: preview.number },
            None => Owner::Tool(tool),
        }
    }

    /// Returns the number of containers that are wanted now.
    pub fn wanted_replicas(&self) -> u16 {
        if self.is_asleep { 0 } else { self.replicas }
    }

    /// Returns the startup condition; `None` if a container counts as started when it runs.
    pub fn startup_check(&self) -> Option<StartupCheck<'_>> {
        let check = self.checks.startup.as_ref().or(self.health.as_ref());
        let check = check.or(self.checks.readiness.as_ref()).map(StartupCheck::Configured);
        check.or_else(|| {
            self.port.map(|_| if self.publish { StartupCheck::PageAnswers } else { StartupCheck::PortOpens })
        })
    }

    /// Returns the readiness check; `None` if a started container is ready.
    pub fn readiness_check(&self) -> Option<&HealthCheck> {
        self.checks.readiness.as_ref().or(self.health.as_ref())
    }

    /// Returns the liveness check; `None` if only its end restarts a container.
    pub fn liveness_check(&self) -> Option<&HealthCheck> {
        self.checks.liveness.as_ref().or(self.health.as_ref())
    }

    /// Returns the maximum seconds until the startup condition holds; `None` (no limit) for a condition that
    /// the maintainers did not configure.
    pub fn start_within(&self) -> Option<u32> {
        let default = matches!(self.startup_check(), Some(StartupCheck::Configured(_)))
            .then_some(DEFAULT_START_SECONDS);
        self.checks.start_within.or(default)
    }

    /// Returns whether containers of this plan can stay when it is replaced by another: only fields differ
    /// that containers do not depend on.
    pub fn can_reuse_containers(&self, other: &Self) -> bool {
        let plain = |plan: &Self| Self {
            replicas: 0,
            retry: 0,
            port: None,
            publish: false,
            health: None,
            checks: Checks::default(),
            await_ready: false,
            is_asleep: false,
            ..plan.clone()
        };
        plain(self) == plain(other)
    }

    /// Returns whether readiness needs more than a running container.
    pub fn is_probed(&self) -> bool {
        self.startup_check().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ImageConfig, golden};
    use hearth_base::{Digest, Result};
    use hearth_wire::jobs::{HealthProbe, StopSignal};

    #[test]
    fn plan_of_version_1_is_read() -> Result<()> {
        let home = "/data/project/hello".to_owned();
        let expected = WorkloadPlan {
            job: "web".parse()?,
            tool: "hello".parse()?,
            image: ResolvedImage {
                image: "python3.11".to_owned(),
                reference: "registry/hearth/python3.11".to_owned(),
                digest: Digest::new([1; 32]),
                state: "stable".to_owned(),
                provided: true,
                config: ImageConfig::default(),
            },
            argv: ["/bin/sh", "-c", "exec ./serve"].map(str::to_owned).into(),
            preview: None,
            env: [("HOME".to_owned(), home.clone())].into(),
            envvars: None,
            envvars_at: None,
            cwd: home.clone(),
            user: (1000, 50),
            home: Some(home),
            memory: Memory::from_mib(512),
            cpu: Cpu::from_milli(500),
            processes: 100,
            disk: Memory::from_mib(2048),
            timeout: Some(3600),
            grace: 60,
            stop_signal: StopSignal::Int.signal_number(),
            replicas: 3,
            restart: 4,
            retry: 2,
            port: Some(8080),
            publish: true,
            health: Some(HealthCheck::from_probe(HealthProbe::Tcp)),
            checks: Checks { start_within: Some(300), ..Checks::default() },
            await_ready: true,
            is_asleep: false,
        };
        golden::check_golden_file("plan-1.json", &expected)?;
        let argv = expected.argv.clone();
        let preview = WorkloadPlan {
            job: "web--pr-7".parse()?,
            argv: Vec::new(),
            preview: Some(PreviewPlan { number: PreviewNumber::new(7)?, argv }),
            envvars: Some(vec!["API_KEY".parse()?]),
            home: None,
            ..expected.clone()
        };
        golden::check_golden_file("plan-2-preview.json", &preview)?;
        golden::check_golden_file("plan-2.json", &WorkloadPlan { is_asleep: true, ..expected })
    }
}
