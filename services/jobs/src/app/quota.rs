//! How much a tool runs, and how much it may.

use crate::JobsSettings;
use hearth_base::{Cpu, Memory, Result};
use hearth_wire::{
    jobs::{JobType, QuotaCategory, QuotaItem, Quotas},
    tools::Quota,
};

use super::definition::{refusals::over_quota, spec::Limits};
use crate::store::{Job, JobId, JobSpec, Kind, Share, Taken};

/// What a tool uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    pub memory: u64,
    pub cpu: u64,
    pub running: u32,
    pub scheduled: u32,
    pub continuous: u32,
}

impl Use {
    /// What these jobs use, and what is to run of them; `without` one that is about to be replaced.
    pub fn of(jobs: &[Job], taken: &[Taken], without: Option<&Job>) -> Self {
        let mut used = Self::default();
        let others = |job: JobId| without.is_none_or(|without| without.id != job);
        for job in jobs.iter().filter(|job| others(job.id)) {
            match job.kind {
                Kind::Scheduled(_) => used.scheduled += 1,
                Kind::Kept(_) => used.continuous += 1,
                Kind::OneOff => {}
            }
        }
        taken.iter().filter(|taken| others(taken.job)).for_each(|taken| used.run(taken.share));
        used
    }

    /// Counts what runs.
    pub fn run(&mut self, Share { memory, cpu, replicas }: Share) {
        self.add(memory, cpu, replicas);
    }

    /// Counts what runs no more.
    pub fn end(&mut self, share: Share) {
        let replicas = u64::from(share.replicas);
        self.memory = self.memory.saturating_sub(share.memory.get() * replicas);
        self.cpu = self.cpu.saturating_sub(u64::from(share.cpu.get()) * replicas);
        self.running = self.running.saturating_sub(share.replicas.into());
    }

    /// Refuses one more run of a job when that would be more than the tool may use.
    pub fn admit_run(mut self, job: &JobSpec, quota: &Quota, settings: &JobsSettings) -> Result<()> {
        let Limits { memory, cpu, .. } = job.limits(settings);
        self.add(memory, cpu, 1);
        self.within(job, quota)
    }

    fn add(&mut self, memory: Memory, cpu: Cpu, replicas: u16) {
        self.memory += memory.get() * u64::from(replicas);
        self.cpu += u64::from(cpu.get()) * u64::from(replicas);
        self.running += u32::from(replicas);
    }

    /// Refuses one more job when that would be more than the tool may use.
    pub fn admit(mut self, job: &JobSpec, quota: &Quota, settings: &JobsSettings) -> Result<()> {
        let Limits { memory, cpu, .. } = job.limits(settings);
        match job.job_type {
            JobType::Scheduled => self.scheduled += 1,
            JobType::Continuous | JobType::Webservice => {
                self.continuous += 1;
                self.add(memory, cpu, job.replica_count());
            }
            JobType::OneOff => self.add(memory, cpu, 1),
        }
        if self.scheduled > quota.scheduled_jobs {
            return over(job, "scheduled jobs", &self.scheduled, &quota.scheduled_jobs);
        }
        if self.continuous > quota.continuous_jobs {
            return over(job, "continuous jobs", &self.continuous, &quota.continuous_jobs);
        }
        self.within(job, quota)
    }

    fn within(&self, job: &JobSpec, quota: &Quota) -> Result<()> {
        let memory = Memory::bytes(self.memory.max(1));
        let cpu = Cpu::milli(u32::try_from(self.cpu).unwrap_or(u32::MAX));
        if self.running > quota.running_jobs {
            return over(job, "running jobs", &self.running, &quota.running_jobs);
        }
        if memory > quota.memory {
            return over(job, "of memory", &memory, &quota.memory);
        }
        if cpu > quota.cpu {
            return over(job, "processors", &cpu, &quota.cpu);
        }
        Ok(())
    }

    /// The tables that people see.
    pub fn shown(&self, quota: &Quota) -> Quotas {
        let used = |name: &str, used: String, limit: String| QuotaItem {
            name: name.to_owned(),
            limit,
            used: Some(used),
        };
        let limit = |name: &str, limit: String| QuotaItem { name: name.to_owned(), limit, used: None };
        let memory = if self.memory == 0 { "0Mi".to_owned() } else { Memory::bytes(self.memory).to_string() };
        let cpu = if self.cpu == 0 {
            "0".to_owned()
        } else {
            Cpu::milli(u32::try_from(self.cpu).unwrap_or(u32::MAX)).to_string()
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
        Quotas {
            categories: vec![
                category("Running jobs", running),
                category("Per-job limits", per_job),
                category("Job definitions", definitions),
            ],
        }
    }
}

fn over(job: &JobSpec, what: &str, with: &impl ToString, most: &impl ToString) -> Result<()> {
    let (with, most) = (with.to_string(), most.to_string());
    Err(over_quota(format!("with {} the tool would have {with} {what}, and may have {most}", job.name)))
}
