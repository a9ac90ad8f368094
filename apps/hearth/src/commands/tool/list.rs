//! `hearth tool list`.

use hearth_base::Result;
use hearth_wire::tools::{Tool, ToolState};

use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// What `hearth tool list` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// All tools of this Hearth, for operators
    #[arg(long)]
    all: bool,
}

/// Lists them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Tool>()?;
    let Args { all } = args;
    let session = cx.session()?;
    let tools = session.tools(all).await?;
    let mut table = Table::of(&["tool", "you are", "state", "made", "description"]);
    for tool in &tools {
        table.row([
            Cell::from(tool.name.as_str()),
            Cell::from(tool.role.map_or("-", |role| role.name())),
            Cell::from(state(tool)),
            Cell::from(tool.created),
            Cell::from(tool.description.as_str()),
        ]);
    }
    answer.listed(&tools, &table)?;
    if tools.is_empty() {
        cx.printer.note(if all { "No tools yet." } else { "You have no tools yet." });
        cx.printer.next(&format!("hearth new {}", cx.proposed_name()));
    }
    Ok(())
}

/// The state's word.
pub fn state(tool: &Tool) -> &'static str {
    match tool.state {
        ToolState::Active => "active",
        ToolState::Deleting => "deleting",
    }
}
