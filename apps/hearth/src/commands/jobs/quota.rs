//! `hearth jobs quota`.

use hearth_base::Result;
use hearth_wire::jobs::Quotas;

use crate::{context::Context, quota::Row};

/// Says it.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<Quotas>()?;
    let at = cx.at_tool()?;
    let quotas = at.ask(at.client().jobs().quotas(at.name())).await?;
    let rows = quotas.categories.iter().flat_map(|category| {
        category.items.iter().map(|item| Row {
            category: &category.name,
            name: &item.name,
            used: item.used.as_deref(),
            limit: &item.limit,
        })
    });
    let table = Row::table(rows);
    answer.shown(&quotas, &table)
}
