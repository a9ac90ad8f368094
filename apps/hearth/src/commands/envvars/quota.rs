//! `hearth envvars quota`.

use hearth_base::Result;
use hearth_wire::envvars::EnvvarsQuota;

use crate::{context::Context, quota::Row};

/// Says it.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<EnvvarsQuota>()?;
    let at = cx.at_tool()?;
    let quota = at.ask(at.client().envvars().quota(at.name())).await?;
    let (used, limit) = (quota.used.to_string(), quota.quota.to_string());
    let row = Row { category: "Variables", name: "variables", used: Some(&used), limit: &limit };
    answer.shown(&quota, &Row::table([row]))
}
