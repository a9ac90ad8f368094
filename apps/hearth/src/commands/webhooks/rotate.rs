//! `hearth webhooks rotate ID`: wants a yes; the secret before is good for nothing from then on.

use hearth_base::Result;
use hearth_wire::notify::{Webhook, WebhookSecret};

use super::{ONCE, OneChanged, one, with_secret};
use crate::context::Context;

/// Gives it another secret.
pub async fn run(cx: &Context, args: OneChanged) -> Result<()> {
    let OneChanged { id, dry_run } = args;
    let at = cx.at_tool()?;
    let known = one(&at, id).await?;
    if dry_run.dry_run {
        let answer = cx.printer.answer::<Webhook>()?;
        return answer.said(&known, &format!("{id} would get another secret"));
    }
    let answer = cx.printer.answer::<WebhookSecret>()?;
    cx.confirm("replace", &format!("the secret of {id}, which {} checks with", known.url)).await?;
    let made = at.ask(at.client().notify().webhook_rotate(at.name(), id)).await?;
    answer.shown(&made, &with_secret(&made))?;
    cx.printer.note(ONCE);
    Ok(())
}
