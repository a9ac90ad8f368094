//! The endpoint that receives webhooks of forges.

use axum::{
    body::{Body, to_bytes},
    http::HeaderMap,
};
use hearth_base::{Error, ErrorKind};
use hearth_kit::{ApiResponse, ApiResult, Authed, Param};
use hearth_wire::{
    components::{ForgeDeliveryOutcome, ForgeReceipt, RepositoryLinkId},
    reply::Data,
};

use crate::{
    app::forge_deliveries::{ForgeRequest, receive_delivery},
    context::ComponentsContext,
    rights::NoSignIn,
};

/// The maximum size of a delivery in bytes.
pub const MAX_DELIVERY_BYTES: usize = 1 << 20;

/// Receive a webhook of a forge for a linked repository. A push to one of its branches deploys the tool, and a merge request
/// for one of them its preview. The signature shows that the sender knows the secret of the link.
#[utoipa::path(post, path = "/components/v1/forge-webhooks/{link}", tag = "components",
    operation_id = "components.forge_webhook",
    params(("link" = String, Path, description = "id of the link")),
    request_body(content = Object, description = "payload of the forge", content_type = "application/json"),
    responses((status = 200, body = Data<ForgeReceipt>, description = "nothing is started: the reason says why"),
        (status = 202, body = Data<ForgeReceipt>, description = "the push or the merge request is about to be deployed, or a preview deleted"),
        (status = 401, description = "the signature is missing or wrong"),
        (status = 404, description = "the link does not exist"),
        (status = 413, description = "the payload exceeds 1 MiB"),
        (status = 422, description = "the payload is about another repository, or no payload of the forge")))]
pub async fn receive_webhook(
    cx: ComponentsContext,
    caller: Authed<NoSignIn>,
    Param(link): Param<RepositoryLinkId>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<ForgeReceipt> {
    let body = to_bytes(body, MAX_DELIVERY_BYTES).await.map_err(|cause| {
        let what = format!("the payload is too large or incomplete; at most {MAX_DELIVERY_BYTES} bytes");
        Error::new(ErrorKind::TooLarge, "body", what)
            .help("push fewer commits at one time, or run: hearth deploy")
            .with_cause(cause)
    })?;
    let request = ForgeRequest { headers: &headers, body: &body, client: caller.client };
    let receipt = receive_delivery(&cx, link, request).await?;
    let info = match (receipt.is_repeated, receipt.reason.as_str()) {
        (true, _) => "already received".to_owned(),
        (false, "") => "the newest commit of the branch is about to be deployed".to_owned(),
        (false, reason) => reason.to_owned(),
    };
    let is_started = !receipt.is_repeated && receipt.outcome == ForgeDeliveryOutcome::Waiting;
    let answer = if is_started { ApiResponse::accepted(receipt) } else { ApiResponse::ok(receipt) };
    Ok(answer.with_info(info))
}
