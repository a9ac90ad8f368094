//! Endpoints for the audit log.

use hearth_base::check_plain_text;
use hearth_kit::{ApiResponse, ApiResult, Authed, Query};
use hearth_wire::{
    accounts::{AuditEntry, AuditQuery},
    reply::{Data, Listed, Paging},
};

use crate::{
    context::AccountsContext,
    rights::{OperateHearth, ToolRead},
};

/// List all changes, newest first.
#[utoipa::path(get, path = "/accounts/v1/audit", tag = "accounts", operation_id = "accounts.audit",
    params(AuditQuery), responses((status = 200, body = Data<Listed<AuditEntry>>)))]
pub async fn list(
    cx: AccountsContext,
    _: Authed<OperateHearth>,
    Query(query): Query<AuditQuery>,
) -> ApiResult<Listed<AuditEntry>> {
    let AuditQuery { action, limit, cursor } = query;
    if let Some(action) = &action {
        check_plain_text("action", action, 1..=50)?;
    }
    Ok(ApiResponse::from_page(
        cx.store.list_audit_entries(None, action.as_deref(), limit, cursor.as_ref()).await?,
    ))
}

/// List the changes of a tool, newest first.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/audit", tag = "tools", operation_id = "tools.audit",
    params(("tool" = String, Path, description = "name of the tool"), Paging),
    responses((status = 200, body = Data<Listed<AuditEntry>>)))]
pub async fn list_tool_audit(
    cx: AccountsContext,
    tool: Authed<ToolRead>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<AuditEntry>> {
    let Paging { limit, cursor } = paging;
    Ok(ApiResponse::from_page(
        cx.store.list_audit_entries(Some(tool.id), None, limit, cursor.as_ref()).await?,
    ))
}
