//! `hearth notify mails`.

use hearth_base::Result;
use hearth_wire::notify::Mail;

use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// Lists them.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<Mail>()?;
    let at = cx.at_tool()?;
    let (calls, tool) = (at.client().notify(), at.name());
    // The first question finds out whether the tool is the caller's.
    at.ask(calls.mail(tool)).await?;
    let mails = at.session.all(|paging| async move { calls.mails(tool, &paging).await }).await?;
    let mut table = Table::of(&["written", "to", "state", "subject", "because"]);
    for Mail { user, subject, state, created, said, .. } in &mails {
        table.row([
            Cell::from(*created),
            Cell::from(user.as_str()),
            Cell::from(state.word()),
            Cell::from(subject.as_str()),
            Cell::from(said.as_deref().unwrap_or_default()),
        ]);
    }
    answer.listed(&mails, &table)?;
    if mails.is_empty() {
        cx.printer.note("No mails of the last week.");
        cx.printer.next("hearth notify status");
    }
    Ok(())
}
