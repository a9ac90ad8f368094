//! `hearth notify mails`.

use hearth_base::Result;
use hearth_wire::notify::Mail;

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the mails.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<Mail>()?;
    let session = cx.open_tool_session()?;
    let (calls, tool) = (session.client().notify(), session.tool_name());
    // The first request checks that the tool is the caller's.
    session.send(calls.show_mail_settings(tool)).await?;
    let mails = session
        .server_session
        .collect_items(|paging| async move { calls.list_mails(tool, &paging).await })
        .await?;
    let mut table = Table::with_headings(&["written", "to", "state", "subject", "because"]);
    for Mail { user, subject, state, created, reply, .. } in &mails {
        table.add_row([
            Cell::from(*created),
            Cell::from(user.as_str()),
            Cell::from(state.as_str()),
            Cell::from(subject.as_str()),
            Cell::from(reply.as_deref().unwrap_or_default()),
        ]);
    }
    result.print_list(&mails, &table)?;
    if mails.is_empty() {
        cx.printer.print_note("No mail in the last week.");
        cx.printer.print_next("hearth notify status");
    }
    Ok(())
}
