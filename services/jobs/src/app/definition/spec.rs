//! The spec of a job: read from a request, completed with defaults, compared, and shown.
//!
//! Each conversion names every field of what it reads or of what it makes, so that a new field does not compile until
//! all of them deal with it.

use hearth_base::{Cpu, Memory, Result, ToolName};
use hearth_wire::jobs::{
    self as wire, Concurrency, Emails, JobCreate, JobStatus, JobType, MountMode, PortProtocol,
};

use super::{home::log_file, refusals::wrong_type};
use crate::{
    JobsSettings,
    store::{Job, JobSpec},
};

/// The port of a tool's page whose job names none.
pub const PAGE_PORT: u16 = 8000;
/// Seconds that a scheduled run may start late, unless its job says otherwise.
pub const STARTING_DEADLINE: u32 = 30;

/// The facts on which the defaults of a job's fields depend.
#[derive(Debug, Clone, Copy)]
pub struct Defaults<'a> {
    pub tool: &'a ToolName,
    /// The operator provides the job's image.
    pub image_is_provided: bool,
    pub settings: &'a JobsSettings,
}

impl<'a> Defaults<'a> {
    /// The facts about a job of `tool`.
    pub fn of(job: &Job, tool: &'a ToolName, settings: &'a JobsSettings) -> Self {
        Self { tool, image_is_provided: job.image.provided, settings }
    }
}

/// The resources that one run may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub memory: Memory,
    pub cpu: Cpu,
    pub disk: Memory,
}

impl JobSpec {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// `job-type` when `continuous` and `job_type` contradict each other.
    pub fn from_create(create: JobCreate) -> Result<Self> {
        let kind = create.kind();
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
            publish,
        } = create;
        let is_kept = matches!(kind, JobType::Continuous | JobType::Webservice);
        if continuous == Some(true) && schedule.is_some() {
            return Err(wrong_type(
                "a job is either continuous or has a schedule",
                "leave one of the two out",
            ));
        }
        if continuous.is_some_and(|continuous| continuous != is_kept) {
            return Err(wrong_type("continuous and job_type say different things", "leave continuous out"));
        }
        Ok(Self {
            name,
            job_type: kind,
            // Older clients send it with every job, and take any value of it for a yes.
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
            publish,
        })
    }

    /// The spec with a default in every field that has one.
    pub fn with_defaults(&self, defaults: Defaults<'_>) -> Self {
        let Defaults { tool, image_is_provided, settings } = defaults;
        let is_scheduled = self.job_type == JobType::Scheduled;
        let mount = self.mount_mode(image_is_provided);
        let writes_files = self.writes_files();
        let Limits { memory, cpu, disk } = self.limits(settings);
        let port = self.listen_port();
        let file = |file: &Option<String>, ending: &str| match writes_files && mount == MountMode::All {
            true => Some(log_file(&self.name, file.as_deref(), tool, ending)),
            false => file.clone(),
        };
        Self {
            name: self.name.clone(),
            job_type: self.job_type,
            continuous: self.is_kept(),
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
            replicas: self.replicas.or(self.is_kept().then(|| self.replica_count())),
            port,
            port_protocol: self.port_protocol.or(port.map(|_| PortProtocol::Tcp)),
            health_check: self.health_check.clone(),
            checks: Some(self.checks.clone().unwrap_or_default()),
            stop: Some(self.stop.unwrap_or_default()),
            auto_update: Some(self.auto_update.unwrap_or(false)),
            publish: Some(self.is_page()),
        }
    }

    /// The spec with the values of `current` in fields that its maintainers did not write.
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
            publish: self.publish.or(current.publish),
        }
    }

    /// Returns whether a job of this spec is already what `wanted` says. Only fields that `wanted` sets count.
    pub fn fulfils(&self, wanted: &Self, defaults: Defaults<'_>) -> bool {
        let current = self.with_defaults(defaults);
        wanted.job_type == current.job_type
            && wanted.clone().with_unset_from(&current).with_defaults(defaults) == current
    }

    /// Returns whether a job of this type is kept running.
    pub fn is_kept(&self) -> bool {
        matches!(self.job_type, JobType::Continuous | JobType::Webservice)
    }

    /// Returns whether it is to be the tool's page.
    pub fn is_page(&self) -> bool {
        self.publish.unwrap_or(self.job_type == JobType::Webservice)
    }

    /// The port it listens on.
    pub fn listen_port(&self) -> Option<u16> {
        self.port.or(self.is_page().then_some(PAGE_PORT))
    }

    /// The number of runs side by side.
    pub fn replica_count(&self) -> u16 {
        self.replicas.unwrap_or(1)
    }

    /// The resources that one run may use.
    pub fn limits(&self, settings: &JobsSettings) -> Limits {
        Limits {
            memory: self.memory.unwrap_or(settings.memory),
            cpu: self.cpu.unwrap_or(settings.cpu),
            disk: self.disk.unwrap_or(settings.disk),
        }
    }

    /// The mount of the tool's home, set or by default.
    pub fn mount_mode(&self, image_is_provided: bool) -> MountMode {
        self.mount.unwrap_or(if image_is_provided { MountMode::All } else { MountMode::None })
    }

    /// Returns whether its output goes to files in the tool's home.
    pub fn writes_files(&self) -> bool {
        self.filelog.unwrap_or(self.filelog_stdout.is_some() || self.filelog_stderr.is_some())
    }
}

/// The job with only the fields that its maintainers set.
pub fn show_as_set(job: &Job, status: JobStatus, words: (String, String)) -> wire::Job {
    show(job, job.spec.clone(), status, words)
}

/// The job with every field that has a value, set or by default.
pub fn show_with_defaults(
    job: &Job,
    status: JobStatus,
    words: (String, String),
    defaults: Defaults<'_>,
) -> wire::Job {
    let shown = show(job, job.spec.with_defaults(defaults), status, words);
    wire::Job {
        schedule_actual: job.schedule().map(|schedule| schedule.fields.clone()),
        // Values that say nothing are left out.
        timeout: shown.timeout.filter(|seconds| *seconds > 0),
        checks: shown.checks.filter(|checks| *checks != wire::Checks::default()),
        stop: shown.stop.filter(|stop| *stop != wire::StopPolicy::default()),
        auto_update: shown.auto_update.filter(|_| job.spec.is_kept()),
        publish: shown.publish.filter(|publish| *publish),
        ..shown
    }
}

fn show(job: &Job, spec: JobSpec, status: JobStatus, words: (String, String)) -> wire::Job {
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
        publish: spec.publish,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(change: impl FnOnce(&mut JobCreate)) -> JobSpec {
        let mut create = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
        change(&mut create);
        JobSpec::from_create(create).unwrap()
    }

    /// Whether a job made by the first is already what the second says.
    fn is_same(made: impl FnOnce(&mut JobCreate), wanted: impl FnOnce(&mut JobCreate)) -> bool {
        let (tool, settings) = ("hello".parse().unwrap(), JobsSettings::default());
        let defaults = Defaults { tool: &tool, image_is_provided: true, settings: &settings };
        spec(made).fulfils(&spec(wanted), defaults)
    }

    #[test]
    fn default_written_out_is_no_change() {
        assert!(is_same(|_| (), |_| ()));
        assert!(is_same(|_| (), |job| job.memory = Some(JobsSettings::default().memory)));
        assert!(is_same(
            |_| (),
            |job| (job.timeout, job.retry, job.publish) = (Some(0), Some(0), Some(false))
        ));
        assert!(is_same(|_| (), |job| (job.checks, job.stop) = Default::default()));
        let kept = |job: &mut JobCreate| job.continuous = Some(true);
        assert!(is_same(kept, |job| job.job_type = Some(JobType::Continuous)));
        assert!(is_same(kept, |job| (job.continuous, job.replicas) = (Some(true), Some(1))));
        let page = |job: &mut JobCreate| job.job_type = Some(JobType::Webservice);
        assert!(is_same(page, |job| {
            page(job);
            (job.port, job.port_protocol) = (Some(PAGE_PORT), Some(PortProtocol::Tcp));
        }));
        let files = |job: &mut JobCreate| job.filelog = Some(true);
        assert!(is_same(files, |job| job.filelog_stdout = Some("a.out".to_owned())));
    }

    #[test]
    fn field_that_a_request_leaves_out_is_no_change() {
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
        assert!(!is_same(|_| (), |job| job.disk = Some(Memory::mib(100))));
        assert!(!is_same(|_| (), |job| job.continuous = Some(true)));
        assert!(!is_same(|_| (), |job| job.mount = Some(MountMode::None)));
        let page = |job: &mut JobCreate| job.job_type = Some(JobType::Webservice);
        assert!(!is_same(page, |job| (job.job_type, job.publish) = (Some(JobType::Webservice), Some(false))));
    }

    #[test]
    fn page_listens_on_port_8000_unless_it_names_another() {
        let page = |job: &mut JobCreate| job.job_type = Some(JobType::Webservice);
        assert!(spec(page).is_page());
        assert_eq!(spec(page).listen_port(), Some(8000));
        let other = spec(|job| (job.job_type, job.port) = (Some(JobType::Webservice), Some(80)));
        assert_eq!(other.listen_port(), Some(80));
    }
}
