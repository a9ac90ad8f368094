//! Validates jobs before anything is changed.

use crate::JobsSettings;
use hearth_base::{Cpu, Error, Memory, Result};
use hearth_wire::{
    jobs::{
        JobType, MountMode, PortProtocol,
        page_sleep::{MAX_SLEEP_SECONDS, MIN_SLEEP_SECONDS},
    },
    tools::Quota,
};

use super::{
    health_checks,
    refusals::{job_type_error, port_error, quota_exceeded_error},
    spec::RunLimits,
    variables,
};
use crate::store::JobSpec;

const MAX_COMMAND_BYTES: usize = 16 << 10;

/// Validates the fields of a job against its type, and its limits against the quota.
pub fn validate_job(job: &JobSpec, quota: &Quota, settings: &JobsSettings) -> Result<()> {
    validate_fields_of_type(job)?;
    validate_texts(job)?;
    validate_ports(job)?;
    validate_sleep(job)?;
    health_checks::validate_checks(job)?;
    variables::validate_variables(job)?;
    validate_limits(job, quota, settings)
}

/// Refuses a provided image without the tool's home: `mount` (invalid). Clients of Toolforge look for the message.
/// Previews have no home.
pub fn validate_mount(job: &JobSpec, image_is_provided: bool) -> Result<()> {
    if image_is_provided && job.mount == Some(MountMode::None) && job.preview.is_none() {
        return Err(Error::invalid("mount", "Mount type none is only supported for build service images")
            .help("leave mount out, or build an image: hearth build start"));
    }
    Ok(())
}

fn validate_fields_of_type(job: &JobSpec) -> Result<()> {
    let (job_type, is_continuous) = (job.job_type, job.is_continuous());
    if (job_type == JobType::Scheduled) != job.schedule.is_some() {
        return Err(job_type_error(
            "a schedule and job_type scheduled need each other",
            "set both, or neither",
        ));
    }
    let scheduled_only = [
        ("timezone", job.timezone.is_some()),
        ("starting_deadline", job.starting_deadline.is_some()),
        ("concurrency", job.concurrency.is_some()),
    ];
    let continuous_only = [
        ("replicas", job.replicas.is_some()),
        ("port", job.port.is_some()),
        ("port_protocol", job.port_protocol.is_some()),
        ("health_check", job.health_check.is_some()),
        ("checks", job.checks.is_some()),
        ("auto_update", job.auto_update == Some(true)),
        ("sleep_after", job.sleep_after > Some(0)),
        ("publish", job.publish == Some(true)),
    ];
    let finite_only = [("retry", job.retry > Some(0)), ("timeout", job.timeout > Some(0))];
    let set_field =
        |fields: &[(&'static str, bool)]| fields.iter().find(|(_, set)| *set).map(|(name, _)| *name);
    let wrong = set_field(&continuous_only).filter(|_| !is_continuous).map(|field| (field, "continuous"));
    let wrong = wrong
        .or(set_field(&finite_only).filter(|_| is_continuous).map(|field| (field, "one-off or scheduled")));
    let not_scheduled = job_type != JobType::Scheduled;
    let wrong =
        wrong.or(set_field(&scheduled_only).filter(|_| not_scheduled).map(|field| (field, "scheduled")));
    match wrong {
        Some((field, job_types)) => Err(job_type_error(
            &format!("field {field} is not allowed for a {} job; {job_types} only", job_type.as_str()),
            "leave the field out, or set another job_type",
        )),
        None => Ok(()),
    }
}

fn validate_texts(job: &JobSpec) -> Result<()> {
    if job.cmd.trim().is_empty() && job.job_type != JobType::Webservice {
        return Err(Error::invalid("no-command", format!("job {} has no command", job.name))
            .help("give the command: --command of hearth, cmd in a request or a jobs file"));
    }
    if job.cmd.len() > MAX_COMMAND_BYTES || job.cmd.contains('\0') {
        return Err(Error::invalid(
            "command",
            format!("field cmd is too long or contains a NUL byte; at most {MAX_COMMAND_BYTES} bytes"),
        )
        .help("put the commands into a script and run it"));
    }
    if job.imagename.is_empty() || job.imagename.len() > 512 || job.imagename.chars().any(char::is_control) {
        return Err(Error::invalid("image-name", "field imagename is not a valid image name")
            .help("hearth jobs images"));
    }
    let files = [&job.filelog_stdout, &job.filelog_stderr];
    if files.iter().any(|file| file.is_some()) && job.filelog == Some(false) {
        return Err(Error::invalid("filelog", "log files are set, but filelog is false")
            .help("set filelog to true, or leave the files out"));
    }
    for file in files.into_iter().flatten() {
        let leaves_home = || file.split('/').any(|segment| segment == "..");
        if file.is_empty() || file.len() > 1024 || file.chars().any(char::is_control) || leaves_home() {
            return Err(Error::invalid("filelog", format!("log file has an invalid path: {file:.100?}"))
                .help("use a path in the tool's home, as in logs/job.out"));
        }
    }
    Ok(())
}

fn validate_ports(job: &JobSpec) -> Result<()> {
    let udp = job.port_protocol == Some(PortProtocol::Udp);
    if job.port_protocol.is_some() && job.port.is_none() {
        return Err(port_error("port_protocol is set without a port"));
    }
    if udp && job.is_page() {
        return Err(port_error("a page needs a TCP port, but port_protocol is udp"));
    }
    Ok(())
}

fn validate_sleep(job: &JobSpec) -> Result<()> {
    let Some(seconds) = job.sleep_after.filter(|seconds| *seconds > 0) else { return Ok(()) };
    if !job.is_page() {
        return Err(Error::invalid(
            "sleep",
            "sleep_after is set for a job that is no page; only visits of a page wake a job",
        )
        .help("publish the job, or leave sleep_after out"));
    }
    if !(MIN_SLEEP_SECONDS..=MAX_SLEEP_SECONDS).contains(&seconds) {
        let what = format!(
            "field sleep_after is out of range: {seconds}; expected 0, or {MIN_SLEEP_SECONDS} to {MAX_SLEEP_SECONDS} seconds"
        );
        return Err(Error::invalid("sleep", what).help("set it to 1800 for half an hour"));
    }
    Ok(())
}

fn validate_limits(job: &JobSpec, quota: &Quota, settings: &JobsSettings) -> Result<()> {
    let RunLimits { memory, cpu, disk } = job.resolve_limits(settings);
    if let Some(retry) = job.retry.filter(|retry| *retry > 5) {
        return Err(Error::invalid(
            "retry",
            format!("field retry is out of range: {retry}; expected 0 to 5"),
        )
        .help("set retry to 5 or less"));
    }
    if memory < Memory::from_mib(4) || cpu < Cpu::from_milli(10) || disk < Memory::from_mib(16) {
        return Err(Error::invalid(
            "limit-too-low",
            "memory, cpu or disk is too low; at least 4Mi, 10m and 16Mi",
        )
        .help("raise the limit"));
    }
    if job.replicas == Some(0) {
        return Err(Error::invalid("replicas", "field replicas is out of range: 0; at least 1")
            .help(format!("to run no container, pause the job: hearth jobs stop {}", job.name)));
    }
    let over = |resource: &str, requested: String, limit: String| {
        Err(quota_exceeded_error(format!(
            "job {} requests {requested} of {resource}; at most {limit} per run",
            job.name
        )))
    };
    if memory > quota.job_memory {
        return over("memory", memory.to_string(), quota.job_memory.to_string());
    }
    if cpu > quota.job_cpu {
        return over("CPU", cpu.to_string(), quota.job_cpu.to_string());
    }
    if disk > quota.job_disk {
        return over("disk", disk.to_string(), quota.job_disk.to_string());
    }
    if u32::from(job.replica_count()) > quota.replicas {
        let limit = quota.replicas;
        return Err(quota_exceeded_error(format!(
            "job {} requests {} replicas; at most {limit} per job",
            job.name,
            job.replica_count()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_wire::jobs::JobCreate;

    fn refusal_code(change: impl FnOnce(&mut JobCreate)) -> String {
        let mut job = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
        change(&mut job);
        JobSpec::from_create(job)
            .and_then(|spec| validate_job(&spec, &Quota::default(), &JobsSettings::default()))
            .err()
            .map(|error| error.code().to_owned())
            .unwrap_or_default()
    }

    #[test]
    fn fields_of_another_job_type_are_refused() {
        assert_eq!(refusal_code(|_| ()), "");
        assert_eq!(refusal_code(|job| job.port = Some(80)), "job-type");
        assert_eq!(refusal_code(|job| (job.continuous, job.retry) = (Some(true), Some(1))), "job-type");
        assert_eq!(refusal_code(|job| job.timezone = Some("UTC".to_owned())), "job-type");
        assert_eq!(refusal_code(|job| job.job_type = Some(JobType::Scheduled)), "job-type");
        assert_eq!(
            refusal_code(|job| (job.continuous, job.schedule) = (Some(true), Some("@daily".to_owned()))),
            "job-type"
        );
        assert_eq!(
            refusal_code(|job| (job.continuous, job.job_type) = (Some(true), Some(JobType::OneOff))),
            "job-type"
        );
        assert_eq!(refusal_code(|job| (job.continuous, job.retry) = (Some(true), Some(0))), "");
    }

    #[test]
    fn only_a_webservice_needs_no_command() {
        assert_eq!(refusal_code(|job| job.cmd.clear()), "no-command");
        assert_eq!(
            refusal_code(|job| (job.cmd, job.job_type) = (String::new(), Some(JobType::Webservice))),
            ""
        );
    }

    #[test]
    fn page_by_udp_is_refused() {
        let udp = |job: &mut JobCreate| {
            (job.continuous, job.publish, job.port) = (Some(true), Some(true), Some(53));
            job.port_protocol = Some(PortProtocol::Udp);
        };
        assert_eq!(refusal_code(udp), "port");
    }

    #[test]
    fn job_beyond_the_quota_is_refused() {
        assert_eq!(refusal_code(|job| job.memory = Some(Memory::from_mib(1 << 20))), "quota");
        assert_eq!(refusal_code(|job| job.disk = Some(Memory::from_mib(1 << 20))), "quota");
        assert_eq!(refusal_code(|job| job.disk = Some(Memory::from_mib(8))), "limit-too-low");
        assert_eq!(refusal_code(|job| (job.continuous, job.replicas) = (Some(true), Some(100))), "quota");
        assert_eq!(refusal_code(|job| job.retry = Some(6)), "retry");
    }

    #[test]
    fn provided_image_needs_the_home() {
        let code = |mount, provided| {
            let mut job = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
            job.mount = mount;
            let spec = JobSpec::from_create(job).unwrap();
            validate_mount(&spec, provided).err().map(|error| error.code().to_owned())
        };
        assert_eq!(code(Some(MountMode::None), true).as_deref(), Some("mount"));
        assert_eq!(code(None, true), None);
        assert_eq!(code(Some(MountMode::All), true), None);
        assert_eq!(code(Some(MountMode::None), false), None);
    }

    #[test]
    fn log_file_outside_the_home_is_refused() {
        let to_file = |file: &str| {
            refusal_code(|job| (job.filelog, job.filelog_stdout) = (None, Some(file.to_owned())))
        };
        assert_eq!(to_file("../x"), "filelog");
        assert_eq!(to_file("logs/x.out"), "");
    }
}
