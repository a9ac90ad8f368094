//! `hearth webhooks deliveries ID`.

use hearth_base::Result;
use hearth_wire::notify::Delivery;

use super::{WebhookIdArgs, fetch_webhook};
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the deliveries.
pub async fn run(cx: &CommandContext, args: WebhookIdArgs) -> Result<()> {
    let result = cx.printer.open_output::<Delivery>()?;
    let session = cx.open_tool_session()?;
    fetch_webhook(&session, args.id).await?;
    let (calls, tool) = (session.client().notify(), session.tool_name());
    let deliveries = session
        .server_session
        .collect_items(|paging| async move { calls.list_deliveries(tool, args.id, &paging).await })
        .await?;
    let mut table = Table::with_headings(&["time", "event", "state", "attempts", "status", "answer"]);
    for Delivery { event, state, tries, created, status, reply, .. } in &deliveries {
        table.add_row([
            Cell::from(*created),
            Cell::from(event.as_str()),
            Cell::from(state.as_str()),
            Cell::from(tries.to_string()),
            Cell::from(status.map(|status| status.to_string()).unwrap_or_default()),
            Cell::from(reply.as_deref().unwrap_or_default()),
        ]);
    }
    result.print_list(&deliveries, &table)?;
    if deliveries.is_empty() {
        cx.printer.print_note("No deliveries in the last week.");
        cx.printer.print_next(&format!("hearth webhooks test {}", args.id));
    }
    Ok(())
}
