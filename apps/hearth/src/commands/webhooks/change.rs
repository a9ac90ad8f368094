//! `hearth webhooks change ID`.

use hearth_base::{Error, Result, WebhookId};
use hearth_wire::notify::{EventType, Webhook, WebhookPatch};

use super::{one, pairs};
use crate::{context::Context, flags::DryRun, printer::Table};

/// What `hearth webhooks change` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The webhook's id, as hearth webhooks list shows it
    id: WebhookId,
    /// Tell this address from now on
    #[arg(long)]
    url: Option<String>,
    /// Tell it of this only; may be given more than once
    #[arg(long = "event", value_name = "EVENT", conflicts_with = "all_events")]
    events: Vec<EventType>,
    /// Tell it of everything
    #[arg(long)]
    all_events: bool,
    /// Switch it on
    #[arg(long, conflicts_with = "off")]
    on: bool,
    /// Switch it off
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Changes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Webhook>()?;
    let Args { id, url, events, all_events, on, off, dry_run } = args;
    let at = cx.at_tool()?;
    let known = one(&at, id).await?;
    let patch = WebhookPatch {
        url,
        events: (all_events || !events.is_empty()).then_some(events),
        enabled: (on || off).then_some(on),
    };
    if patch == WebhookPatch::default() {
        let sentence = "it was not said what is to be changed: --on, --off, --url, --event or --all-events";
        return Err(
            Error::invalid("nothing-said", sentence).help(format!("hearth webhooks change {id} --off"))
        );
    }
    let changed = changed(&known, &patch);
    if changed == known {
        return answer.said(&known, &format!("nothing to change: {id} is so already"));
    }
    if dry_run.dry_run {
        return answer.said(&known, &format!("{id} would be changed"));
    }
    let changed = at.ask(at.client().notify().webhook_patch(at.name(), id, &patch)).await?;
    answer.shown(&changed, &Table::pairs(pairs(&changed)))
}

/// What a change makes of a webhook.
fn changed(known: &Webhook, patch: &WebhookPatch) -> Webhook {
    let WebhookPatch { url, events, enabled } = patch.clone();
    let mut events = events.unwrap_or_else(|| known.events.clone());
    events.sort_unstable();
    events.dedup();
    Webhook {
        url: url.unwrap_or_else(|| known.url.clone()),
        events,
        enabled: enabled.unwrap_or(known.enabled),
        ..known.clone()
    }
}
