//! `hearth build quota`.

use hearth_base::Result;
use hearth_wire::builds::BuildQuota;

use crate::{context::Context, quota::Row};

/// Says it.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<BuildQuota>()?;
    let at = cx.at_tool()?;
    let quota = at.ask(at.client().builds().quotas(at.name())).await?;
    let rows = quota.categories.iter().flat_map(|category| {
        category.items.iter().map(|item| Row {
            category: &category.name,
            name: &item.name,
            used: Some(&item.used),
            limit: &item.limit,
        })
    });
    answer.shown(&quota, &Row::table(rows))
}
