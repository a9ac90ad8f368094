//! `hearth jobs quota`.

use hearth_base::Result;
use hearth_wire::jobs::JobQuotas;

use crate::{context::CommandContext, quota::QuotaRow};

/// Shows quota and usage.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<JobQuotas>()?;
    let session = cx.open_tool_session()?;
    let quotas = session.send(session.client().jobs().show_quota(session.tool_name())).await?;
    let rows = quotas.categories.iter().flat_map(|category| {
        category.items.iter().map(|item| QuotaRow {
            category: &category.name,
            name: &item.name,
            used: item.used.as_deref(),
            limit: &item.limit,
        })
    });
    let table = QuotaRow::build_table(rows);
    result.print_record(&quotas, &table)
}
