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
    let members = super::list_members(&cx.open_session()?, &tool).await?;
    let mut table = Table::with_headings(&["user", "role", "since"]);
    for Member { user, role, since } in &members {
        table.add_row([Cell::from(user.as_str()), Cell::from(role.name()), Cell::from(*since)]);
    }
    result.print_list(&members, &table)
}
