//! Endpoints for other services.

use hearth_kit::{ApiResponse, ApiResult, Authed};
use hearth_wire::{notify::internal::Channels, reply::Data};

use crate::{context::NotifyContext, rights::ReadChannels};

/// Show the channels by which this Hearth can send messages, for `jobs`.
#[utoipa::path(get, path = "/notify/v1/internal/channels", tag = "notify", operation_id = "notify.channels",
    responses((status = 200, body = Data<Channels>)))]
pub async fn show_channels(cx: NotifyContext, _: Authed<ReadChannels>) -> ApiResult<Channels> {
    Ok(ApiResponse::ok(Channels { mail: cx.mailer.is_some() }))
}
