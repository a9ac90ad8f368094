//! `hearth repository show LINK`.

use hearth_base::Result;
use hearth_wire::components::RepositoryLink;

use super::{LinkIdArgs, fetch_link, link_pairs};
use crate::{context::CommandContext, printer::Table};

/// Shows the link.
pub async fn run(cx: &CommandContext, args: LinkIdArgs) -> Result<()> {
    let result = cx.printer.open_output::<RepositoryLink>()?;
    let link = fetch_link(&cx.open_tool_session()?, args.id).await?;
    result.print_record(&link, &Table::from_pairs(link_pairs(&link)))?;
    if link.suspended {
        cx.printer.print_note("Its owner may no longer change the tool: pushes deploy nothing.");
        cx.printer.print_next(&format!("hearth repository rotate {} (takes it over)", link.id));
    }
    Ok(())
}
