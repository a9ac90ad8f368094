//! Mail and webhooks about events of other services: `/notify/v1`.
//!
//! This service consumes every topic that is declared for webhooks, and requests people's addresses from
//! `accounts` when it sends a mail. Mails and deliveries are rows, written in the transaction that moves the
//! cursor. They may arrive twice, with the same id.

mod app;
mod context;
mod http;
mod mailer;
mod rights;
mod settings;
mod store;
mod webhook_backoff;
mod webhook_document;
mod workers;

use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, MountedService, Service, config::Section, queue, require_right, tool_cleanup,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::NotifyContext,
    rights::{NotifyRead, NotifyWrite, ReadChannels, SendAccountMails},
};

pub use settings::{NotifySettings, Smtp, SmtpTls};

/// This service, as `hearthd` mounts it.
pub const NOTIFY_SERVICE: Service = Service {
    role: Role::Notify,
    has_database: true,
    settings: Some(Section::from_settings::<NotifySettings>()),
    mount,
};

/// Builds the service.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    let cx = NotifyContext::new(kit)?;
    let [first, erasing] = [(); 2].map(|()| cx.clone());
    let following = workers::events::create_workers(kit, &cx)?;
    let gathering = queue::create_task_worker(&cx.store.queue, workers::gather::GatherNotices(cx.clone()));
    let mailing = queue::create_task_worker(&cx.store.queue, workers::mail::SendMails(cx.clone()));
    let delivering = queue::create_task_worker(&cx.store.queue, workers::deliver::DeliverEvents(cx.clone()));
    let former = workers::deliver::HandOverDeliveries(cx.clone());
    let handing_over = queue::create_task_worker(&cx.store.queue, former);
    let sweeping = workers::housekeeping::create_worker(&cx);
    let routes = queue::add_routes(routes(), kit.role, &cx.store.queue);
    let mounted = MountedService::new(kit, Dialect::Data, routes, cx)
        .with_migrations(store::list_migrations)
        .with_preparation(async move { app::secrets::reseal_secrets(&first).await })
        .with_worker(gathering)
        .with_worker(mailing)
        .with_worker(delivering)
        .with_worker(handing_over)
        .with_worker(sweeping)
        .with_worker(tool_cleanup::create_worker(kit, move |tool| {
            let cx = erasing.clone();
            async move { app::delete_tool_data(&cx, tool).await }
        })?);
    Ok(following.into_iter().fold(mounted, MountedService::with_worker))
}

/// The endpoints with their required rights.
fn routes() -> OpenApiRouter<NotifyContext> {
    let mut routes = OpenApiRouter::new();
    webhook_document::add_webhooks(routes.get_openapi_mut());
    routes
        .routes(require_right::<NotifyRead, _>(routes!(http::mail::show)))
        .routes(require_right::<NotifyWrite, _>(routes!(http::mail::update)))
        .routes(require_right::<NotifyRead, _>(routes!(http::mail::list)))
        .routes(require_right::<NotifyRead, _>(routes!(http::webhooks::list)))
        .routes(require_right::<NotifyWrite, _>(routes!(http::webhooks::create)))
        .routes(require_right::<NotifyRead, _>(routes!(http::webhooks::show)))
        .routes(require_right::<NotifyWrite, _>(routes!(http::webhooks::update, http::webhooks::delete)))
        .routes(require_right::<NotifyWrite, _>(routes!(http::webhooks::rotate_secret)))
        .routes(require_right::<NotifyWrite, _>(routes!(http::webhooks::send_test)))
        .routes(require_right::<NotifyRead, _>(routes!(http::webhooks::list_deliveries)))
        .routes(require_right::<ReadChannels, _>(routes!(http::internal::show_channels)))
        .routes(require_right::<SendAccountMails, _>(routes!(http::internal::send_account_mail)))
}
