//! What a job may say. Whatever is refused here is refused before anything was changed.

use crate::JobsSettings;
use hearth_base::{Cpu, Error, Memory, Result};
use hearth_wire::{
    jobs::{JobType, PortProtocol},
    tools::Quota,
};

use super::{
    checks,
    refusals::{over_quota, wrong_port, wrong_type},
    spec::Limits,
};
use crate::store::JobSpec;

const MOST_COMMAND: usize = 16 << 10;

/// Refuses a job that says what its sort cannot have, or more than the tool may use.
pub fn check(job: &JobSpec, quota: &Quota, settings: &JobsSettings) -> Result<()> {
    check_sort(job)?;
    check_texts(job)?;
    check_page(job)?;
    checks::check(job)?;
    check_limits(job, quota, settings)
}

fn check_sort(job: &JobSpec) -> Result<()> {
    let (kind, kept) = (job.job_type, job.is_kept());
    if (kind == JobType::Scheduled) != job.schedule.is_some() {
        return Err(wrong_type(
            "a scheduled job has a schedule, and no other has",
            "give job_type scheduled and a schedule",
        ));
    }
    let scheduled_only = [
        ("timezone", job.timezone.is_some()),
        ("starting_deadline", job.starting_deadline.is_some()),
        ("concurrency", job.concurrency.is_some()),
    ];
    let kept_only = [
        ("replicas", job.replicas.is_some()),
        ("port", job.port.is_some()),
        ("port_protocol", job.port_protocol.is_some()),
        ("health_check", job.health_check.is_some()),
        ("checks", job.checks.is_some()),
        ("auto_update", job.auto_update == Some(true)),
        ("publish", job.publish == Some(true)),
    ];
    let once_only = [("retry", job.retry > Some(0)), ("timeout", job.timeout > Some(0))];
    let named = |fields: &[(&'static str, bool)]| fields.iter().find(|(_, set)| *set).map(|(name, _)| *name);
    let wrong = named(&kept_only).filter(|_| !kept).map(|field| (field, "continuous"));
    let wrong = wrong.or(named(&once_only).filter(|_| kept).map(|field| (field, "one-off or scheduled")));
    let not_scheduled = kind != JobType::Scheduled;
    let wrong = wrong.or(named(&scheduled_only).filter(|_| not_scheduled).map(|field| (field, "scheduled")));
    match wrong {
        Some((field, sort)) => Err(wrong_type(
            &format!("field {field}: only a {sort} job has it, and {} is {}", job.name, kind.word()),
            "leave it out, or give another job_type",
        )),
        None => Ok(()),
    }
}

fn check_texts(job: &JobSpec) -> Result<()> {
    if job.cmd.trim().is_empty() && job.job_type != JobType::Webservice {
        return Err(Error::invalid("no-command", format!("the job {} has no command", job.name))
            .help("give what is to run as cmd"));
    }
    if job.cmd.len() > MOST_COMMAND || job.cmd.contains('\0') {
        return Err(Error::invalid("command", format!("a command is text of at most {MOST_COMMAND} bytes"))
            .help("put it into a script, and run that"));
    }
    if job.imagename.is_empty() || job.imagename.len() > 512 || job.imagename.chars().any(char::is_control) {
        return Err(Error::invalid("image-name", "field imagename names no image").help("hearth jobs images"));
    }
    let files = [&job.filelog_stdout, &job.filelog_stderr];
    if files.iter().any(|file| file.is_some()) && job.filelog == Some(false) {
        return Err(Error::invalid("filelog", "files for the log are named, and filelog is false")
            .help("set filelog to true, or name no files"));
    }
    for file in files.into_iter().flatten() {
        let parts = || file.split('/').any(|part| part == "..");
        if file.is_empty() || file.len() > 1024 || file.chars().any(char::is_control) || parts() {
            return Err(Error::invalid("filelog", format!("{file:.100?} cannot be a file for the log"))
                .help("name a file in the tool's home, as in logs/job.out"));
        }
    }
    Ok(())
}

fn check_page(job: &JobSpec) -> Result<()> {
    let udp = job.port_protocol == Some(PortProtocol::Udp);
    if job.port_protocol.is_some() && job.port.is_none() {
        return Err(wrong_port("there is a port_protocol and no port"));
    }
    if udp && job.is_page() {
        return Err(wrong_port("a tool's page is answered by TCP, and port_protocol is udp"));
    }
    Ok(())
}

fn check_limits(job: &JobSpec, quota: &Quota, settings: &JobsSettings) -> Result<()> {
    let Limits { memory, cpu, disk } = job.limits(settings);
    if job.retry > Some(5) {
        return Err(Error::invalid("retry", "a run that failed is tried again 0 to 5 times")
            .help("set retry to 5 or less"));
    }
    if memory < Memory::mib(4) || cpu < Cpu::milli(10) || disk < Memory::mib(16) {
        return Err(Error::invalid(
            "too-little",
            "a run needs 4Mi of memory, 10m of processor time and 16Mi of disk at least",
        )
        .help("ask for more"));
    }
    if job.replicas == Some(0) {
        return Err(Error::invalid("replicas", "a continuous job has one replica at least")
            .help(format!("pause it to have nothing of it run: hearth jobs stop {}", job.name)));
    }
    let over = |what: &str, asked: String, most: String| {
        Err(over_quota(format!("one run may have {most} of {what}, and {} asks for {asked}", job.name)))
    };
    if memory > quota.job_memory {
        return over("memory", memory.to_string(), quota.job_memory.to_string());
    }
    if cpu > quota.job_cpu {
        return over("processor time", cpu.to_string(), quota.job_cpu.to_string());
    }
    if disk > quota.job_disk {
        return over("disk", disk.to_string(), quota.job_disk.to_string());
    }
    if u32::from(job.replica_count()) > quota.replicas {
        let most = quota.replicas;
        return Err(over_quota(format!("one job may have {most} replicas, not {}", job.replica_count())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_wire::jobs::JobCreate;

    fn refused(change: impl FnOnce(&mut JobCreate)) -> String {
        let mut job = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
        change(&mut job);
        JobSpec::from_create(job)
            .and_then(|spec| check(&spec, &Quota::default(), &JobsSettings::default()))
            .err()
            .map(|error| error.code().to_owned())
            .unwrap_or_default()
    }

    #[test]
    fn a_sort_of_job_has_only_its_own_fields() {
        assert_eq!(refused(|_| ()), "");
        assert_eq!(refused(|job| job.port = Some(80)), "job-type");
        assert_eq!(refused(|job| (job.continuous, job.retry) = (Some(true), Some(1))), "job-type");
        assert_eq!(refused(|job| job.timezone = Some("UTC".to_owned())), "job-type");
        assert_eq!(refused(|job| job.job_type = Some(JobType::Scheduled)), "job-type");
        assert_eq!(
            refused(|job| (job.continuous, job.schedule) = (Some(true), Some("@daily".to_owned()))),
            "job-type"
        );
        assert_eq!(
            refused(|job| (job.continuous, job.job_type) = (Some(true), Some(JobType::OneOff))),
            "job-type"
        );
        assert_eq!(refused(|job| (job.continuous, job.retry) = (Some(true), Some(0))), "");
    }

    #[test]
    fn only_a_webservice_does_without_a_command() {
        assert_eq!(refused(|job| job.cmd.clear()), "no-command");
        assert_eq!(refused(|job| (job.cmd, job.job_type) = (String::new(), Some(JobType::Webservice))), "");
    }

    #[test]
    fn page_by_udp_is_refused() {
        let udp = |job: &mut JobCreate| {
            (job.continuous, job.publish, job.port) = (Some(true), Some(true), Some(53));
            job.port_protocol = Some(PortProtocol::Udp);
        };
        assert_eq!(refused(udp), "port");
    }

    #[test]
    fn what_is_more_than_a_tool_may_use_is_refused() {
        assert_eq!(refused(|job| job.memory = Some(Memory::mib(1 << 20))), "quota");
        assert_eq!(refused(|job| job.disk = Some(Memory::mib(1 << 20))), "quota");
        assert_eq!(refused(|job| job.disk = Some(Memory::mib(8))), "too-little");
        assert_eq!(refused(|job| (job.continuous, job.replicas) = (Some(true), Some(100))), "quota");
        assert_eq!(refused(|job| job.retry = Some(6)), "retry");
    }

    #[test]
    fn a_file_for_the_log_lies_in_the_home() {
        assert_eq!(refused(|job| job.filelog_stdout = Some("../x".to_owned())), "filelog");
        assert_eq!(refused(|job| job.filelog_stdout = Some("logs/x.out".to_owned())), "");
    }
}
