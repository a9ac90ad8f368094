//! `hearth tool members list`.

use hearth_base::Result;
use hearth_wire::tools::Member;

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the members.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<Member>()?;
    let tool = cx.require_tool()?;
    let session = cx.open_session()?;
    let mut members = super::list_members(&session, &tool).await?;
    members.extend(super::list_offers(&session, &tool.value).await?);
    let mut table = Table::with_headings(&["user", "role", "since"]);
    for Member { user, role, since, pending } in &members {
        let role = if *pending { format!("{role} (offered)") } else { role.to_string() };
        table.add_row([Cell::from(user.as_str()), Cell::from(role), Cell::from(*since)]);
    }
    result.print_list(&members, &table)
}
