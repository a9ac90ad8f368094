//! `hearth build show [ID]`.

use hearth_base::{BuildId, Result};
use hearth_wire::builds::{Build, BuildStatus};

use super::{describe_build_state, describe_source, instant_cell};
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// The arguments of `hearth build show`.
#[derive(Debug, clap::Args)]
pub struct ShowBuildArgs {
    /// The build; default: the newest
    id: Option<BuildId>,
}

/// Shows the build.
pub async fn run(cx: &CommandContext, args: ShowBuildArgs) -> Result<()> {
    let result = cx.printer.open_output::<Build>()?;
    let build = super::find_build(&cx.open_tool_session()?, args.id).await?;
    result.print_record(&build, &build_table(&build))?;
    match build.status {
        BuildStatus::BuildSuccess => {}
        BuildStatus::BuildPending | BuildStatus::BuildRunning => {
            cx.printer.print_next("hearth build logs -f")
        }
        _ => cx.printer.print_next(&format!("hearth build logs {}", build.build_id)),
    }
    Ok(())
}

fn build_table(build: &Build) -> Table {
    let mut rows = vec![
        ("build", Cell::from(build.build_id.to_string())),
        ("state", Cell::from(describe_build_state(build))),
        ("source", Cell::from(describe_source(build))),
        ("began", instant_cell(&build.start_time)),
        ("ended", instant_cell(&build.end_time)),
    ];
    let image = if build.destination_image.is_empty() { "-" } else { &build.destination_image };
    rows.push(("image", Cell::from(image)));
    if !build.message.is_empty() {
        rows.push(("message", Cell::from(build.message.as_str())));
    }
    let processes = build.processes.iter().map(|(name, line)| format!("{name}: {line}"));
    rows.extend(processes.map(|process| ("process", Cell::from(process))));
    Table::from_pairs(rows)
}
