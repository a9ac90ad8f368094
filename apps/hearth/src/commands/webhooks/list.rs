//! `hearth webhooks list`.

use hearth_base::Result;
use hearth_wire::{notify::Webhook, reply::Paging};

use super::{describe_events, state_word};
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the webhooks.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<Webhook>()?;
    let session = cx.open_tool_session()?;
    // The quota limits their number to one page.
    let webhooks = session
        .send(session.client().notify().list_webhooks(session.tool_name(), &Paging::default()))
        .await?
        .items;
    let mut table = Table::with_headings(&["webhook", "state", "address", "events"]);
    for webhook in &webhooks {
        table.add_row([
            Cell::from(webhook.id.to_string()),
            Cell::from(state_word(webhook)),
            Cell::from(webhook.url.as_str()),
            Cell::from(describe_events(&webhook.events)),
        ]);
    }
    result.print_list(&webhooks, &table)?;
    if webhooks.is_empty() {
        cx.printer.print_note("No webhooks yet.");
        cx.printer.print_next("hearth webhooks create ADDRESS");
    }
    Ok(())
}
