//! `hearth jobs show NAME`.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::{HealthCheck, Job};

use super::list::sort;
use crate::{
    context::Context,
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
    let job = super::one(&at, &name).await?;
    answer.shown(&job, &table(&job))?;
    cx.printer.next(&format!("hearth logs {name}"));
    Ok(())
}

fn table(job: &Job) -> Table {
    let text = |value: Option<String>| value.map(Cell::from);
    let image = match job.image_state.as_str() {
        "" | "stable" => job.image.clone(),
        state => format!("{} ({state})", job.image),
    };
    let port = job.port.map(|port| match job.port_protocol {
        Some(protocol) => format!("{port}/{}", protocol.word()),
        None => port.to_string(),
    });
    let check = job.health_check.as_ref().map(|check| match check {
        HealthCheck::Script { script } => script.clone(),
        HealthCheck::Http { path } => format!("GET {path}"),
    });
    let rows = [
        ("job", Some(Cell::from(job.name.as_str()))),
        ("type", Some(Cell::from(sort(job)))),
        ("how it is", Some(Cell::from(job.status_long.as_str()))),
        ("last due", job.status.previous_schedule.map(Cell::from)),
        ("paused since", job.status.paused.map(Cell::from)),
        ("next due", job.status.next_schedule.map(Cell::from)),
        ("image", Some(Cell::from(image))),
        ("command", Some(Cell::from(job.cmd.as_str())).filter(|_| !job.cmd.is_empty())),
        ("memory", text(job.memory.map(|memory| memory.to_string()))),
        ("cpu", text(job.cpu.map(|cpu| cpu.to_string()))),
        ("replicas", text(job.replicas.map(|replicas| replicas.to_string()))),
        ("port", text(port)),
        ("the tool's page", job.publish.filter(|publish| *publish).map(|_| Cell::from("yes"))),
        ("health check", text(check)),
        ("retries", text(job.retry.filter(|retry| *retry > 0).map(|retry| retry.to_string()))),
        ("time limit", text(job.timeout.filter(|limit| *limit > 0).map(|limit| format!("{limit} s")))),
        ("mount", text(job.mount.map(|mount| mount.word().to_owned()))),
        ("emails", text(job.emails.map(|emails| emails.word().to_owned()))),
    ];
    Table::pairs(rows.into_iter().filter_map(|(name, value)| Some((name, value?))))
}
