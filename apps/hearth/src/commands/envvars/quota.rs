//! `hearth envvars quota`.

use hearth_base::Result;
use hearth_wire::envvars::EnvvarsQuota;

use crate::{context::CommandContext, quota::QuotaRow};

/// Shows quota and usage.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<EnvvarsQuota>()?;
    let session = cx.open_tool_session()?;
    let quota = session.send(session.client().envvars().show_quota(session.tool_name())).await?;
    let (used, limit) = (quota.used.to_string(), quota.quota.to_string());
    let row = QuotaRow { category: "Variables", name: "variables", used: Some(&used), limit: &limit };
    result.print_record(&quota, &QuotaRow::build_table([row]))
}
