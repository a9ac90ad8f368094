//! `hearth admin queue show SERVICE TASK KEY`.

use hearth_base::Result;

use super::{QueueItemArgs, ServiceQueueItem, item_table, send_to_queue};
use crate::context::CommandContext;

/// Shows the item.
pub async fn run(cx: &CommandContext, item: QueueItemArgs) -> Result<()> {
    let result = cx.printer.open_output::<ServiceQueueItem>()?;
    let session = cx.open_session()?;
    let QueueItemArgs { service, task, key } = item;
    let entry = send_to_queue(service, session.send(session.client.queue(service).show(&task, &key))).await?;
    let item = ServiceQueueItem::new(service, entry);
    result.print_record(&item, &item_table(&item))
}
