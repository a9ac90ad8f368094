//! `hearth build quota`.

use hearth_base::Result;
use hearth_wire::builds::BuildQuota;

use crate::{context::CommandContext, quota::QuotaRow};

/// Shows quota and usage.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<BuildQuota>()?;
    let session = cx.open_tool_session()?;
    let quota = session.send(session.client().builds().show_quota(session.tool_name())).await?;
    let rows = quota.categories.iter().flat_map(|category| {
        category.items.iter().map(|item| QuotaRow {
            category: &category.name,
            name: &item.name,
            used: Some(&item.used),
            limit: &item.limit,
        })
    });
    result.print_record(&quota, &QuotaRow::build_table(rows))
}
