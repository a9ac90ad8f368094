//! What the fields of a job mean, and what they are where its maintainers left them out.

use crate::JobsSettings;
use hearth_base::{Cpu, Error, Kind as ErrorKind, Memory};
use hearth_wire::jobs::{JobCreate, JobType, MountMode};

/// The port of a tool's page whose job names none.
pub const PAGE_PORT: u16 = 8000;
/// How late a run may start unless its job says otherwise, in seconds.
pub const DEADLINE: u32 = 30;

/// Whether it is to be the tool's page.
pub fn is_page(job: &JobCreate) -> bool {
    job.publish.unwrap_or(job.kind() == JobType::Webservice)
}

/// The port it listens on.
pub fn port_of(job: &JobCreate) -> Option<u16> {
    job.port.or(is_page(job).then_some(PAGE_PORT))
}

/// How many run side by side.
pub fn replicas(job: &JobCreate) -> u16 {
    job.replicas.unwrap_or(1)
}

/// What one run may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub memory: Memory,
    pub cpu: Cpu,
    pub disk: Memory,
}

impl Limits {
    /// What a run of this job may.
    pub fn of(job: &JobCreate, settings: &JobsSettings) -> Self {
        Self {
            memory: job.memory.unwrap_or(settings.memory),
            cpu: job.cpu.unwrap_or(settings.cpu),
            disk: job.disk.unwrap_or(settings.disk),
        }
    }
}

/// Whether the tool's home is mounted.
pub fn mount(job: &JobCreate, provided: bool) -> MountMode {
    job.mount.unwrap_or(if provided { MountMode::All } else { MountMode::None })
}

/// What is wrong with a port.
pub fn port(what: &str) -> Error {
    Error::invalid("port", what).help("give the port that the job listens on, as in 8000")
}

/// What is told to whoever wants more than the tool may use.
pub fn used_up(what: String) -> Error {
    Error::new(ErrorKind::Exhausted, "quota", what)
        .help("ask for less, delete what is not needed (hearth jobs quota), or ask whoever runs this Hearth for more")
}
