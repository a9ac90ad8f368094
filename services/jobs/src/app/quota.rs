//! Compares the resources of a tool's jobs with its quota.

use crate::JobsSettings;
use hearth_base::{Cpu, Memory, Result};
use hearth_wire::{
    jobs::{JobQuotas, JobType, QuotaCategory, QuotaItem},
    tools::Quota,
};

use super::definition::{refusals::quota_exceeded_error, spec::RunLimits};
use crate::store::{Job, JobId, JobKind, JobSpec, ReservedResources, ResourceShare};

/// Resources and job counts of a tool that its quota limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaUsage {
    pub memory: u64,
    pub cpu: u64,
    pub running: u32,
    pub scheduled: u32,
    pub continuous: u32,
}

impl QuotaUsage {
    /// Sums jobs and their active workloads, except those of `without`, which is about to be replaced.
    pub fn from_jobs(jobs: &[Job], reservations: &[ReservedResources], without: Option<&Job>) -> Self {
        let mut used = Self::default();
        let others = |job: JobId| without.is_none_or(|without| without.id != job);
        for job in jobs.iter().filter(|job| others(job.id)) {
            match job.kind {
                JobKind::Scheduled(_) => used.scheduled += 1,
                JobKind::Continuous(_) => used.continuous += 1,
                JobKind::OneOff => {}
            }
        }
        reservations.iter().filter(|one| others(one.job)).for_each(|one| used.add_workload(one.share));
        used
    }

    /// Adds the resources of a workload.
    pub fn add_workload(&mut self, ResourceShare { memory, cpu, replicas }: ResourceShare) {
        self.add_replicas(memory, cpu, replicas);
    }

    /// Subtracts the resources of a workload that ends.
    pub fn remove_workload(&mut self, share: ResourceShare) {
        let replicas = u64::from(share.replicas);
        self.memory = self.memory.saturating_sub(share.memory.get() * replicas);
        self.cpu = self.cpu.saturating_sub(u64::from(share.cpu.get()) * replicas);
        self.running = self.running.saturating_sub(share.replicas.into());
    }

    /// Checks that one more run of a job is within the quota: `quota` (exhausted) if not.
    pub fn check_one_more_run(mut self, job: &JobSpec, quota: &Quota, settings: &JobsSettings) -> Result<()> {
        let RunLimits { memory, cpu, .. } = job.resolve_limits(settings);
        self.add_replicas(memory, cpu, 1);
        self.check_totals(job, quota)
    }

    fn add_replicas(&mut self, memory: Memory, cpu: Cpu, replicas: u16) {
        self.memory += memory.get() * u64::from(replicas);
        self.cpu += u64::from(cpu.get()) * u64::from(replicas);
        self.running += u32::from(replicas);
    }

    /// Checks that one more job is within the quota: `quota` (exhausted) if not.
    pub fn check_one_more_job(mut self, job: &JobSpec, quota: &Quota, settings: &JobsSettings) -> Result<()> {
        let RunLimits { memory, cpu, .. } = job.resolve_limits(settings);
        match job.job_type {
            JobType::Scheduled => self.scheduled += 1,
            JobType::Continuous | JobType::Webservice => {
                self.continuous += 1;
                self.add_replicas(memory, cpu, job.replica_count());
            }
            JobType::OneOff => self.add_replicas(memory, cpu, 1),
        }
        if self.scheduled > quota.scheduled_jobs {
            return refuse_over_quota(job, "scheduled jobs", &self.scheduled, &quota.scheduled_jobs);
        }
        if self.continuous > quota.continuous_jobs {
            return refuse_over_quota(job, "continuous jobs", &self.continuous, &quota.continuous_jobs);
        }
        self.check_totals(job, quota)
    }

    fn check_totals(&self, job: &JobSpec, quota: &Quota) -> Result<()> {
        let memory = Memory::from_bytes(self.memory.max(1));
        let cpu = Cpu::from_milli(u32::try_from(self.cpu).unwrap_or(u32::MAX));
        if self.running > quota.running_jobs {
            return refuse_over_quota(job, "running jobs", &self.running, &quota.running_jobs);
        }
        if memory > quota.memory {
            return refuse_over_quota(job, "of memory", &memory, &quota.memory);
        }
        if cpu > quota.cpu {
            return refuse_over_quota(job, "CPUs", &cpu, &quota.cpu);
        }
        Ok(())
    }

    /// Converts usage and quota to the tables of the API.
    pub fn to_quotas(self, quota: &Quota) -> JobQuotas {
        let used = |name: &str, used: String, limit: String| QuotaItem {
            name: name.to_owned(),
            limit,
            used: Some(used),
        };
        let limit = |name: &str, limit: String| QuotaItem { name: name.to_owned(), limit, used: None };
        let memory =
            if self.memory == 0 { "0Mi".to_owned() } else { Memory::from_bytes(self.memory).to_string() };
        let cpu = if self.cpu == 0 {
            "0".to_owned()
        } else {
            Cpu::from_milli(u32::try_from(self.cpu).unwrap_or(u32::MAX)).to_string()
        };
        let category = |name: &str, items| QuotaCategory { name: name.to_owned(), items };
        let running = vec![
            used("Total running jobs at once", self.running.to_string(), quota.running_jobs.to_string()),
            used("Running CPU", cpu, quota.cpu.to_string()),
            used("Running memory", memory, quota.memory.to_string()),
        ];
        let per_job = vec![
            limit("CPU", quota.job_cpu.to_string()),
            limit("Memory", quota.job_memory.to_string()),
            limit("Disk", quota.job_disk.to_string()),
            limit("Replicas", quota.replicas.to_string()),
        ];
        let definitions = vec![
            used("Cron jobs", self.scheduled.to_string(), quota.scheduled_jobs.to_string()),
            used("Continuous jobs", self.continuous.to_string(), quota.continuous_jobs.to_string()),
        ];
        JobQuotas {
            categories: vec![
                category("Running jobs", running),
                category("Per-job limits", per_job),
                category("Job definitions", definitions),
            ],
        }
    }
}

fn refuse_over_quota(
    job: &JobSpec,
    resource: &str,
    usage: &impl ToString,
    limit: &impl ToString,
) -> Result<()> {
    let (usage, limit) = (usage.to_string(), limit.to_string());
    Err(quota_exceeded_error(format!(
        "job {} exceeds the quota of the tool: {usage} {resource}; at most {limit}",
        job.name
    )))
}
