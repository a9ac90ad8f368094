//! `hearth webhooks list`.

use hearth_base::Result;
use hearth_wire::{notify::Webhook, reply::Paging};

use super::{state, told_of};
use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// Lists them.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<Webhook>()?;
    let at = cx.at_tool()?;
    // Their quota keeps them few: they are on one page.
    let webhooks = at.ask(at.client().notify().webhooks(at.name(), &Paging::default())).await?.items;
    let mut table = Table::of(&["webhook", "state", "address", "told of"]);
    for webhook in &webhooks {
        table.row([
            Cell::from(webhook.id.to_string()),
            Cell::from(state(webhook)),
            Cell::from(webhook.url.as_str()),
            Cell::from(told_of(&webhook.events)),
        ]);
    }
    answer.listed(&webhooks, &table)?;
    if webhooks.is_empty() {
        cx.printer.note("No webhooks yet.");
        cx.printer.next("hearth webhooks create ADDRESS");
    }
    Ok(())
}
