//! `hearth admin queue retry SERVICE TASK KEY`.

use hearth_base::Result;

use super::{ItemChanged, ItemDone};
use crate::context::Context;

/// Makes it due now.
pub async fn run(cx: &Context, args: ItemChanged) -> Result<()> {
    let answer = cx.printer.answer::<ItemDone>()?;
    let ItemChanged { item, dry_run } = args;
    let name = item.name();
    if dry_run.dry_run {
        return answer.said(&item.into_done(false), &format!("would retry {name}"));
    }
    let session = cx.session()?;
    session.ask(session.client.queue(item.service).retry(&item.task, &item.key)).await?;
    answer.done(&item.into_done(true), &format!("{name} is due now"))
}
