//! Endpoints of revisions.

use hearth_base::Error;
use hearth_kit::{ApiResponse, ApiResult, Authed, Param, Query};
use hearth_wire::{
    components::{Revision, RevisionList},
    reply::{Data, Paging},
};

use crate::{context::ComponentsContext, rights::ToolRead};

/// List the tool's revisions, newest first.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/revisions", tag = "components",
    operation_id = "components.revision_list",
    params(("tool" = String, Path, description = "name of the tool"), Paging),
    responses((status = 200, body = Data<RevisionList>)))]
pub async fn list(
    cx: ComponentsContext,
    tool: Authed<ToolRead>,
    Query(paging): Query<Paging>,
) -> ApiResult<RevisionList> {
    let page = cx.store.list_revisions(tool.id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::ok(RevisionList { revisions: page.items, next: page.next }))
}

/// Show a revision.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/revisions/{revision}", tag = "components",
    operation_id = "components.revision",
    params(("tool" = String, Path, description = "name of the tool"),
        ("revision" = u32, Path, description = "number of the revision")),
    responses((status = 200, body = Data<Revision>), (status = 404, description = "the revision does not exist")))]
pub async fn show(
    cx: ComponentsContext,
    tool: Authed<ToolRead>,
    Param(revision): Param<RevisionNumber>,
) -> ApiResult<Revision> {
    let found = cx.store.find_revision(tool.id, revision.0).await?;
    Ok(ApiResponse::ok(found.ok_or_else(|| Error::not_found("revision", revision.0))?))
}

/// The number of a revision, as a path parameter.
#[derive(Debug, Clone, Copy)]
pub struct RevisionNumber(u32);

impl std::str::FromStr for RevisionNumber {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |_| Error::invalid("revision", format!("invalid revision {text:?}: expected a number"));
        text.parse().map(Self).map_err(invalid)
    }
}

impl hearth_base::PathParam for RevisionNumber {
    const PARAM_NAME: &'static str = "revision";
}
