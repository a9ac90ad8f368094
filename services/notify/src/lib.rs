//! Mail and webhooks about events of other services: `/notify/v1`.
//!
//! This service consumes every topic that is declared for webhooks, whatever its event types, and asks `accounts` for
//! people's addresses at the moment of sending. What is to be sent is a row, written in the change that moves the
//! cursor; what is sent may arrive twice, with the same id.

mod app;
mod cx;
mod http;
mod mailer;
mod rights;
mod settings;
mod store;
mod webhook_backoff;
mod webhook_document;
mod workers;

use hearth_base::{Result, Role};
use hearth_kit::{Dialect, Kit, Mounted, Service, config::Section, guard, queue, tool_cleanup};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    cx::Cx,
    rights::{NotifyRead, NotifyWrite, ReadChannels},
};

pub use settings::{NotifySettings, Smtp, SmtpTls};

/// This service, as `hearthd` mounts it.
pub const NOTIFY_SERVICE: Service =
    Service { role: Role::Notify, database: true, settings: Some(Section::of::<NotifySettings>()), mount };

/// Puts the service together.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    let cx = Cx::new(kit)?;
    let [first, erasing] = [(); 2].map(|()| cx.clone());
    let following = workers::follow::create_workers(kit, &cx)?;
    let gathering = queue::worker(&cx.store.queue, workers::gather::GatherNotices(cx.clone()));
    let mailing = queue::worker(&cx.store.queue, workers::mail::SendMails(cx.clone()));
    let delivering = queue::worker(&cx.store.queue, workers::deliver::DeliverEvents(cx.clone()));
    let sweeping = workers::housekeeping::create_worker(&cx);
    let routes = queue::add_routes(routes(), kit.role, &cx.store.queue);
    let mounted = Mounted::new(kit, Dialect::Data, routes, cx)
        .migrations(store::migrations)
        .prepare(async move { app::secrets::prepare(&first).await })
        .worker(gathering)
        .worker(mailing)
        .worker(delivering)
        .worker(sweeping)
        .worker(tool_cleanup::create_worker(kit, move |tool| {
            let cx = erasing.clone();
            async move { app::erase(&cx, tool).await }
        })?);
    Ok(following.into_iter().fold(mounted, Mounted::worker))
}

/// Every endpoint, with who may use it.
fn routes() -> OpenApiRouter<Cx> {
    let mut routes = OpenApiRouter::new();
    webhook_document::add_webhooks(routes.get_openapi_mut());
    routes
        .routes(guard::<NotifyRead, _>(routes!(http::mail::show)))
        .routes(guard::<NotifyWrite, _>(routes!(http::mail::put)))
        .routes(guard::<NotifyRead, _>(routes!(http::mail::list)))
        .routes(guard::<NotifyRead, _>(routes!(http::webhooks::list)))
        .routes(guard::<NotifyWrite, _>(routes!(http::webhooks::create)))
        .routes(guard::<NotifyRead, _>(routes!(http::webhooks::show)))
        .routes(guard::<NotifyWrite, _>(routes!(http::webhooks::patch, http::webhooks::delete)))
        .routes(guard::<NotifyWrite, _>(routes!(http::webhooks::rotate)))
        .routes(guard::<NotifyWrite, _>(routes!(http::webhooks::test)))
        .routes(guard::<NotifyRead, _>(routes!(http::webhooks::deliveries)))
        .routes(guard::<ReadChannels, _>(routes!(http::internal::channels)))
}
