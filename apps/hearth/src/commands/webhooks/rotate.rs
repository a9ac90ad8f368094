//! `hearth webhooks rotate ID`: replaces a webhook's secret after a confirmation; the old one is invalid at
//! once.

use hearth_base::Result;
use hearth_wire::notify::{Webhook, WebhookSecret};

use super::{SECRET_SHOWN_ONCE, WebhookActionArgs, build_secret_table, fetch_webhook};
use crate::context::CommandContext;

/// Replaces the secret.
pub async fn run(cx: &CommandContext, args: WebhookActionArgs) -> Result<()> {
    let WebhookActionArgs { id, dry_run } = args;
    let session = cx.open_tool_session()?;
    let webhook = fetch_webhook(&session, id).await?;
    if dry_run.dry_run {
        let result = cx.printer.open_output::<Webhook>()?;
        return result.print_sentence(&webhook, &format!("would replace the secret of {id}"));
    }
    let result = cx.printer.open_output::<WebhookSecret>()?;
    cx.require_confirmation(
        "replace",
        &format!("the secret of {id}, with which {} checks signatures", webhook.url),
    )
    .await?;
    let made = session.send(session.client().notify().rotate_webhook_secret(session.tool_name(), id)).await?;
    result.print_record(&made, &build_secret_table(&made))?;
    cx.printer.print_note(SECRET_SHOWN_ONCE);
    Ok(())
}
