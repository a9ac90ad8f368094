//! `hearth webhooks create ADDRESS`.

use hearth_base::Result;
use hearth_wire::notify::{EventType, WebhookCreate, WebhookSecret};
use serde::{Deserialize, Serialize};

use super::{ONCE, told_of, with_secret};
use crate::{context::Context, flags::DryRun};

/// What `hearth webhooks create` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where it is told, by POST: https://… at a public address
    url: String,
    /// Tell it of this only; may be given more than once
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<EventType>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What would be made.
#[derive(Debug, Serialize, Deserialize)]
struct Planned {
    url: String,
    events: Vec<EventType>,
}

/// Makes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let Args { url, events, dry_run } = args;
    if dry_run.dry_run {
        let answer = cx.printer.answer::<Planned>()?;
        let sentence = format!("{url} would be told of {}", told_of(&events));
        return answer.said(&Planned { url, events }, &sentence);
    }
    let answer = cx.printer.answer::<WebhookSecret>()?;
    let at = cx.at_tool()?;
    let create = WebhookCreate { url, events };
    let made = at.ask(at.client().notify().webhook_create(at.name(), &create)).await?;
    answer.shown(&made, &with_secret(&made))?;
    cx.printer.note(ONCE);
    cx.printer.next(&format!("hearth webhooks test {}", made.webhook.id));
    Ok(())
}
