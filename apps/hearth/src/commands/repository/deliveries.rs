//! `hearth repository deliveries LINK`.

use hearth_base::Result;
use hearth_wire::components::ForgeDelivery;

use super::{LinkIdArgs, fetch_link};
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the deliveries.
pub async fn run(cx: &CommandContext, args: LinkIdArgs) -> Result<()> {
    let result = cx.printer.open_output::<ForgeDelivery>()?;
    let session = cx.open_tool_session()?;
    fetch_link(&session, args.id).await?;
    let (calls, tool) = (session.client().components(), session.tool_name());
    let deliveries = session
        .server_session
        .collect_items(|paging| async move { calls.list_forge_deliveries(tool, args.id, &paging).await })
        .await?;
    let mut table = Table::with_headings(&["time", "outcome", "event", "ref", "commit", "result"]);
    for delivery in &deliveries {
        table.add_row([
            Cell::from(delivery.received),
            Cell::from(delivery.outcome.as_str()),
            Cell::from(delivery.event.as_str()),
            Cell::from(delivery.reference.trim_start_matches("refs/heads/")),
            Cell::from(delivery.commit.chars().take(12).collect::<String>()),
            Cell::from(describe_result(delivery)),
        ]);
    }
    result.print_list(&deliveries, &table)?;
    if deliveries.is_empty() {
        cx.printer.print_note(
            "No deliveries yet. The forge sends one when the webhook is added, or at the next push.",
        );
        cx.printer.print_next(&format!("hearth repository show {}", args.id));
    }
    Ok(())
}

/// Describes what a delivery has led to: its deployment, or the reason for which there is none.
fn describe_result(delivery: &ForgeDelivery) -> String {
    let deployment = delivery.deployment.map(|deployment| deployment.to_string());
    let mut parts: Vec<String> = deployment.into_iter().collect();
    if !delivery.reason.is_empty() {
        parts.push(delivery.reason.clone());
    }
    if delivery.count > 1 {
        parts.push(format!("{} times on this day", delivery.count));
    }
    parts.join("; ")
}
