//! `hearth jobs show NAME`.

use hearth_base::{EnvvarName, JobName, Result};
use hearth_wire::jobs::{HealthCheck, HealthProbe, Job};

use super::list::describe_job_type;
use crate::{
    context::CommandContext,
    job_calls::fetch_job,
    printer::{Cell, Table},
    usage_chart,
};

/// The arguments of `hearth jobs show`.
#[derive(Debug, clap::Args)]
pub struct ShowJobArgs {
    /// The job
    name: JobName,
}

/// Shows the job.
pub async fn run(cx: &CommandContext, args: ShowJobArgs) -> Result<()> {
    let result = cx.printer.open_output::<Job>()?;
    let ShowJobArgs { name } = args;
    let session = cx.open_tool_session()?;
    let job = fetch_job(&session, &name).await?;
    let used = session
        .client()
        .jobs()
        .show_metrics(session.tool_name(), &name, &usage_chart::RECENT_METRICS_QUERY)
        .await;
    let used = usage_chart::build_usage_rows(used, cx.printer.now())?;
    result.print_record(&job, &build_table(&job, used))?;
    cx.printer.print_next(&format!("hearth logs {name}"));
    Ok(())
}

fn build_table(job: &Job, used: Vec<(&'static str, String)>) -> Table {
    let text = |value: Option<String>| value.map(Cell::from);
    let image = match job.image_state.as_str() {
        "" | "stable" => job.image.clone(),
        state => format!("{} ({state})", job.image),
    };
    let port = job.port.map(|port| match job.port_protocol {
        Some(protocol) => format!("{port}/{}", protocol.as_str()),
        None => port.to_string(),
    });
    let checks = job.checks.clone().unwrap_or_default();
    let check = |check: &Option<HealthCheck>| check.as_ref().map(describe_health_check);
    let stop = job.stop.unwrap_or_default();
    let rows = [
        ("job", Some(Cell::from(job.name.as_str()))),
        ("type", Some(Cell::from(describe_job_type(job)))),
        ("status", Some(Cell::from(job.status_long.as_str()))),
        ("last due", job.status.previous_schedule.map(Cell::from)),
        ("asleep since", job.status.asleep.map(Cell::from)),
        ("paused since", job.status.paused.map(Cell::from)),
        ("next due", job.status.next_schedule.map(Cell::from)),
        ("starts at most", text(job.starting_deadline.map(|seconds| format!("{seconds} s late")))),
        ("image", Some(Cell::from(image))),
        ("on a newer image", job.auto_update.filter(|auto| *auto).map(|_| Cell::from("restart"))),
        ("command", Some(Cell::from(job.cmd.as_str())).filter(|_| !job.cmd.is_empty())),
        ("variables", text(describe_variables(job))),
        ("tool's variables", text(job.envvars.as_ref().map(|names| join_variable_names(names)))),
        ("memory", text(job.memory.map(|memory| memory.to_string()))),
        ("cpu", text(job.cpu.map(|cpu| cpu.to_string()))),
        ("disk", text(job.disk.map(|disk| disk.to_string()))),
        ("replicas", text(job.replicas.map(|replicas| replicas.to_string()))),
        ("port", text(port)),
        ("published", job.publish.filter(|publish| *publish).map(|_| Cell::from("yes"))),
        ("sleeps after", text(job.sleep_after.map(|seconds| format!("{seconds} s without a visit")))),
        ("health check", text(check(&job.health_check))),
        ("start check", text(check(&checks.startup))),
        ("readiness check", text(check(&checks.readiness))),
        ("liveness check", text(check(&checks.liveness))),
        ("starts within", text(checks.start_within.map(|seconds| format!("{seconds} s")))),
        ("stop signal", text(stop.signal.map(|signal| signal.as_str().to_owned()))),
        ("grace time", text(stop.grace.map(|seconds| format!("{seconds} s")))),
        ("retries", text(job.retry.filter(|retry| *retry > 0).map(|retry| retry.to_string()))),
        ("time limit", text(job.timeout.filter(|limit| *limit > 0).map(|limit| format!("{limit} s")))),
        ("mount", text(job.mount.map(|mount| mount.as_str().to_owned()))),
        ("emails", text(job.emails.map(|emails| emails.as_str().to_owned()))),
    ];
    let used = used.into_iter().map(|(name, chart)| (name, Cell::from(chart)));
    Table::from_pairs(rows.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(used))
}

/// Lists the names of the job's own variables.
fn describe_variables(job: &Job) -> Option<String> {
    let names: Vec<EnvvarName> = job.variables.as_ref()?.as_map().keys().cloned().collect();
    Some(join_variable_names(&names))
}

fn join_variable_names(names: &[EnvvarName]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(EnvvarName::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// Describes a health check in a few words.
fn describe_health_check(check: &HealthCheck) -> String {
    let HealthCheck { probe, interval, timeout, failures } = check;
    let action = match probe {
        HealthProbe::Script(script) => script.clone(),
        HealthProbe::Http(path) => format!("GET {path}"),
        HealthProbe::Tcp => "its port accepts a connection".to_owned(),
    };
    let terms = [
        interval.map(|seconds| format!("every {seconds} s")),
        timeout.map(|seconds| format!("timeout {seconds} s")),
        failures.map(|times| format!("{times} failures in a row")),
    ];
    std::iter::once(action).chain(terms.into_iter().flatten()).collect::<Vec<_>>().join(", ")
}
