//! `hearth build list`.

use hearth_base::Result;
use hearth_wire::builds::Build;

use super::{instant, source, state};
use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// Lists them, the newest first.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<Build>()?;
    let builds = super::all(&cx.at_tool()?).await?;
    let mut table = Table::of(&["build", "state", "began", "source"]);
    for build in &builds {
        table.row([
            Cell::from(build.build_id.to_string()),
            Cell::from(state(build)),
            instant(&build.start_time),
            Cell::from(source(build)),
        ]);
    }
    answer.listed(&builds, &table)?;
    if builds.is_empty() {
        cx.printer.note("No builds yet.");
        cx.printer.next("hearth deploy");
    }
    Ok(())
}
