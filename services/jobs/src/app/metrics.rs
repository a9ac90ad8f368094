//! What jobs use: counted once a minute for what runs, and at each end, so that nothing is counted twice.

use std::collections::BTreeMap;

use hearth_base::{Error, JobName, Result, ToolId};
use hearth_kit::telemetry::{Registry, to_text};
use hearth_runtime_api::{InstanceId, Usage, WorkloadId};
use hearth_wire::jobs::{Metrics, MetricsQuery};
use jiff::{SignedDuration, Timestamp};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

use super::definition::{Of, no_such_job};
use crate::{
    cx::Cx,
    store::{Job, Run, RunEnd, STEPS, Step, Use},
};

const MOST: u64 = 10_000;
/// What was counted this long ago is still what is used now.
const NOW: SignedDuration = SignedDuration::from_mins(2);

/// Counts what is used by all that runs, tool by tool.
pub async fn count(cx: &Cx, now: Timestamp) -> Result<()> {
    let usage = cx.runtime.usage().await?;
    if usage.is_empty() {
        return Ok(());
    }
    let runs = cx.store.runs_running(MOST).await?;
    let runs: BTreeMap<InstanceId, Run> = runs.into_iter().map(|run| (run.instance, run)).collect();
    let mut tools: BTreeMap<ToolId, Vec<(&Run, Usage)>> = BTreeMap::new();
    for one in usage {
        // What is of no job, or has ended meanwhile, is left out.
        if let Some(run) = runs.get(&one.instance) {
            tools.entry(run.tool).or_default().push((run, one));
        }
    }
    for (tool, running) in tools {
        count_tool(cx, tool, &running, now).await?;
    }
    Ok(())
}

async fn count_tool(cx: &Cx, tool: ToolId, running: &[(&Run, Usage)], now: Timestamp) -> Result<()> {
    let tx = cx.store.begin_behind().await?;
    cx.store.tool_locked(&tx, tool).await?;
    let mut all = BTreeMap::new();
    for job in cx.store.jobs_in(&tx, tool).await? {
        let mut used = Use::default();
        for (run, one) in running.iter().filter(|(run, _)| run.job == job.id) {
            used.memory += one.memory;
            used.disk += one.disk;
            used.cpu_micros += cx.store.count_cpu(&tx, &run.id(), one.cpu_micros).await?;
            used.containers += 1;
        }
        if used.containers > 0 {
            all.insert((tool, job.id), used);
        }
    }
    cx.store.samples_add(&tx, &all, now).await?;
    tx.commit().await
}

/// What a run used that has just ended, beside what was counted of it before; under the tool's lock. The caller counts
/// it, and keeps the run.
pub fn ended(run: &mut Run) -> Use {
    let kept = matches!(run.instance.workload, WorkloadId::Set(_));
    let used = Use {
        memory: run.peak_memory,
        cpu_micros: run.cpu_micros.saturating_sub(run.cpu_counted),
        containers: u32::from(run.started.is_some()),
        restarts: u32::from(kept && run.end != Some(RunEnd::Stopped)),
        // Nobody looked at the disk at its end.
        ..Use::default()
    };
    run.cpu_counted = run.cpu_counted.max(run.cpu_micros);
    used
}

/// What a job used.
pub async fn of_job(cx: &Cx, of: Of<'_>, name: &JobName, query: MetricsQuery) -> Result<Metrics> {
    let (step, since) = span(cx, query)?;
    let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    Ok(metrics(step, cx.store.samples(job.id, step, since).await?))
}

/// What all jobs of a tool used together.
pub async fn of_tool(cx: &Cx, tool: ToolId, query: MetricsQuery) -> Result<Metrics> {
    let (step, since) = span(cx, query)?;
    Ok(metrics(step, cx.store.samples_of_tool(tool, step, since).await?))
}

fn metrics(step: Step, samples: Vec<hearth_wire::jobs::Sample>) -> Metrics {
    Metrics { step: u32::try_from(step.seconds).unwrap_or(0), samples }
}

/// The finest steps that reach back so far, and when they begin.
fn span(cx: &Cx, query: MetricsQuery) -> Result<(Step, Timestamp)> {
    let hours = query.hours.unwrap_or(3);
    let fitting = STEPS.into_iter().find(|step| i64::from(step.hours) >= i64::from(hours));
    let step = fitting.filter(|_| hours > 0).ok_or_else(|| {
        Error::invalid("hours", format!("{hours} hours cannot be shown"))
            .help("ask for 1 to 720: use is kept for 30 days")
    })?;
    let since = cx.now().saturating_sub(SignedDuration::from_hours(hours.into())).unwrap_or(Timestamp::MIN);
    Ok((step, since))
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    tool: String,
    job: String,
}

/// What each job of a tool uses, for a collector (<https://github.com/prometheus/OpenMetrics>).
pub async fn for_collectors(cx: &Cx, of: Of<'_>) -> Result<String> {
    let [memory, disk, containers, ready]: [Family<Labels, Gauge>; 4] = Default::default();
    let (cpu, restarts): (
        Family<Labels, Counter<f64, std::sync::atomic::AtomicU64>>,
        Family<Labels, Counter>,
    ) = Default::default();
    let (last, well): (Family<Labels, Gauge>, Family<Labels, Gauge>) = Default::default();
    let since = cx.now().saturating_sub(NOW).unwrap_or(Timestamp::MIN);
    let known = cx.store.samples_newest(of.tool, since).await?;
    let jobs = cx.store.jobs(of.tool).await?;
    let newest = jobs.iter().filter_map(|job| job.last_run.clone()).collect();
    let runs = cx.store.runs_to_show(of.tool, newest).await?;
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    for job in &jobs {
        let labels = Labels { tool: of.name.to_string(), job: job.name.to_string() };
        let alive = runs.iter().filter(|run| run.job == job.id && run.ready).count();
        ready.get_or_create(&labels).set(i64::try_from(alive).unwrap_or(i64::MAX));
        if let Some((all, now)) = known.get(&job.id) {
            cpu.get_or_create(&labels).inc_by(seconds(all.cpu_micros));
            restarts.get_or_create(&labels).inc_by(all.restarts.into());
            memory.get_or_create(&labels).set(signed(now.map_or(0, |now| now.memory)));
            if let Some(now) = now.filter(|now| now.disk > 0) {
                disk.get_or_create(&labels).set(signed(now.disk));
            }
            containers.get_or_create(&labels).set(now.map_or(0, |now| now.containers.into()));
        }
        if let Some((ended, success)) = last_end(job, &runs) {
            last.get_or_create(&labels).set(ended.as_second());
            well.get_or_create(&labels).set(success.into());
        }
    }
    let mut registry = Registry::with_prefix("hearth_job");
    registry.register("memory_bytes", "Memory held now", memory);
    registry.register("disk_bytes", "Bytes written beside mounts and not removed", disk);
    registry.register("containers", "Containers that run now", containers);
    registry.register("ready", "Containers that are ready now", ready);
    registry.register("cpu_seconds", "Processor time used", cpu);
    registry.register("restarts", "Containers that ended without being asked to", restarts);
    registry.register("last_run_end_timestamp_seconds", "When the newest run ended", last);
    registry.register("last_run_success", "Whether the newest run ended well", well);
    to_text(&registry)
}

#[expect(clippy::cast_precision_loss, reason = "a microsecond more or less in three hundred years")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn last_end(job: &Job, runs: &[Run]) -> Option<(Timestamp, bool)> {
    let last = runs.iter().find(|run| job.last_run.as_deref() == Some(&*run.id()))?;
    Some((last.ended?, last.is_success()))
}
