//! `hearth audit`: the changes of a tool, or of the whole Hearth for operators.

use hearth_base::{PageLimit, Result};
use hearth_wire::{
    accounts::{AuditEntry, AuditQuery},
    reply::Paging,
};

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// The arguments of `hearth audit`.
#[derive(Debug, clap::Args)]
pub struct ShowAuditArgs {
    /// Show the whole Hearth instead of a tool (operators)
    #[arg(long)]
    all: bool,
    /// Show only this action, as member.set (with --all)
    #[arg(long, value_name = "ACTION", requires = "all")]
    action: Option<String>,
    /// Show only refused changes and failed sign-ins (with --all)
    #[arg(long, requires = "all")]
    refused: bool,
    /// Show the newest entries, at most this many
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u32,
}

/// Shows the newest entries.
pub async fn run(cx: &CommandContext, args: ShowAuditArgs) -> Result<()> {
    let result = cx.printer.open_output::<AuditEntry>()?;
    let ShowAuditArgs { all, action, refused, limit } = args;
    let limit = PageLimit::new(limit)?;
    let listed = if all {
        let session = cx.open_session()?;
        let query = AuditQuery { action, refused, limit, cursor: None };
        session.send(session.client.audit().list(&query)).await?
    } else {
        let session = cx.open_tool_session()?;
        let paging = Paging { limit, cursor: None };
        session.send(session.client().audit().list_for_tool(session.tool_name(), &paging)).await?
    };
    let mut table = Table::with_headings(&["time", "who", "action", "tool", "subject", "refused", "client"]);
    for AuditEntry { id: _, at, who, action, tool, subject, request_id: _, refused, client } in &listed.items
    {
        table.add_row([
            Cell::from(*at),
            Cell::from(who.as_str()),
            Cell::from(action.as_str()),
            Cell::from(tool.as_deref().unwrap_or_default()),
            Cell::from(subject.as_str()),
            Cell::from(refused.as_deref().unwrap_or_default()),
            Cell::from(client.as_deref().unwrap_or_default()),
        ]);
    }
    result.print_list(&listed.items, &table)?;
    if listed.next.is_some() {
        cx.printer.print_note("There are older entries; --limit shows more.");
    }
    Ok(())
}
