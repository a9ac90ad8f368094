//! `hearth webhooks deliveries ID`.

use hearth_base::Result;
use hearth_wire::notify::Delivery;

use super::{One, one};
use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// Lists them.
pub async fn run(cx: &Context, args: One) -> Result<()> {
    let answer = cx.printer.answer::<Delivery>()?;
    let at = cx.at_tool()?;
    one(&at, args.id).await?;
    let (calls, tool) = (at.client().notify(), at.name());
    let told = at.session.all(|paging| async move { calls.deliveries(tool, args.id, &paging).await }).await?;
    let mut table = Table::of(&["happened", "event", "state", "tries", "status", "answer"]);
    for Delivery { event, state, tries, created, status, said, .. } in &told {
        table.row([
            Cell::from(*created),
            Cell::from(event.as_str()),
            Cell::from(state.word()),
            Cell::from(tries.to_string()),
            Cell::from(status.map(|status| status.to_string()).unwrap_or_default()),
            Cell::from(said.as_deref().unwrap_or_default()),
        ]);
    }
    answer.listed(&told, &table)?;
    if told.is_empty() {
        cx.printer.note("It was told nothing within the last week.");
        cx.printer.next(&format!("hearth webhooks test {}", args.id));
    }
    Ok(())
}
