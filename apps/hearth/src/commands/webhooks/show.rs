//! `hearth webhooks show ID`.

use hearth_base::Result;
use hearth_wire::notify::Webhook;

use super::{WebhookIdArgs, fetch_webhook, webhook_pairs};
use crate::{context::CommandContext, printer::Table};

/// Shows the webhook.
pub async fn run(cx: &CommandContext, args: WebhookIdArgs) -> Result<()> {
    let result = cx.printer.open_output::<Webhook>()?;
    let webhook = fetch_webhook(&cx.open_tool_session()?, args.id).await?;
    result.print_record(&webhook, &Table::from_pairs(webhook_pairs(&webhook)))?;
    if !webhook.enabled {
        cx.printer.print_next(&format!("hearth webhooks change {} --on", webhook.id));
    }
    Ok(())
}
