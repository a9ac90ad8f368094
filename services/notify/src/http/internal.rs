//! Endpoints for other services.

use hearth_kit::{Answer, Authed, Reply};
use hearth_wire::{notify::internal::Channels, reply::Data};

use crate::{cx::Cx, rights::ReadChannels};

/// The channels that this Hearth can send by: for `jobs`.
#[utoipa::path(get, path = "/notify/v1/internal/channels", tag = "notify", operation_id = "notify.channels",
    responses((status = 200, body = Data<Channels>)))]
pub async fn channels(cx: Cx, _: Authed<ReadChannels>) -> Reply<Channels> {
    Ok(Answer::of(Channels { mail: cx.mailer.is_some() }))
}
