//! `hearth admin queue discard SERVICE TASK KEY`: wants a yes.

use hearth_base::Result;

use super::{ItemChanged, ItemDone};
use crate::context::Context;

/// Deletes it.
pub async fn run(cx: &Context, args: ItemChanged) -> Result<()> {
    let answer = cx.printer.answer::<ItemDone>()?;
    let ItemChanged { item, dry_run } = args;
    let what = format!("the queue item {}: what it was to do is not done", item.name());
    if dry_run.dry_run {
        return answer.said(&item.into_done(false), &format!("would discard {what}"));
    }
    cx.confirm("discard", &what).await?;
    let session = cx.session()?;
    session.ask(session.client.queue(item.service).discard(&item.task, &item.key)).await?;
    let name = item.name();
    answer.done(&item.into_done(true), &format!("{name} is discarded"))
}
