//! `hearth jobs show NAME`.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::{HealthAsk, HealthCheck, Job};

use super::list::sort;
use crate::{
    chart,
    context::Context,
    job_calls::show_job,
    printer::{Cell, Table},
};

/// What `hearth jobs show` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job
    name: JobName,
}

/// Shows it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Job>()?;
    let Args { name } = args;
    let at = cx.at_tool()?;
    let job = show_job(&at, &name).await?;
    let used = at.client().jobs().metrics(at.name(), &name, &chart::LATELY).await;
    let used = chart::rows(used, cx.printer.now())?;
    answer.shown(&job, &table(&job, used))?;
    cx.printer.next(&format!("hearth logs {name}"));
    Ok(())
}

fn table(job: &Job, used: Vec<(&'static str, String)>) -> Table {
    let text = |value: Option<String>| value.map(Cell::from);
    let image = match job.image_state.as_str() {
        "" | "stable" => job.image.clone(),
        state => format!("{} ({state})", job.image),
    };
    let port = job.port.map(|port| match job.port_protocol {
        Some(protocol) => format!("{port}/{}", protocol.word()),
        None => port.to_string(),
    });
    let checks = job.checks.clone().unwrap_or_default();
    let check = |check: &Option<HealthCheck>| check.as_ref().map(said);
    let stop = job.stop.unwrap_or_default();
    let rows = [
        ("job", Some(Cell::from(job.name.as_str()))),
        ("type", Some(Cell::from(sort(job)))),
        ("how it is", Some(Cell::from(job.status_long.as_str()))),
        ("last due", job.status.previous_schedule.map(Cell::from)),
        ("paused since", job.status.paused.map(Cell::from)),
        ("next due", job.status.next_schedule.map(Cell::from)),
        ("starts at most", text(job.starting_deadline.map(|seconds| format!("{seconds} s late")))),
        ("image", Some(Cell::from(image))),
        ("a newer image", job.auto_update.filter(|auto| *auto).map(|_| Cell::from("restarts it"))),
        ("command", Some(Cell::from(job.cmd.as_str())).filter(|_| !job.cmd.is_empty())),
        ("memory", text(job.memory.map(|memory| memory.to_string()))),
        ("cpu", text(job.cpu.map(|cpu| cpu.to_string()))),
        ("disk", text(job.disk.map(|disk| disk.to_string()))),
        ("replicas", text(job.replicas.map(|replicas| replicas.to_string()))),
        ("port", text(port)),
        ("the tool's page", job.publish.filter(|publish| *publish).map(|_| Cell::from("yes"))),
        ("health check", text(check(&job.health_check))),
        ("start check", text(check(&checks.startup))),
        ("readiness check", text(check(&checks.readiness))),
        ("liveness check", text(check(&checks.liveness))),
        ("starts within", text(checks.start_within.map(|seconds| format!("{seconds} s")))),
        ("stop signal", text(stop.signal.map(|signal| signal.word().to_owned()))),
        ("grace time", text(stop.grace.map(|seconds| format!("{seconds} s")))),
        ("retries", text(job.retry.filter(|retry| *retry > 0).map(|retry| retry.to_string()))),
        ("time limit", text(job.timeout.filter(|limit| *limit > 0).map(|limit| format!("{limit} s")))),
        ("mount", text(job.mount.map(|mount| mount.word().to_owned()))),
        ("emails", text(job.emails.map(|emails| emails.word().to_owned()))),
    ];
    let used = used.into_iter().map(|(name, chart)| (name, Cell::from(chart)));
    Table::pairs(rows.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(used))
}

/// A health check in a few words.
fn said(check: &HealthCheck) -> String {
    let HealthCheck { ask, interval, timeout, failures } = check;
    let ask = match ask {
        HealthAsk::Script(script) => script.clone(),
        HealthAsk::Http(path) => format!("GET {path}"),
        HealthAsk::Tcp => "its port accepts a connection".to_owned(),
    };
    let terms = [
        interval.map(|seconds| format!("every {seconds} s")),
        timeout.map(|seconds| format!("answered in {seconds} s")),
        failures.map(|times| format!("{times} times in a row")),
    ];
    std::iter::once(ask).chain(terms.into_iter().flatten()).collect::<Vec<_>>().join(", ")
}
