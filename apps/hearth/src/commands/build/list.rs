//! `hearth build list`.

use hearth_base::Result;
use hearth_wire::builds::Build;

use super::{describe_build_state, describe_source, instant_cell};
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the builds, the newest first.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<Build>()?;
    let builds = super::list_builds(&cx.open_tool_session()?).await?;
    let mut table = Table::with_headings(&["build", "state", "began", "source"]);
    for build in &builds {
        table.add_row([
            Cell::from(build.build_id.to_string()),
            Cell::from(match build.queue {
                Some(place) => format!("waiting, place {}", place.position),
                None => describe_build_state(build).to_owned(),
            }),
            instant_cell(&build.start_time),
            Cell::from(describe_source(build)),
        ]);
    }
    result.print_list(&builds, &table)?;
    if builds.is_empty() {
        cx.printer.print_note("No builds yet.");
        cx.printer.print_next("hearth deploy");
    }
    Ok(())
}
