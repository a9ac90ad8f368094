//! `hearth webhooks test ID`.

use hearth_base::Result;
use hearth_wire::notify::{Delivery, Webhook};

use super::{WebhookActionArgs, fetch_webhook};
use crate::context::CommandContext;

/// Sends a test event.
pub async fn run(cx: &CommandContext, args: WebhookActionArgs) -> Result<()> {
    let WebhookActionArgs { id, dry_run } = args;
    let session = cx.open_tool_session()?;
    if dry_run.dry_run {
        let result = cx.printer.open_output::<Webhook>()?;
        let webhook = fetch_webhook(&session, id).await?;
        return result.print_sentence(&webhook, &format!("would send a test event to {}", webhook.url));
    }
    let result = cx.printer.open_output::<Delivery>()?;
    let delivery = session.send(session.client().notify().send_test_event(session.tool_name(), id)).await?;
    result.print_done(&delivery, &format!("a test event is queued for {id}"))?;
    cx.printer.print_next(&format!("hearth webhooks deliveries {id}"));
    Ok(())
}
