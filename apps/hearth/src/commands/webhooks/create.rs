//! `hearth webhooks create ADDRESS`.

use hearth_base::Result;
use hearth_wire::notify::{EventType, WebhookCreate, WebhookSecret};
use serde::{Deserialize, Serialize};

use super::{SECRET_SHOWN_ONCE, build_secret_table, describe_events};
use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth webhooks create`.
#[derive(Debug, clap::Args)]
pub struct CreateWebhookArgs {
    /// The address for POST requests: https://… at a public address
    url: String,
    /// Send only this event; may be repeated
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<EventType>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedWebhook {
    url: String,
    events: Vec<EventType>,
}

/// Creates the webhook.
pub async fn run(cx: &CommandContext, args: CreateWebhookArgs) -> Result<()> {
    let CreateWebhookArgs { url, events, dry_run } = args;
    if dry_run.dry_run {
        let result = cx.printer.open_output::<PlannedWebhook>()?;
        let sentence = format!("would create a webhook to {url} for {}", describe_events(&events));
        return result.print_sentence(&PlannedWebhook { url, events }, &sentence);
    }
    let result = cx.printer.open_output::<WebhookSecret>()?;
    let session = cx.open_tool_session()?;
    let create = WebhookCreate { url, events };
    let made = session.send(session.client().notify().create_webhook(session.tool_name(), &create)).await?;
    result.print_record(&made, &build_secret_table(&made))?;
    cx.printer.print_note(SECRET_SHOWN_ONCE);
    cx.printer.print_next(&format!("hearth webhooks test {}", made.webhook.id));
    Ok(())
}
