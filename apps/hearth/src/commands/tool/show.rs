//! `hearth tool show`.

use hearth_base::{Result, ToolId, ToolName, ToolRole};
use hearth_wire::tools::{Member, Tool, ToolState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::list::state;
use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// What `hearth tool show` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tool; absent: this folder's
    name: Option<ToolName>,
}

/// A tool and its people.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    id: ToolId,
    name: ToolName,
    description: String,
    state: ToolState,
    role: Option<ToolRole>,
    created: Timestamp,
    waits_for: Vec<String>,
    members: Vec<Member>,
}

/// Shows it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Shown>()?;
    let tool = super::named(cx, args.name)?;
    let session = cx.session()?;
    let tools = session.client.tools();
    let found = session.ask_about(&tool, tools.show(&tool.value)).await?;
    let name = &found.name;
    let members = session.all(|paging| async move { tools.member_list(name, &paging).await }).await?;
    let table = table(&found, &members);
    let Tool { id, name, description, state, role, created, waits_for } = found;
    answer.shown(&Shown { id, name, description, state, role, created, waits_for, members }, &table)
}

fn table(tool: &Tool, members: &[Member]) -> Table {
    let mut rows = vec![
        ("tool", Cell::from(tool.name.as_str())),
        ("description", Cell::from(if tool.description.is_empty() { "-" } else { &tool.description })),
        ("you are", Cell::from(tool.role.map_or("-", |role| role.name()))),
        ("state", Cell::from(state(tool))),
        ("made", Cell::from(tool.created)),
    ];
    if !tool.waits_for.is_empty() {
        rows.push(("waits for", Cell::from(tool.waits_for.join(", "))));
    }
    let people = members.iter().map(|member| format!("{} ({})", member.user, member.role));
    rows.push(("members", Cell::from(people.collect::<Vec<_>>().join(", "))));
    Table::pairs(rows)
}
