//! The spec of a job: completed with defaults, compared and converted to the API.
//!
//! Each conversion names every field of its source or result, so that a new field does not compile until all
//! of them handle it.

use hearth_base::{Cpu, EnvvarName, Memory, ToolName};
use hearth_wire::jobs::{self as wire, Concurrency, Emails, JobStatus, JobType, MountMode, PortProtocol};

use super::home::log_file_path;
use crate::{
    JobsSettings,
    store::{Job, JobSpec},
};

/// The port of a tool's page whose job names none.
pub const PAGE_PORT: u16 = 8000;
/// Default of the maximum delay of a scheduled run in seconds.
pub const STARTING_DEADLINE: u32 = 30;

/// The values on which defaults of a job's fields depend.
#[derive(Debug, Clone, Copy)]
pub struct SpecDefaults<'a> {
    pub tool: &'a ToolName,
    /// True if the operator provides the job's image.
    pub image_is_provided: bool,
    pub settings: &'a JobsSettings,
}

impl<'a> SpecDefaults<'a> {
    /// The values for a job of `tool`.
    pub fn from_job(job: &Job, tool: &'a ToolName, settings: &'a JobsSettings) -> Self {
        Self { tool, image_is_provided: job.image.provided, settings }
    }
}

/// Resource limits of one run.
#[derive(Debug, Clone, Copy)]
pub struct RunLimits {
    pub memory: Memory,
    pub cpu: Cpu,
    pub disk: Memory,
}

impl JobSpec {
    /// Returns the spec with defaults in all unset fields that have one.
    pub fn with_defaults(&self, defaults: SpecDefaults<'_>) -> Self {
        let SpecDefaults { tool, image_is_provided, settings } = defaults;
        let is_scheduled = self.job_type == JobType::Scheduled;
        let mount = self.mount_mode(image_is_provided);
        let writes_files = self.writes_files(image_is_provided);
        let RunLimits { memory, cpu, disk } = self.resolve_limits(settings);
        let port = self.listen_port();
        let file = |file: &Option<String>, ending: &str| match writes_files && mount == MountMode::All {
            true => Some(log_file_path(&self.name, file.as_deref(), tool, ending)),
            false => file.clone(),
        };
        Self {
            name: self.name.clone(),
            job_type: self.job_type,
            continuous: self.is_continuous(),
            imagename: self.imagename.clone(),
            cmd: self.cmd.clone(),
            schedule: self.schedule.clone(),
            timezone: self.timezone.clone().or_else(|| is_scheduled.then(|| "UTC".to_owned())),
            starting_deadline: self.starting_deadline.or(is_scheduled.then_some(STARTING_DEADLINE)),
            concurrency: self.concurrency.or(is_scheduled.then_some(Concurrency::Forbid)),
            filelog: Some(writes_files),
            filelog_stdout: file(&self.filelog_stdout, "out"),
            filelog_stderr: file(&self.filelog_stderr, "err"),
            emails: Some(self.emails.unwrap_or(Emails::None)),
            retry: Some(self.retry.unwrap_or(0)),
            timeout: Some(self.timeout.unwrap_or(0)),
            mount: Some(mount),
            memory: Some(memory),
            cpu: Some(cpu),
            disk: Some(disk),
            replicas: self.replicas.or(self.is_continuous().then(|| self.replica_count())),
            port,
            port_protocol: self.port_protocol.or(port.map(|_| PortProtocol::Tcp)),
            health_check: self.health_check.clone(),
            checks: Some(self.checks.clone().unwrap_or_default()),
            stop: Some(self.stop.unwrap_or_default()),
            auto_update: Some(self.auto_update.unwrap_or(false)),
            sleep_after: Some(self.sleep_after.unwrap_or(0)),
            variables: Some(self.variables.clone().unwrap_or_default()),
            envvars: self.chosen_envvars(),
            preview: self.preview,
            envvars_at: self.envvars_at,
            publish: Some(self.is_page()),
        }
    }

    /// Returns the spec with the values of `current` in unset fields.
    fn with_unset_from(self, current: &Self) -> Self {
        Self {
            name: self.name,
            job_type: self.job_type,
            continuous: self.continuous,
            imagename: self.imagename,
            cmd: if self.cmd.is_empty() { current.cmd.clone() } else { self.cmd },
            schedule: self.schedule.or_else(|| current.schedule.clone()),
            timezone: self.timezone.or_else(|| current.timezone.clone()),
            starting_deadline: self.starting_deadline.or(current.starting_deadline),
            concurrency: self.concurrency.or(current.concurrency),
            filelog: self.filelog.or(current.filelog),
            filelog_stdout: self.filelog_stdout.or_else(|| current.filelog_stdout.clone()),
            filelog_stderr: self.filelog_stderr.or_else(|| current.filelog_stderr.clone()),
            emails: self.emails.or(current.emails),
            retry: self.retry.or(current.retry),
            timeout: self.timeout.or(current.timeout),
            mount: self.mount.or(current.mount),
            memory: self.memory.or(current.memory),
            cpu: self.cpu.or(current.cpu),
            disk: self.disk.or(current.disk),
            replicas: self.replicas.or(current.replicas),
            port: self.port.or(current.port),
            port_protocol: self.port_protocol.or(current.port_protocol),
            health_check: self.health_check.or_else(|| current.health_check.clone()),
            checks: self.checks.or_else(|| current.checks.clone()),
            stop: self.stop.or(current.stop),
            auto_update: self.auto_update.or(current.auto_update),
            sleep_after: self.sleep_after.or(current.sleep_after),
            variables: self.variables.or_else(|| current.variables.clone()),
            envvars: self.envvars.or_else(|| current.envvars.clone()),
            preview: self.preview.or(current.preview),
            // A definition without a time returns to the current values.
            envvars_at: self.envvars_at,
            publish: self.publish.or(current.publish),
        }
    }

    /// Returns whether a job of this spec already has all values that `wanted` sets; unset fields are not
    /// compared.
    pub fn satisfies_spec(&self, wanted: &Self, defaults: SpecDefaults<'_>) -> bool {
        let current = self.with_defaults(defaults);
        wanted.job_type == current.job_type
            && wanted.clone().with_unset_from(&current).with_defaults(defaults) == current
    }

    /// Returns whether a job of this spec has exactly the values of `wanted`; unset fields are compared as their
    /// defaults.
    pub fn equals_spec(&self, wanted: &Self, defaults: SpecDefaults<'_>) -> bool {
        self.with_defaults(defaults) == wanted.with_defaults(defaults)
    }

    /// Returns whether the job runs without an end.
    pub fn is_continuous(&self) -> bool {
        matches!(self.job_type, JobType::Continuous | JobType::Webservice)
    }

    /// Returns the port that it listens on.
    pub fn listen_port(&self) -> Option<u16> {
        self.port.or(self.is_page().then_some(PAGE_PORT))
    }

    /// Returns the number of replicas.
    pub fn replica_count(&self) -> u16 {
        self.replicas.unwrap_or(1)
    }

    /// Returns the resource limits of one run.
    pub fn resolve_limits(&self, settings: &JobsSettings) -> RunLimits {
        RunLimits {
            memory: self.memory.unwrap_or(settings.memory),
            cpu: self.cpu.unwrap_or(settings.cpu),
            disk: self.disk.unwrap_or(settings.disk),
        }
    }

    /// Returns the mount mode of the tool's home; a job of a preview never mounts it.
    pub fn mount_mode(&self, image_is_provided: bool) -> MountMode {
        if self.preview.is_some() {
            return MountMode::None;
        }
        self.mount.unwrap_or(if image_is_provided { MountMode::All } else { MountMode::None })
    }

    /// Returns the names of the tool's variables that its runs get; `None`: all of them. A job of a preview gets those
    /// that it lists.
    pub fn chosen_envvars(&self) -> Option<Vec<EnvvarName>> {
        match &self.envvars {
            None if self.preview.is_some() => Some(Vec::new()),
            chosen => chosen.clone(),
        }
    }

    /// Returns whether output goes to files in the tool's home: as the job says, or else that of provided images
    /// does, except for web services, as in Toolforge.
    pub fn writes_files(&self, image_is_provided: bool) -> bool {
        let names_file = self.filelog_stdout.is_some() || self.filelog_stderr.is_some();
        let is_mounted = self.mount_mode(image_is_provided) == MountMode::All;
        let is_default = image_is_provided && is_mounted && self.job_type != JobType::Webservice;
        self.filelog.unwrap_or(names_file || is_default)
    }
}

/// Converts a job to the API with only the fields that its maintainers set. A port keeps its protocol: clients of
/// Toolforge write a port without one as text.
pub fn to_wire_job_as_set(job: &Job, status: JobStatus, words: (String, String)) -> wire::Job {
    let port_protocol = job.spec.port_protocol.or(job.spec.port.map(|_| PortProtocol::Tcp));
    to_wire_job(job, JobSpec { port_protocol, ..job.spec.clone() }, status, words)
}

/// Converts a job to the API with defaults in unset fields.
pub fn to_wire_job_with_defaults(
    job: &Job,
    status: JobStatus,
    words: (String, String),
    defaults: SpecDefaults<'_>,
) -> wire::Job {
    let shown = to_wire_job(job, job.spec.with_defaults(defaults), status, words);
    wire::Job {
        schedule_actual: job.schedule().map(|schedule| schedule.fields.clone()),
        // Fields with empty values are left out.
        timeout: shown.timeout.filter(|seconds| *seconds > 0),
        sleep_after: shown.sleep_after.filter(|seconds| *seconds > 0),
        checks: shown.checks.filter(|checks| *checks != wire::Checks::default()),
        stop: shown.stop.filter(|stop| *stop != wire::StopPolicy::default()),
        auto_update: shown.auto_update.filter(|_| job.spec.is_continuous()),
        variables: shown.variables.filter(|variables| !variables.is_empty()),
        publish: shown.publish.filter(|publish| *publish),
        ..shown
    }
}

fn to_wire_job(job: &Job, spec: JobSpec, status: JobStatus, words: (String, String)) -> wire::Job {
    wire::Job {
        name: spec.name,
        job_type: spec.job_type,
        imagename: spec.imagename,
        image: job.image.image.clone(),
        image_state: job.image.state.clone(),
        cmd: spec.cmd,
        status_short: words.0,
        status_long: words.1,
        status,
        continuous: spec.continuous.then_some(true),
        schedule: spec.schedule,
        schedule_actual: None,
        timezone: spec.timezone,
        starting_deadline: spec.starting_deadline,
        concurrency: spec.concurrency,
        filelog: spec.filelog,
        filelog_stdout: spec.filelog_stdout,
        filelog_stderr: spec.filelog_stderr,
        emails: spec.emails,
        retry: spec.retry,
        timeout: spec.timeout,
        mount: spec.mount,
        memory: spec.memory,
        cpu: spec.cpu,
        disk: spec.disk,
        replicas: spec.replicas,
        port: spec.port,
        port_protocol: spec.port_protocol,
        health_check: spec.health_check,
        checks: spec.checks,
        stop: spec.stop,
        auto_update: spec.auto_update,
        sleep_after: spec.sleep_after,
        variables: spec.variables,
        envvars: spec.envvars,
        preview: spec.preview,
        envvars_at: spec.envvars_at,
        publish: spec.publish,
    }
}

#[cfg(test)]
mod tests {
    use hearth_wire::jobs::JobCreate;

    use super::*;

    fn build_spec(change: impl FnOnce(&mut JobCreate)) -> JobSpec {
        let mut create = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
        change(&mut create);
        JobSpec::from_create(create).unwrap()
    }

    /// Returns whether a job created by the first request satisfies the second.
    fn is_same(made: impl FnOnce(&mut JobCreate), wanted: impl FnOnce(&mut JobCreate)) -> bool {
        let (tool, settings) = ("hello".parse().unwrap(), JobsSettings::default());
        let defaults = SpecDefaults { tool: &tool, image_is_provided: true, settings: &settings };
        build_spec(made).satisfies_spec(&build_spec(wanted), defaults)
    }

    #[test]
    fn explicit_default_is_no_change() {
        assert!(is_same(|_| (), |_| ()));
        assert!(is_same(|_| (), |job| job.memory = Some(JobsSettings::default().memory)));
        assert!(is_same(
            |_| (),
            |job| (job.timeout, job.retry, job.publish) = (Some(0), Some(0), Some(false))
        ));
        assert!(is_same(|_| (), |job| (job.checks, job.stop) = Default::default()));
        assert!(is_same(|_| (), |job| job.variables = Some(Default::default())));
        let continuous_job = |job: &mut JobCreate| job.continuous = Some(true);
        assert!(is_same(continuous_job, |job| job.job_type = Some(JobType::Continuous)));
        assert!(is_same(continuous_job, |job| (job.continuous, job.replicas) = (Some(true), Some(1))));
        let page = |job: &mut JobCreate| job.job_type = Some(JobType::Webservice);
        assert!(is_same(page, |job| {
            page(job);
            (job.port, job.port_protocol) = (Some(PAGE_PORT), Some(PortProtocol::Tcp));
        }));
        let files = |job: &mut JobCreate| job.filelog = Some(true);
        assert!(is_same(files, |job| {
            (job.filelog, job.filelog_stdout) = (None, Some("a.out".to_owned()));
        }));
        assert!(is_same(|job| job.filelog = None, |job| job.filelog = Some(true)));
    }

    #[test]
    fn omitted_field_is_no_change() {
        let made = |job: &mut JobCreate| {
            (job.retry, job.timeout, job.emails) = (Some(3), Some(60), Some(Emails::All));
        };
        assert!(is_same(made, |_| ()));
        assert!(is_same(made, |job| job.retry = Some(3)));
        assert!(!is_same(made, |job| job.retry = Some(0)));
    }

    #[test]
    fn other_value_or_type_is_a_change() {
        assert!(!is_same(|_| (), |job| job.cmd = "./other".to_owned()));
        assert!(!is_same(|_| (), |job| job.disk = Some(Memory::from_mib(100))));
        assert!(!is_same(|_| (), |job| job.continuous = Some(true)));
        let name = || "LEVEL".parse().unwrap();
        assert!(!is_same(
            |_| (),
            |job| job.variables = Some([(name(), "debug".to_owned())].into_iter().collect())
        ));
        // None of the tool's variables is not the default, which is all of them.
        assert!(!is_same(|_| (), |job| job.envvars = Some(Vec::new())));
        // A definition without a time returns to the current values of variables.
        let earlier = |job: &mut JobCreate| job.envvars_at = Some(jiff::Timestamp::UNIX_EPOCH);
        assert!(!is_same(earlier, |_| ()) && !is_same(|_| (), earlier) && is_same(earlier, earlier));
        assert!(!is_same(|_| (), |job| job.mount = Some(MountMode::None)));
        assert!(!is_same(|job| job.filelog = None, |job| job.filelog = Some(false)));
        let page = |job: &mut JobCreate| job.job_type = Some(JobType::Webservice);
        assert!(!is_same(page, |job| (job.job_type, job.publish) = (Some(JobType::Webservice), Some(false))));
    }

    #[test]
    fn page_listens_on_port_8000_unless_it_names_another() {
        let page = |job: &mut JobCreate| job.job_type = Some(JobType::Webservice);
        assert!(build_spec(page).is_page());
        assert_eq!(build_spec(page).listen_port(), Some(8000));
        let other = build_spec(|job| (job.job_type, job.port) = (Some(JobType::Webservice), Some(80)));
        assert_eq!(other.listen_port(), Some(80));
    }
}
