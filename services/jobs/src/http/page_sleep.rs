//! Endpoints of `edge` about pages that sleep.

use hearth_kit::{ApiResponse, ApiResult, Authed, Json};
use hearth_wire::{
    jobs::page_sleep::{PageActivityReport, PageWake},
    reply::{Done, Named},
};

use crate::{app::jobs::page_sleep, context::JobsContext, rights::ReportPages};

/// Report visits of pages that sleep without them, and that this process of the edge still serves.
#[utoipa::path(post, path = "/jobs/v1/internal/page-activity", tag = "internal",
    operation_id = "jobs.internal_page_activity", request_body = PageActivityReport,
    responses((status = 200, body = Named<Done>)))]
pub async fn report_page_activity(
    cx: JobsContext,
    _: Authed<ReportPages>,
    Json(report): Json<PageActivityReport>,
) -> ApiResult<Done> {
    page_sleep::record_page_activity(&cx, report).await?;
    Ok(ApiResponse::ok_named(Done {}))
}

/// Wake a sleeping page. A page that does not sleep is left as it is.
#[utoipa::path(post, path = "/jobs/v1/internal/page-wake", tag = "internal",
    operation_id = "jobs.internal_page_wake", request_body = PageWake,
    responses((status = 200, body = Named<Done>)))]
pub async fn wake_page(
    cx: JobsContext,
    _: Authed<ReportPages>,
    Json(page): Json<PageWake>,
) -> ApiResult<Done> {
    page_sleep::wake_page(&cx, page).await?;
    Ok(ApiResponse::ok_named(Done {}))
}
