//! `hearth admin queue discard SERVICE TASK KEY`: deletes a queue item after a confirmation.

use hearth_base::Result;

use super::{QueueItemActionArgs, QueueItemResult, send_to_queue};
use crate::context::CommandContext;

/// Deletes the item.
pub async fn run(cx: &CommandContext, args: QueueItemActionArgs) -> Result<()> {
    let result = cx.printer.open_output::<QueueItemResult>()?;
    let QueueItemActionArgs { item, dry_run } = args;
    let session = cx.open_session()?;
    let queue = session.client.queue(item.service);
    send_to_queue(item.service, session.send(queue.show(&item.task, &item.key))).await?;
    let target = format!("the queue item {}; its work is lost", item.display_name());
    if dry_run.dry_run {
        return result.print_sentence(&item.into_result(false), &format!("would discard {target}"));
    }
    cx.require_confirmation("discard", &target).await?;
    session.send(queue.discard_item(&item.task, &item.key)).await?;
    let name = item.display_name();
    result.print_done(&item.into_result(true), &format!("{name} is discarded"))
}
