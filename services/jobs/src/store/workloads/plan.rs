//! The plan of a workload: all that it takes to start it, but for the values of the tool's variables.

use std::collections::BTreeMap;

use hearth_base::{Cpu, JobName, Memory, ToolName};
use hearth_wire::jobs::{Checks, HealthCheck};
use serde::{Deserialize, Serialize};

use crate::store::Image;

/// The most seconds that a container may take to start when nobody says how many.
const START_WITHIN: u32 = 120;

/// The plan of a workload, but for the values of the tool's variables, which are read when it is applied. This is the
/// stored form too: `tests/golden/plan-*.json` have to stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The job's name, by which the tool's other containers find it.
    pub job: JobName,
    /// The tool's name.
    pub tool: ToolName,
    /// The image.
    pub image: Image,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Environment variables that Hearth and the image set.
    pub env: BTreeMap<String, String>,
    /// Where it starts.
    pub cwd: String,
    /// Whom it runs as: user and group.
    pub user: (u32, u32),
    /// Where the tool's home is mounted, if it is.
    pub home: Option<String>,
    /// The most memory.
    pub memory: Memory,
    /// The most processor time.
    pub cpu: Cpu,
    /// The most processes and threads.
    pub processes: u32,
    /// What it may write beside the home.
    pub disk: Memory,
    /// The longest that it runs, in seconds.
    pub timeout: Option<u32>,
    /// How long after the signal to stop it is killed, in seconds.
    pub grace: u32,
    /// The number of that signal.
    pub stop_signal: u8,
    /// How many run side by side.
    pub replicas: u16,
    /// Counts wanted restarts.
    pub restart: u64,
    /// How often a run is tried again.
    pub retry: u8,
    /// The TCP port it listens on.
    pub port: Option<u16>,
    /// Whether what listens there is the tool's page, and so speaks HTTP.
    pub publish: bool,
    /// How to find out how it is.
    pub health: Option<HealthCheck>,
    /// Where that is not what is asked.
    pub checks: Checks,
    /// What it replaces is ready, and goes on until this is.
    pub await_ready: bool,
}

/// What is asked of a container, in its different times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'a> {
    /// What its job says.
    Check(&'a HealthCheck),
    /// Whether it answers as a page does, in whatever words.
    Page,
    /// Whether its port is open.
    Port,
}

/// What all containers of a plan take of what their tool may use: as it is written in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Share {
    /// The most memory of each.
    pub memory: Memory,
    /// The most processor time of each.
    pub cpu: Cpu,
    /// How many there are.
    pub replicas: u16,
}

impl Plan {
    /// What all of its containers take.
    pub fn share(&self) -> Share {
        let Self { memory, cpu, replicas, .. } = *self;
        Share { memory, cpu, replicas }
    }

    /// What shows that a container has started; nothing, when running is enough.
    pub fn startup(&self) -> Option<Asked<'_>> {
        let check = self.checks.startup.as_ref().or(self.health.as_ref());
        let check = check.or(self.checks.readiness.as_ref()).map(Asked::Check);
        check.or_else(|| self.port.map(|_| if self.publish { Asked::Page } else { Asked::Port }))
    }

    /// What shows that one that has started is ready; nothing, when it is from then on.
    pub fn readiness(&self) -> Option<&HealthCheck> {
        self.checks.readiness.as_ref().or(self.health.as_ref())
    }

    /// What shows that one that has started is to be restarted; nothing, when only its end does.
    pub fn liveness(&self) -> Option<&HealthCheck> {
        self.checks.liveness.as_ref().or(self.health.as_ref())
    }

    /// The most seconds that a container may take to start, when somebody said what shows that it has.
    pub fn start_within(&self) -> Option<u32> {
        let said = matches!(self.startup(), Some(Asked::Check(_))).then_some(START_WITHIN);
        self.checks.start_within.or(said)
    }

    /// Whether a container that was started for this plan serves another as well.
    pub fn same_container(&self, other: &Self) -> bool {
        let plain = |plan: &Self| Self {
            replicas: 0,
            retry: 0,
            port: None,
            publish: false,
            health: None,
            checks: Checks::default(),
            await_ready: false,
            ..plan.clone()
        };
        plain(self) == plain(other)
    }

    /// Whether being ready is more than running.
    pub fn is_probed(&self) -> bool {
        self.startup().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ImageConfig, golden};
    use hearth_base::{Digest, Result};
    use hearth_wire::jobs::{HealthAsk, StopSignal};

    #[test]
    fn plan_of_version_1_is_read() -> Result<()> {
        let home = "/data/project/hello".to_owned();
        let expected = Plan {
            job: "web".parse()?,
            tool: "hello".parse()?,
            image: Image {
                image: "python3.11".to_owned(),
                reference: "registry/hearth/python3.11".to_owned(),
                digest: Digest::new([1; 32]),
                state: "stable".to_owned(),
                provided: true,
                config: ImageConfig::default(),
            },
            argv: ["/bin/sh", "-c", "exec ./serve"].map(str::to_owned).into(),
            env: [("HOME".to_owned(), home.clone())].into(),
            cwd: home.clone(),
            user: (1000, 50),
            home: Some(home),
            memory: Memory::mib(512),
            cpu: Cpu::milli(500),
            processes: 100,
            disk: Memory::mib(2048),
            timeout: Some(3600),
            grace: 60,
            stop_signal: StopSignal::Int.number(),
            replicas: 3,
            restart: 4,
            retry: 2,
            port: Some(8080),
            publish: true,
            health: Some(HealthCheck::of(HealthAsk::Tcp)),
            checks: Checks { start_within: Some(300), ..Checks::default() },
            await_ready: true,
        };
        golden::check("plan-1.json", &expected)
    }
}
