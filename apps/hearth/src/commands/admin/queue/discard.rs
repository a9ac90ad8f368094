//! `hearth admin queue discard SERVICE TASK KEY`: wants a yes.

use hearth_base::Result;

use super::{ItemChanged, ItemDone, ask_queue};
use crate::context::Context;

/// Deletes it.
pub async fn run(cx: &Context, args: ItemChanged) -> Result<()> {
    let answer = cx.printer.answer::<ItemDone>()?;
    let ItemChanged { item, dry_run } = args;
    let session = cx.session()?;
    let queue = session.client.queue(item.service);
    ask_queue(item.service, session.ask(queue.show(&item.task, &item.key))).await?;
    let what = format!("the queue item {}, whose work is then never done", item.name());
    if dry_run.dry_run {
        return answer.said(&item.into_done(false), &format!("would discard {what}"));
    }
    cx.confirm("discard", &what).await?;
    session.ask(queue.discard(&item.task, &item.key)).await?;
    let name = item.name();
    answer.done(&item.into_done(true), &format!("{name} is discarded"))
}
