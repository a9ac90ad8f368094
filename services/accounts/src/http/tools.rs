//! Tools.

use hearth_base::{Caller, Error, Page, Result, ToolRole};
use hearth_kit::{Answer, Authed, Json, Query, Reply};
use hearth_wire::{
    reply::{Data, Listed},
    tools::{Tool, ToolCreate, ToolQuery, ToolState},
};

use crate::{
    app,
    cx::Cx,
    rights::{SelfService, SignedIn, ToolOwn, ToolRead},
    store,
};

/// The caller's tools by name; for operators also all.
#[utoipa::path(get, path = "/tools/v1/tools", tag = "tools", operation_id = "tools.list",
    params(ToolQuery),
    responses((status = 200, body = Data<Listed<Tool>>), (status = 403, description = "all, and no operator")))]
pub async fn list(cx: Cx, caller: Authed<SignedIn>, Query(query): Query<ToolQuery>) -> Reply<Listed<Tool>> {
    let ToolQuery { all, limit, cursor } = query;
    let page = match &caller.caller {
        Caller::User { operator: true, .. } if all => {
            cx.store.tool_list(None, limit, cursor.as_ref()).await?
        }
        _ if all => {
            return Err(Error::forbidden("forbidden", "only operators see all tools")
                .help("hearth tool list")
                .into());
        }
        Caller::User { id, .. } => cx.store.tool_list(Some(*id), limit, cursor.as_ref()).await?,
        Caller::Tool { id, .. } => {
            Page { items: cx.store.tool_by_id(*id).await?.into_iter().collect(), next: None }
        }
        Caller::Nobody | Caller::Service { .. } => Page { items: Vec::new(), next: None },
    };
    let roles = roles(&cx, &caller.caller, &page.items).await?;
    Ok(Answer::page(page.map(|tool| {
        let role = roles.iter().find(|(id, _)| *id == tool.id).map(|(_, role)| *role);
        view(tool, role, Vec::new())
    })))
}

/// Make a tool; the caller becomes its owner.
#[utoipa::path(post, path = "/tools/v1/tools", tag = "tools", operation_id = "tools.create",
    request_body = ToolCreate,
    responses((status = 201, body = Data<Tool>), (status = 409, description = "the name is taken or reserved"),
        (status = 429, description = "the caller owns too many tools")))]
pub async fn create(cx: Cx, me: Authed<SelfService>, Json(create): Json<ToolCreate>) -> Reply<Tool> {
    let tool = app::tools::create(&cx, &cx.by(&me), me.id, create).await?;
    Ok(Answer::created(view(tool, Some(ToolRole::Owner), Vec::new())))
}

/// One tool.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}", tag = "tools", operation_id = "tools.show",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Data<Tool>), (status = 404, description = "there is no such tool")))]
pub async fn show(cx: Cx, tool: Authed<ToolRead>) -> Reply<Tool> {
    let found = cx.store.tool_by_id(tool.id).await?;
    let found = found.ok_or_else(|| Error::not_found("tool", &tool.name))?;
    Ok(Answer::of(whole(&cx, &tool.identity.caller, found).await?))
}

/// End a tool and everything that belongs to it. Its name is free when every service has acknowledged.
#[utoipa::path(delete, path = "/tools/v1/tool/{tool}", tag = "tools", operation_id = "tools.delete",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 202, body = Data<Tool>), (status = 404, description = "there is no such tool")))]
pub async fn delete(cx: Cx, tool: Authed<ToolOwn>) -> Reply<Tool> {
    let ended = app::tool_delete::begin(&cx, &cx.by(&tool), tool.id).await?;
    Ok(Answer::accepted(whole(&cx, &tool.identity.caller, ended).await?))
}

async fn whole(cx: &Cx, caller: &Caller, tool: store::Tool) -> Result<Tool> {
    let role = roles(cx, caller, std::slice::from_ref(&tool)).await?.first().map(|(_, role)| *role);
    let waits_for = cx.store.duties(tool.id).await?;
    Ok(view(tool, role, waits_for.iter().map(ToString::to_string).collect()))
}

/// What the caller is to each of these tools; nothing for those that are not theirs.
async fn roles(
    cx: &Cx,
    caller: &Caller,
    tools: &[store::Tool],
) -> Result<Vec<(hearth_base::ToolId, ToolRole)>> {
    match caller {
        Caller::User { id, .. } => {
            let ids: Vec<_> = tools.iter().map(|tool| tool.id).collect();
            cx.store.member_roles(&ids, *id).await
        }
        _ => Ok(Vec::new()),
    }
}

fn view(tool: store::Tool, role: Option<ToolRole>, waits_for: Vec<String>) -> Tool {
    let store::Tool { id, name, description, deleting, created } = tool;
    let state = if deleting { ToolState::Deleting } else { ToolState::Active };
    Tool { id, name, description, state, role, created, waits_for }
}
