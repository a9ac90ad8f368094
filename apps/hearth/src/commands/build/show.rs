//! `hearth build show [ID]`.

use hearth_base::{BuildId, Result};
use hearth_wire::builds::{Build, BuildStatus};

use super::{instant, source, state};
use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// What `hearth build show` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The build; absent: the newest
    id: Option<BuildId>,
}

/// Shows it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Build>()?;
    let build = super::one(&cx.at_tool()?, args.id).await?;
    answer.shown(&build, &table(&build))?;
    match build.status {
        BuildStatus::BuildSuccess => {}
        BuildStatus::BuildPending | BuildStatus::BuildRunning => cx.printer.next("hearth build logs -f"),
        _ => cx.printer.next(&format!("hearth build logs {}", build.build_id)),
    }
    Ok(())
}

fn table(build: &Build) -> Table {
    let mut rows = vec![
        ("build", Cell::from(build.build_id.to_string())),
        ("state", Cell::from(state(build))),
        ("source", Cell::from(source(build))),
        ("began", instant(&build.start_time)),
        ("ended", instant(&build.end_time)),
    ];
    let image = if build.destination_image.is_empty() { "-" } else { &build.destination_image };
    rows.push(("image", Cell::from(image)));
    if !build.message.is_empty() {
        rows.push(("message", Cell::from(build.message.as_str())));
    }
    let processes = build.processes.iter().map(|(name, line)| format!("{name}: {line}"));
    rows.extend(processes.map(|process| ("process", Cell::from(process))));
    Table::pairs(rows)
}
