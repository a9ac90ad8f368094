//! `hearth build package-sources`: archives of Debian packages that the tool's builds get.

use hearth_base::Result;
use hearth_wire::builds::ToolPackageSource;

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the package sources.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<ToolPackageSource>()?;
    let session = cx.open_tool_session()?;
    let calls = session.client().builds();
    let sources = session.send(calls.list_tool_package_sources(session.tool_name())).await?;
    let mut table = Table::with_headings(&["name", "addresses", "Debian's packages"]);
    for ToolPackageSource { name, uris, overrides_debian } in &sources {
        table.add_row([
            Cell::from(name.as_str()),
            Cell::from(uris.join(", ")),
            Cell::from(if *overrides_debian { "replaced" } else { "preferred" }),
        ]);
    }
    result.print_list(&sources, &table)?;
    if sources.is_empty() {
        cx.printer.print_note("Builds of this tool install packages from Debian only.");
        cx.printer.print_next("hearth request create package-source NAME --reason TEXT");
    }
    Ok(())
}
