//! `hearth admin queue show SERVICE TASK KEY`.

use hearth_base::Result;

use super::{Item, ServiceItem, ask_queue, item_table};
use crate::context::Context;

/// Shows it.
pub async fn run(cx: &Context, item: Item) -> Result<()> {
    let answer = cx.printer.answer::<ServiceItem>()?;
    let session = cx.session()?;
    let Item { service, task, key } = item;
    let entry = ask_queue(service, session.ask(session.client.queue(service).show(&task, &key))).await?;
    let item = ServiceItem::new(service, entry);
    answer.shown(&item, &item_table(&item))
}
