//! Revisions.

use hearth_base::Error;
use hearth_kit::{Answer, Authed, Param, Query, Reply};
use hearth_wire::{
    components::{Revision, RevisionList},
    reply::{Data, Paging},
};

use crate::{cx::Cx, rights::ToolRead};

/// What ran once, the newest first.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/revisions", tag = "components",
    operation_id = "components.revision_list",
    params(("tool" = String, Path, description = "its name"), Paging),
    responses((status = 200, body = Data<RevisionList>)))]
pub async fn list(cx: Cx, tool: Authed<ToolRead>, Query(paging): Query<Paging>) -> Reply<RevisionList> {
    let page = cx.store.revisions(tool.id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::of(RevisionList { revisions: page.items, next: page.next }))
}

/// One revision.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/revisions/{revision}", tag = "components",
    operation_id = "components.revision",
    params(("tool" = String, Path, description = "its name"),
        ("revision" = u32, Path, description = "its number")),
    responses((status = 200, body = Data<Revision>), (status = 404, description = "there is no such revision")))]
pub async fn show(cx: Cx, tool: Authed<ToolRead>, Param(revision): Param<Number>) -> Reply<Revision> {
    let found = cx.store.revision(tool.id, revision.0).await?;
    Ok(Answer::of(found.ok_or_else(|| Error::not_found("revision", revision.0))?))
}

/// A revision's number.
#[derive(Debug, Clone, Copy)]
pub struct Number(u32);

impl std::str::FromStr for Number {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |_| Error::invalid("revision", format!("{text:?} is not the number of a revision"));
        text.parse().map(Self).map_err(refused)
    }
}

impl hearth_base::PathParam for Number {
    const PARAM: &'static str = "revision";
}
