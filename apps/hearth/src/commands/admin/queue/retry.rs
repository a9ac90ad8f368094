//! `hearth admin queue retry SERVICE TASK KEY`.

use hearth_base::Result;

use super::{QueueItemActionArgs, QueueItemResult, send_to_queue};
use crate::context::CommandContext;

/// Makes the item due now.
pub async fn run(cx: &CommandContext, args: QueueItemActionArgs) -> Result<()> {
    let result = cx.printer.open_output::<QueueItemResult>()?;
    let QueueItemActionArgs { item, dry_run } = args;
    let name = item.display_name();
    let session = cx.open_session()?;
    let queue = session.client.queue(item.service);
    if dry_run.dry_run {
        send_to_queue(item.service, session.send(queue.show(&item.task, &item.key))).await?;
        return result.print_sentence(&item.into_result(false), &format!("would retry {name}"));
    }
    send_to_queue(item.service, session.send(queue.retry(&item.task, &item.key))).await?;
    result.print_done(&item.into_result(true), &format!("{name} is due now"))
}
