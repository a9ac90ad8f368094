//! `hearth webhooks delete ID`: deletes a webhook after a confirmation.

use hearth_base::{Result, WebhookId};
use serde::{Deserialize, Serialize};

use super::{WebhookActionArgs, fetch_webhook};
use crate::context::CommandContext;

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct DeletedWebhook {
    id: WebhookId,
    url: String,
    deleted: bool,
}

/// Deletes the webhook.
pub async fn run(cx: &CommandContext, args: WebhookActionArgs) -> Result<()> {
    let result = cx.printer.open_output::<DeletedWebhook>()?;
    let WebhookActionArgs { id, dry_run } = args;
    let session = cx.open_tool_session()?;
    let url = fetch_webhook(&session, id).await?.url;
    let target = format!("the webhook {id} to {url}, its secret and its waiting deliveries");
    if dry_run.dry_run {
        return result
            .print_sentence(&DeletedWebhook { id, url, deleted: false }, &format!("would delete {target}"));
    }
    cx.require_confirmation("delete", &target).await?;
    session.send(session.client().notify().delete_webhook(session.tool_name(), id)).await?;
    result.print_done(&DeletedWebhook { id, url, deleted: true }, &format!("{target} are deleted"))
}
