//! Who did what.

use hearth_base::plain_text;
use hearth_kit::{Answer, Authed, Query, Reply};
use hearth_wire::{
    accounts::{AuditEntry, AuditQuery},
    reply::{Data, Listed, Paging},
};

use crate::{
    cx::Cx,
    rights::{Operate, ToolRead},
};

/// Every change, newest first.
#[utoipa::path(get, path = "/accounts/v1/audit", tag = "accounts", operation_id = "accounts.audit",
    params(AuditQuery), responses((status = 200, body = Data<Listed<AuditEntry>>)))]
pub async fn list(cx: Cx, _: Authed<Operate>, Query(query): Query<AuditQuery>) -> Reply<Listed<AuditEntry>> {
    let AuditQuery { action, limit, cursor } = query;
    if let Some(action) = &action {
        plain_text("action", action, 1..=50)?;
    }
    Ok(Answer::page(cx.store.audit_list(None, action.as_deref(), limit, cursor.as_ref()).await?))
}

/// The changes of one tool, newest first.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/audit", tag = "tools", operation_id = "tools.audit",
    params(("tool" = String, Path, description = "its name"), Paging),
    responses((status = 200, body = Data<Listed<AuditEntry>>)))]
pub async fn of_tool(
    cx: Cx,
    tool: Authed<ToolRead>,
    Query(paging): Query<Paging>,
) -> Reply<Listed<AuditEntry>> {
    let Paging { limit, cursor } = paging;
    Ok(Answer::page(cx.store.audit_list(Some(tool.id), None, limit, cursor.as_ref()).await?))
}
