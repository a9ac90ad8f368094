//! `hearth tool show`.

use hearth_base::{Result, ToolId, ToolName, ToolRole};
use hearth_wire::tools::{Member, Tool, ToolState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::list::describe_tool_state;
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// The arguments of `hearth tool show`.
#[derive(Debug, clap::Args)]
pub struct ShowToolArgs {
    /// The tool; default: this folder's
    name: Option<ToolName>,
}

/// A tool with its members.
#[derive(Debug, Serialize, Deserialize)]
struct ToolWithMembers {
    id: ToolId,
    name: ToolName,
    description: String,
    state: ToolState,
    role: Option<ToolRole>,
    created: Timestamp,
    waits_for: Vec<String>,
    members: Vec<Member>,
}

/// Shows the tool.
pub async fn run(cx: &CommandContext, args: ShowToolArgs) -> Result<()> {
    let result = cx.printer.open_output::<ToolWithMembers>()?;
    let tool = super::choose_tool(cx, args.name)?;
    let session = cx.open_session()?;
    let tools = session.client.tools();
    let found = session.send_about_tool(&tool, tools.show(&tool.value)).await?;
    let name = &found.name;
    let members =
        session.collect_items(|paging| async move { tools.list_members(name, &paging).await }).await?;
    let table = build_table(&found, &members);
    let Tool { id, name, description, state, role, created, waits_for } = found;
    result.print_record(
        &ToolWithMembers { id, name, description, state, role, created, waits_for, members },
        &table,
    )
}

fn build_table(tool: &Tool, members: &[Member]) -> Table {
    let mut rows = vec![
        ("tool", Cell::from(tool.name.as_str())),
        ("description", Cell::from(if tool.description.is_empty() { "-" } else { &tool.description })),
        ("your role", Cell::from(tool.role.map_or("-", |role| role.name()))),
        ("state", Cell::from(describe_tool_state(tool))),
        ("created", Cell::from(tool.created)),
    ];
    if !tool.waits_for.is_empty() {
        rows.push(("waiting for", Cell::from(tool.waits_for.join(", "))));
    }
    let people = members.iter().map(|member| format!("{} ({})", member.user, member.role));
    rows.push(("members", Cell::from(people.collect::<Vec<_>>().join(", "))));
    Table::from_pairs(rows)
}
