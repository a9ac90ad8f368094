//! Endpoints for the audit log.

use hearth_base::{Access, check_plain_text};
use hearth_kit::{ApiResponse, ApiResult, Authed, Query};
use hearth_wire::{
    accounts::{AuditEntry, AuditQuery},
    reply::{Data, Listed, Paging},
};

use crate::{
    context::AccountsContext,
    rights::{OperateHearth, ToolRead},
    store::AuditFilter,
};

/// List all changes and refused attempts, newest first.
#[utoipa::path(get, path = "/accounts/v1/audit", tag = "accounts", operation_id = "accounts.audit",
    params(AuditQuery), responses((status = 200, body = Data<Listed<AuditEntry>>)))]
pub async fn list(
    cx: AccountsContext,
    _: Authed<OperateHearth>,
    Query(query): Query<AuditQuery>,
) -> ApiResult<Listed<AuditEntry>> {
    let AuditQuery { action, refused, limit, cursor } = query;
    if let Some(action) = &action {
        check_plain_text("action", action, 1..=50)?;
    }
    let filter = AuditFilter { tool: None, action: action.as_deref(), refused };
    Ok(ApiResponse::from_page(cx.store.list_audit_entries(filter, limit, cursor.as_ref()).await?))
}

/// List the changes of a tool, and refused attempts, newest first. Only owners see the addresses of clients.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/audit", tag = "tools", operation_id = "tools.audit",
    params(("tool" = String, Path, description = "name of the tool"), Paging),
    responses((status = 200, body = Data<Listed<AuditEntry>>)))]
pub async fn list_tool_audit(
    cx: AccountsContext,
    tool: Authed<ToolRead>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<AuditEntry>> {
    let Paging { limit, cursor } = paging;
    let filter = AuditFilter { tool: Some(tool.id), ..AuditFilter::default() };
    let page = cx.store.list_audit_entries(filter, limit, cursor.as_ref()).await?;
    // Members see who changed the tool, not where the person was.
    let may_see_clients = tool.access >= Access::Own;
    Ok(ApiResponse::from_page(
        page.map(|entry| AuditEntry { client: entry.client.filter(|_| may_see_clients), ..entry }),
    ))
}
