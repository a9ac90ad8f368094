//! `hearth tool list`.

use hearth_base::Result;
use hearth_wire::tools::{Tool, ToolState};

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// The arguments of `hearth tool list`.
#[derive(Debug, clap::Args)]
pub struct ListToolsArgs {
    /// List all tools of this Hearth (operators)
    #[arg(long)]
    all: bool,
}

/// Lists the tools.
pub async fn run(cx: &CommandContext, args: ListToolsArgs) -> Result<()> {
    let result = cx.printer.open_output::<Tool>()?;
    let ListToolsArgs { all } = args;
    let session = cx.open_session()?;
    let tools = session.list_tools(all).await?;
    let mut table = Table::with_headings(&["tool", "your role", "state", "created", "description"]);
    for tool in &tools {
        table.add_row([
            Cell::from(tool.name.as_str()),
            Cell::from(tool.role.map_or("-", |role| role.name())),
            Cell::from(describe_tool_state(tool)),
            Cell::from(tool.created),
            Cell::from(tool.description.as_str()),
        ]);
    }
    result.print_list(&tools, &table)?;
    if tools.is_empty() {
        cx.printer.print_note(if all { "No tools yet." } else { "You have no tools yet." });
        cx.printer.print_next(&format!("hearth new {}", cx.propose_tool_name()));
    }
    Ok(())
}

/// Describes the state in one word.
pub fn describe_tool_state(tool: &Tool) -> &'static str {
    match tool.state {
        ToolState::Active => "active",
        ToolState::Deleting => "deleting",
    }
}
