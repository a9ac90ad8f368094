//! `hearth invite list`.

use hearth_base::Result;
use hearth_wire::accounts::Invitation;

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the unused invitations.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<Invitation>()?;
    let session = cx.open_session()?;
    let accounts = session.client.accounts();
    let invitations =
        session.collect_items(|paging| async move { accounts.list_invitations(&paging).await }).await?;
    let mut table = Table::with_headings(&["invitation", "note", "invites", "created", "expires"]);
    for Invitation { id, operator, note, created, expires } in &invitations {
        table.add_row([
            Cell::from(id.to_string()),
            Cell::from(note.as_str()),
            Cell::from(if *operator { "an operator" } else { "a person" }),
            Cell::from(*created),
            Cell::from(*expires),
        ]);
    }
    result.print_list(&invitations, &table)?;
    if invitations.is_empty() {
        cx.printer.print_note("No unused invitations.");
        cx.printer.print_next("hearth invite");
    }
    Ok(())
}
