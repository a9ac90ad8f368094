//! `hearth webhooks test ID`.

use hearth_base::Result;
use hearth_wire::notify::{Delivery, Webhook};

use super::{OneChanged, one};
use crate::context::Context;

/// Tells it that this is a test.
pub async fn run(cx: &Context, args: OneChanged) -> Result<()> {
    let OneChanged { id, dry_run } = args;
    let at = cx.at_tool()?;
    if dry_run.dry_run {
        let answer = cx.printer.answer::<Webhook>()?;
        let known = one(&at, id).await?;
        return answer.said(&known, &format!("{} would be told that this is a test", known.url));
    }
    let answer = cx.printer.answer::<Delivery>()?;
    let delivery = at.ask(at.client().notify().webhook_test(at.name(), id)).await?;
    answer.done(&delivery, &format!("a test is on its way to {id}"))?;
    cx.printer.next(&format!("hearth webhooks deliveries {id}"));
    Ok(())
}
