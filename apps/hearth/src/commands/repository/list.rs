//! `hearth repository list`.

use hearth_base::Result;
use hearth_wire::components::RepositoryLink;

use super::state_word;
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the linked repositories.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<RepositoryLink>()?;
    let session = cx.open_tool_session()?;
    let calls = session.client().components();
    let links = session.send(calls.list_repository_links(session.tool_name())).await?.links;
    let mut table = Table::with_headings(&[
        "link",
        "state",
        "owner",
        "repository",
        "branches",
        "environment",
        "previews",
    ]);
    for link in &links {
        table.add_row([
            Cell::from(link.id.to_string()),
            Cell::from(state_word(link)),
            Cell::from(link.owner.as_ref().map(ToString::to_string).unwrap_or_default()),
            Cell::from(link.repository.as_str()),
            Cell::from(link.branches.join(", ")),
            Cell::from(link.environment.as_deref().unwrap_or("production")),
            Cell::from(link.previews.as_str()),
        ]);
    }
    result.print_list(&links, &table)?;
    if links.is_empty() {
        cx.printer.print_note("No linked repositories yet.");
        cx.printer.print_next("hearth repository link ADDRESS");
    }
    if let Some(suspended) = links.iter().find(|link| link.suspended) {
        cx.printer.print_next(&format!("hearth repository rotate {} (takes it over)", suspended.id));
    }
    Ok(())
}
