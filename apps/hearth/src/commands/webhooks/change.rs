//! `hearth webhooks change ID`.

use hearth_base::{Error, Result, WebhookId};
use hearth_wire::notify::{EventType, Webhook, WebhookPatch};

use super::{fetch_webhook, webhook_pairs};
use crate::{context::CommandContext, flags::DryRun, printer::Table};

/// The arguments of `hearth webhooks change`.
#[derive(Debug, clap::Args)]
pub struct ChangeWebhookArgs {
    /// The webhook's id, as hearth webhooks list shows it
    id: WebhookId,
    /// The new address
    #[arg(long)]
    url: Option<String>,
    /// Send only this event; may be repeated
    #[arg(long = "event", value_name = "EVENT", conflicts_with = "all_events")]
    events: Vec<EventType>,
    /// Send all events
    #[arg(long)]
    all_events: bool,
    /// Switch the webhook on, and become its owner
    #[arg(long, conflicts_with = "off")]
    on: bool,
    /// Switch the webhook off
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Changes the webhook.
pub async fn run(cx: &CommandContext, args: ChangeWebhookArgs) -> Result<()> {
    let result = cx.printer.open_output::<Webhook>()?;
    let ChangeWebhookArgs { id, url, events, all_events, on, off, dry_run } = args;
    let session = cx.open_tool_session()?;
    let current = fetch_webhook(&session, id).await?;
    let patch = WebhookPatch {
        url,
        events: (all_events || !events.is_empty()).then_some(events),
        enabled: (on || off).then_some(on),
    };
    if patch == WebhookPatch::default() {
        let sentence = "the command names no change; use --on, --off, --url, --event or --all-events";
        return Err(Error::invalid("no-change", sentence).help(format!("hearth webhooks change {id} --off")));
    }
    let changed = apply_patch(&current, &patch);
    if changed == current {
        return result
            .print_sentence(&current, &format!("nothing to change: {id} has these settings already"));
    }
    if dry_run.dry_run {
        return result.print_sentence(&current, &format!("{id} would be changed"));
    }
    let changed =
        session.send(session.client().notify().update_webhook(session.tool_name(), id, &patch)).await?;
    result.print_record(&changed, &Table::from_pairs(webhook_pairs(&changed)))
}

/// Applies a change to a webhook.
fn apply_patch(current: &Webhook, patch: &WebhookPatch) -> Webhook {
    let WebhookPatch { url, events, enabled } = patch.clone();
    let mut events = events.unwrap_or_else(|| current.events.clone());
    events.sort_unstable();
    events.dedup();
    Webhook {
        url: url.unwrap_or_else(|| current.url.clone()),
        events,
        enabled: enabled.unwrap_or(current.enabled),
        ..current.clone()
    }
}
