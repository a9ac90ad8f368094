//! `hearth admin queue retry SERVICE TASK KEY`.

use hearth_base::Result;

use super::{ItemChanged, ItemDone, ask_queue};
use crate::context::Context;

/// Makes it due now.
pub async fn run(cx: &Context, args: ItemChanged) -> Result<()> {
    let answer = cx.printer.answer::<ItemDone>()?;
    let ItemChanged { item, dry_run } = args;
    let name = item.name();
    let session = cx.session()?;
    let queue = session.client.queue(item.service);
    if dry_run.dry_run {
        ask_queue(item.service, session.ask(queue.show(&item.task, &item.key))).await?;
        return answer.said(&item.into_done(false), &format!("would retry {name}"));
    }
    ask_queue(item.service, session.ask(queue.retry(&item.task, &item.key))).await?;
    answer.done(&item.into_done(true), &format!("{name} is due now"))
}
