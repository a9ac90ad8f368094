//! A job as it is shown, with what its maintainers left out filled in.

use crate::JobsSettings;
use hearth_base::{Result, ToolName};
use hearth_wire::jobs::{
    self as wire, Concurrency, Emails, JobCreate, JobStatus, MountMode, PortProtocol, StatusShort,
};

use crate::{
    app::definition::{
        fields::{self, Limits},
        plan,
    },
    store::{Job, Kind},
};

/// The job with only what its maintainers set.
pub fn as_set(job: &Job, status: JobStatus, words: (String, String)) -> wire::Job {
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
    } = job.spec.clone();
    wire::Job {
        name,
        job_type: job.job_type(),
        imagename,
        image: job.image.image.clone(),
        image_state: job.image.state.clone(),
        cmd,
        status_short: words.0,
        status_long: words.1,
        status,
        // Older clients send it with every job, and take any value of it for a yes.
        continuous: continuous.filter(|continuous| *continuous),
        schedule,
        schedule_actual: None,
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
    }
}

/// The job with everything, also what takes its default.
pub fn filled(mut shown: wire::Job, job: &Job, tool: &ToolName, settings: &JobsSettings) -> wire::Job {
    let spec = &job.spec;
    let Limits { memory, cpu, disk } = Limits::of(spec, settings);
    let kept = matches!(job.kind, Kind::Kept(_));
    let mount = fields::mount(spec, job.image.provided);
    let named = spec.filelog_stdout.is_some() || spec.filelog_stderr.is_some();
    let filelog = spec.filelog.unwrap_or(named);
    shown.filelog = Some(filelog);
    if filelog && mount == MountMode::All {
        shown.filelog_stdout = Some(plan::file_in_home(spec.filelog_stdout.as_deref(), spec, tool, "out"));
        shown.filelog_stderr = Some(plan::file_in_home(spec.filelog_stderr.as_deref(), spec, tool, "err"));
    }
    shown.emails = Some(spec.emails.unwrap_or(Emails::None));
    shown.retry = Some(spec.retry.unwrap_or(0));
    shown.mount = Some(mount);
    (shown.memory, shown.cpu, shown.disk) = (Some(memory), Some(cpu), Some(disk));
    if let Some(schedule) = job.schedule() {
        shown.schedule_actual = Some(schedule.fields.clone());
        shown.timezone.get_or_insert_with(|| "UTC".to_owned());
        shown.starting_deadline = Some(spec.starting_deadline.unwrap_or(fields::DEADLINE));
        shown.concurrency = Some(spec.concurrency.unwrap_or(Concurrency::Forbid));
    }
    if kept {
        shown.continuous = Some(true);
        shown.replicas = Some(fields::replicas(spec));
        shown.port = fields::port_of(spec);
        shown.port_protocol = shown.port.map(|_| spec.port_protocol.unwrap_or(PortProtocol::Tcp));
        shown.auto_update = Some(spec.auto_update.unwrap_or(false));
        shown.publish = fields::is_page(spec).then_some(true);
    }
    shown
}

/// Whether a job is different from what `spec` says. Only what the spec sets counts.
pub fn differs(job: &Job, spec: &JobCreate, tool: &ToolName, settings: &JobsSettings) -> Result<bool> {
    if job.job_type() != spec.kind() {
        return Ok(true);
    }
    let status = JobStatus {
        short: StatusShort::Unknown,
        messages: Vec::new(),
        duration: String::new(),
        up_to_date: true,
        envvars_changed: false,
        image_changed: false,
        ready: 0,
        generation: 0,
        previous_schedule: None,
        next_schedule: None,
        paused: None,
        run: None,
    };
    let now = filled(as_set(job, status, Default::default()), job, tool, settings);
    let now = serde_json::to_value(now).map_err(hearth_base::Error::internal)?;
    let mut wanted = spec.clone();
    // These are another way to say the sort of job.
    (wanted.job_type, wanted.continuous) = (None, None);
    // Said in other words, it is the same file.
    for (file, ending) in [(&mut wanted.filelog_stdout, "out"), (&mut wanted.filelog_stderr, "err")] {
        *file = file.as_deref().map(|file| plan::file_in_home(Some(file), spec, tool, ending));
    }
    let is_off = |field: &str, value: &serde_json::Value| {
        (field == "publish" && *value == false) || (field == "timeout" && *value == 0)
    };
    let wanted = serde_json::to_value(wanted).map_err(hearth_base::Error::internal)?;
    let fields = wanted.as_object().into_iter().flatten();
    let mut changed = fields.filter(|(field, value)| {
        now.get(field) != Some(value) && !(now.get(field).is_none() && is_off(field, value))
    });
    Ok(changed.next().is_some())
}
