//! Usage of jobs: sampled once a minute for running containers, and at each end of a run. The counted part of
//! a run's processor time is stored with it, so that nothing is counted twice.

use std::collections::BTreeMap;

use hearth_base::{Error, JobName, Result, ToolId};
use hearth_kit::telemetry::{Registry, to_text};
use hearth_runtime_api::{InstanceId, Usage, WorkloadId};
use hearth_wire::jobs::{JobMetrics, MetricsQuery};
use jiff::{SignedDuration, Timestamp};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

use super::definition::{ToolScope, job_not_found_error};
use crate::{
    context::JobsContext,
    store::{Job, JobUsage, Run, SAMPLE_RESOLUTIONS, SampleResolution, StoredRunEnd},
};

const MAX_RUNS_PER_SAMPLE: u64 = 10_000;
/// Age up to which a minute's sample counts as current usage.
const CURRENT_SAMPLE_MAX_AGE: SignedDuration = SignedDuration::from_mins(2);
/// Number of containers in a row that may end at their start and are no restarts: a failed deployment has so many.
const MAX_STARTUP_ENDS: u32 = 3;
/// Time within which the end of a container belongs to its start, even if it has been ready.
const STARTUP_TIME: SignedDuration = SignedDuration::from_secs(10);

/// Samples the usage of all running containers, one transaction per tool.
pub async fn record_usage(cx: &JobsContext, now: Timestamp) -> Result<()> {
    let usage = cx.runtime.read_usage().await?;
    if usage.is_empty() {
        return Ok(());
    }
    let runs = cx.store.list_running_runs(MAX_RUNS_PER_SAMPLE).await?;
    let runs: BTreeMap<InstanceId, Run> = runs.into_iter().map(|run| (run.instance, run)).collect();
    let mut tools: BTreeMap<ToolId, Vec<(&Run, Usage)>> = BTreeMap::new();
    for instance_usage in usage {
        // Instances without a run belong to another service, or have ended meanwhile.
        if let Some(run) = runs.get(&instance_usage.instance) {
            tools.entry(run.tool).or_default().push((run, instance_usage));
        }
    }
    for (tool, running) in tools {
        record_tool_usage(cx, tool, &running, now).await?;
    }
    Ok(())
}

async fn record_tool_usage(
    cx: &JobsContext,
    tool: ToolId,
    running: &[(&Run, Usage)],
    now: Timestamp,
) -> Result<()> {
    let tx = cx.store.begin_background().await?;
    cx.store.lock_tool_name(&tx, tool).await?;
    let mut all = BTreeMap::new();
    for job in cx.store.list_jobs_in(&tx, tool).await? {
        let mut used = JobUsage::default();
        for (run, one) in running.iter().filter(|(run, _)| run.job == job.id) {
            used.memory += one.memory;
            used.disk += one.disk;
            used.cpu_micros += cx.store.record_cpu_time(&tx, &run.id(), one.cpu_micros).await?;
            used.containers += 1;
        }
        if used.containers > 0 {
            all.insert((tool, job.id), used);
        }
    }
    cx.store.add_samples(&tx, &all, now).await?;
    tx.commit().await
}

/// Returns the usage of a run that has just ended and is not in samples yet, and marks it as counted; `was_ready` is
/// true if it has ever been ready. The caller holds the tool's lock, adds the usage to samples and stores the run.
pub fn compute_usage_at_end(run: &mut Run, was_ready: bool, now: Timestamp) -> JobUsage {
    let is_set = matches!(run.instance.workload, WorkloadId::Set(_));
    let is_restart = is_set
        && run.end != Some(StoredRunEnd::Stopped)
        && (run.attempt > MAX_STARTUP_ENDS || was_ready && now.duration_since(run.created) >= STARTUP_TIME);
    let used = JobUsage {
        memory: run.peak_memory,
        cpu_micros: run.cpu_micros.saturating_sub(run.cpu_counted),
        containers: u32::from(run.started.is_some()),
        restarts: u32::from(is_restart),
        // Disk usage is not measured at the end of a run.
        ..JobUsage::default()
    };
    run.cpu_counted = run.cpu_counted.max(run.cpu_micros);
    used
}

/// Reads the usage samples of a job.
pub async fn read_job_metrics(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    name: &JobName,
    query: MetricsQuery,
) -> Result<JobMetrics> {
    let (step, since) = select_resolution(cx, query)?;
    let job = cx.store.find_job(scope.tool, name).await?.ok_or_else(|| job_not_found_error(name))?;
    Ok(to_metrics(step, cx.store.list_job_samples(job.id, step, since).await?))
}

/// Reads the sums of the usage samples of all jobs of a tool.
pub async fn read_tool_metrics(cx: &JobsContext, tool: ToolId, query: MetricsQuery) -> Result<JobMetrics> {
    let (step, since) = select_resolution(cx, query)?;
    Ok(to_metrics(step, cx.store.list_tool_samples(tool, step, since).await?))
}

fn to_metrics(step: SampleResolution, samples: Vec<hearth_wire::jobs::MetricsSample>) -> JobMetrics {
    JobMetrics { step: u32::try_from(step.seconds).unwrap_or(0), samples }
}

/// Selects the finest resolution that is stored for the requested hours, and returns it with the start of the
/// time span.
fn select_resolution(cx: &JobsContext, query: MetricsQuery) -> Result<(SampleResolution, Timestamp)> {
    let hours = query.hours.unwrap_or(3);
    let fitting = SAMPLE_RESOLUTIONS.into_iter().find(|step| i64::from(step.hours) >= i64::from(hours));
    let step = fitting.filter(|_| hours > 0).ok_or_else(|| {
        Error::invalid("hours", format!("hours is out of range: {hours}; expected 1 to 720"))
            .help("request at most 720 hours: usage is stored for 30 days")
    })?;
    let since = cx.now().saturating_sub(SignedDuration::from_hours(hours.into())).unwrap_or(Timestamp::MIN);
    Ok((step, since))
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    tool: String,
    job: String,
}

/// Renders the usage of a tool's jobs as OpenMetrics text (<https://github.com/prometheus/OpenMetrics>).
pub async fn render_open_metrics(cx: &JobsContext, scope: ToolScope<'_>) -> Result<String> {
    let [memory, disk, containers, ready]: [Family<JobLabels, Gauge>; 4] = Default::default();
    let (cpu, restarts): (
        Family<JobLabels, Counter<f64, std::sync::atomic::AtomicU64>>,
        Family<JobLabels, Counter>,
    ) = Default::default();
    let (last, success_flag): (Family<JobLabels, Gauge>, Family<JobLabels, Gauge>) = Default::default();
    let since = cx.now().saturating_sub(CURRENT_SAMPLE_MAX_AGE).unwrap_or(Timestamp::MIN);
    let known = cx.store.read_total_and_newest_samples(scope.tool, since).await?;
    let jobs = cx.store.list_jobs(scope.tool).await?;
    let newest = jobs.iter().filter_map(|job| job.last_run.clone()).collect();
    let runs = cx.store.list_active_runs_plus(scope.tool, newest).await?;
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    for job in &jobs {
        let labels = JobLabels { tool: scope.name.to_string(), job: job.name.to_string() };
        let alive = runs.iter().filter(|run| run.job == job.id && run.ready).count();
        ready.get_or_create(&labels).set(i64::try_from(alive).unwrap_or(i64::MAX));
        if let Some((all, now)) = known.get(&job.id) {
            cpu.get_or_create(&labels).inc_by(micros_to_seconds(all.cpu_micros));
            restarts.get_or_create(&labels).inc_by(all.restarts.into());
            memory.get_or_create(&labels).set(signed(now.map_or(0, |now| now.memory)));
            if let Some(now) = now.filter(|now| now.disk > 0) {
                disk.get_or_create(&labels).set(signed(now.disk));
            }
            containers.get_or_create(&labels).set(now.map_or(0, |now| now.containers.into()));
        }
        if let Some((ended, success)) = find_last_end(job, &runs) {
            last.get_or_create(&labels).set(ended.as_second());
            success_flag.get_or_create(&labels).set(success.into());
        }
    }
    let mut registry = Registry::with_prefix("hearth_job");
    registry.register("memory_bytes", "Memory in use", memory);
    registry.register("disk_bytes", "Disk in use outside of mounts", disk);
    registry.register("containers", "Running containers", containers);
    registry.register("ready", "Ready containers", ready);
    registry.register("cpu_seconds", "CPU time used", cpu);
    registry.register("restarts", "Containers that ended without a stop request", restarts);
    registry.register("last_run_end_timestamp_seconds", "End of the newest run", last);
    registry.register("last_run_success", "1 if the newest run succeeded, else 0", success_flag);
    to_text(&registry)
}

#[expect(clippy::cast_precision_loss, reason = "a microsecond more or less in three hundred years")]
fn micros_to_seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn find_last_end(job: &Job, runs: &[Run]) -> Option<(Timestamp, bool)> {
    let last = runs.iter().find(|run| job.last_run.as_deref() == Some(&*run.id()))?;
    Some((last.ended?, last.is_success()))
}
