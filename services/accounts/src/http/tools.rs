//! Endpoints for tools.

use hearth_base::{Caller, Error, Page, Result, ToolRole};
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Query};
use hearth_wire::{
    reply::{Data, Listed},
    tools::{Tool, ToolCreate, ToolQuery, ToolState},
};

use crate::{
    app,
    context::AccountsContext,
    rights::{SelfService, SignedIn, ToolOwn, ToolRead},
    store,
};

/// List the caller's tools by name; operators may list all.
#[utoipa::path(get, path = "/tools/v1/tools", tag = "tools", operation_id = "tools.list",
    params(ToolQuery),
    responses((status = 200, body = Data<Listed<Tool>>), (status = 403, description = "only operators may list all tools")))]
pub async fn list(
    cx: AccountsContext,
    caller: Authed<SignedIn>,
    Query(query): Query<ToolQuery>,
) -> ApiResult<Listed<Tool>> {
    let ToolQuery { all, limit, cursor } = query;
    let page = match &caller.caller {
        Caller::User { operator: true, .. } if all => {
            cx.store.list_tools(None, limit, cursor.as_ref()).await?
        }
        _ if all => {
            return Err(Error::forbidden("forbidden", "only operators may list all tools")
                .help("hearth tool list")
                .into());
        }
        Caller::User { id, .. } => cx.store.list_tools(Some(*id), limit, cursor.as_ref()).await?,
        Caller::Tool { id, .. } => {
            Page { items: cx.store.find_tool_by_id(*id).await?.into_iter().collect(), next: None }
        }
        Caller::Anonymous | Caller::Build { .. } | Caller::Deployer { .. } | Caller::Service { .. } => {
            Page { items: Vec::new(), next: None }
        }
    };
    let roles = find_roles(&cx, &caller.caller, &page.items).await?;
    Ok(ApiResponse::from_page(page.map(|tool| {
        let role = roles.iter().find(|(id, _)| *id == tool.id).map(|(_, role)| *role);
        render_tool(tool, role, Vec::new())
    })))
}

/// Create a tool. The caller becomes its owner.
#[utoipa::path(post, path = "/tools/v1/tools", tag = "tools", operation_id = "tools.create",
    request_body = ToolCreate,
    responses((status = 201, body = Data<Tool>), (status = 409, description = "the name is taken or reserved"),
        (status = 429, description = "the caller owns too many tools")))]
pub async fn create(
    cx: AccountsContext,
    me: Authed<SelfService>,
    Json(create): Json<ToolCreate>,
) -> ApiResult<Tool> {
    let tool = app::tools::create_tool(&cx, &cx.build_actor(&me), &me, create).await?;
    Ok(ApiResponse::created(render_tool(tool, Some(ToolRole::Owner), Vec::new())))
}

/// Show a tool.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}", tag = "tools", operation_id = "tools.show",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<Tool>), (status = 404, description = "the tool does not exist")))]
pub async fn show(cx: AccountsContext, tool: Authed<ToolRead>) -> ApiResult<Tool> {
    let found = cx.store.find_tool_by_id(tool.id).await?;
    let found = found.ok_or_else(|| Error::not_found("tool", &tool.name))?;
    Ok(ApiResponse::ok(render_tool_details(&cx, &tool.identity.caller, found).await?))
}

/// Delete a tool with everything that belongs to it. Its name is free when all services have erased its data.
#[utoipa::path(delete, path = "/tools/v1/tool/{tool}", tag = "tools", operation_id = "tools.delete",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 202, body = Data<Tool>), (status = 404, description = "the tool does not exist")))]
pub async fn delete(cx: AccountsContext, tool: Authed<ToolOwn>) -> ApiResult<Tool> {
    let ended = app::tool_deletion::begin_deletion(&cx, &cx.build_actor(&tool), tool.id).await?;
    Ok(ApiResponse::accepted(render_tool_details(&cx, &tool.identity.caller, ended).await?))
}

async fn render_tool_details(cx: &AccountsContext, caller: &Caller, tool: store::StoredTool) -> Result<Tool> {
    let role = find_roles(cx, caller, std::slice::from_ref(&tool)).await?.first().map(|(_, role)| *role);
    let waits_for = cx.store.list_finalizers(tool.id).await?;
    Ok(render_tool(tool, role, waits_for))
}

/// Finds the caller's roles on these tools; tools without a role are omitted.
async fn find_roles(
    cx: &AccountsContext,
    caller: &Caller,
    tools: &[store::StoredTool],
) -> Result<Vec<(hearth_base::ToolId, ToolRole)>> {
    match caller {
        Caller::User { id, .. } => {
            let ids: Vec<_> = tools.iter().map(|tool| tool.id).collect();
            cx.store.find_member_roles(&ids, *id).await
        }
        _ => Ok(Vec::new()),
    }
}

fn render_tool(tool: store::StoredTool, role: Option<ToolRole>, waits_for: Vec<String>) -> Tool {
    let store::StoredTool { id, name, description, deleting, created } = tool;
    let state = if deleting { ToolState::Deleting } else { ToolState::Active };
    Tool { id, name, description, state, role, created, waits_for }
}
