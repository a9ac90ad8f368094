//! Mail and webhooks about what became of runs: `/notify/v1`.
//!
//! This service hears of runs by `jobs`' feed, and of people's addresses from `accounts` at the moment of sending. What
//! is to be sent is a row, written in the change that notes the place in the feed; what is sent may arrive twice, with
//! the same id.

mod app;
mod cx;
mod http;
mod mailer;
mod rights;
mod settings;
mod store;
mod workers;

use hearth_base::{Result, Role};
use hearth_kit::{Dialect, Kit, Mounted, Service, Worker, config::Section, guard, keeping};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    cx::Cx,
    rights::{NotifyRead, NotifyWrite, ReadChannels},
};

pub use settings::{NotifySettings, Smtp, SmtpTls};

/// What `hearthd` knows of this service.
pub const SERVICE: Service =
    Service { role: Role::Notify, database: true, settings: Some(Section::of::<NotifySettings>()), mount };

/// Puts the service together.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    let cx = Cx::new(kit)?;
    let [first, following, gathering, mailing, delivering, sweeping, erasing] = [(); 7].map(|()| cx.clone());
    Ok(Mounted::new(kit, Dialect::Data, routes(), cx)
        .migrations(store::migrations)
        .prepare(async move { app::secrets::prepare(&first).await })
        .worker(Worker::new("follow", |stop| workers::follow::run(following, stop)))
        .worker(Worker::new("gather", |stop| workers::gather::run(gathering, stop)))
        .worker(Worker::new("mail", |stop| workers::mail::run(mailing, stop)))
        .worker(Worker::new("deliver", |stop| workers::deliver::run(delivering, stop)))
        .worker(Worker::new("housekeeping", |stop| workers::housekeeping::run(sweeping, stop)))
        .worker(keeping::worker(kit, move |tool| {
            let cx = erasing.clone();
            async move { app::erase(&cx, tool).await }
        })))
}

/// Every endpoint, with who may use it.
fn routes() -> OpenApiRouter<Cx> {
    OpenApiRouter::new()
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
