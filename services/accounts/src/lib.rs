//! People, tools, and who may do what: `/accounts/v1` and `/tools/v1`.
//!
//! This service finds out whose a credential is and what its holder is to a tool; it never sees what a tool
//! runs. Every change is in the audit log, written in the change's own transaction.

mod app;
mod cx;
mod http;
mod passwords;
mod rights;
mod settings;
mod store;
mod workers;

use hearth_base::{Result, Role};
use hearth_kit::{Dialect, Kit, Mounted, PrefixExt, Service, config::Section, guard, queue, route::Prefix};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    cx::Cx,
    rights::{
        Addresses, Erase, Mandates, Open, Operate, ReadEvents, Resolve, RunTokens, SelfService, SignedIn,
        ToolFacts, ToolOperate, ToolOwn, ToolRead, ToolWrite,
    },
};

pub use settings::AccountsSettings;

/// This service, as `hearthd` mounts it.
pub const ACCOUNTS_SERVICE: Service = Service {
    role: Role::Accounts,
    database: true,
    settings: Some(Section::of::<AccountsSettings>()),
    mount,
};

/// Puts the service together.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    let cx = Cx::new(kit)?;
    let (first, housekeeping) = (cx.clone(), workers::housekeeping::create_worker(&cx));
    let routes = queue::add_routes(routes(), kit.role, &cx.store.queue);
    Ok(Mounted::new(kit, Dialect::Data, routes, cx)
        .migrations(store::migrations)
        .prepare(async move { app::setup::prepare(&first).await })
        .worker(housekeeping))
}

/// Every endpoint, with who may use it.
fn routes() -> OpenApiRouter<Cx> {
    OpenApiRouter::new()
        .prefix("tools", Prefix::own())
        .routes(guard::<Open, _>(routes!(http::people::join)))
        .routes(guard::<SignedIn, _>(routes!(http::people::me)))
        .routes(guard::<SelfService, _>(routes!(http::people::password_change)))
        .routes(guard::<SelfService, _>(routes!(http::people::email, http::people::email_put)))
        .routes(guard::<Open, _>(routes!(http::sessions::create)))
        .routes(guard::<SelfService, _>(routes!(http::sessions::end)))
        .routes(guard::<SelfService, _>(routes!(http::tokens::list, http::tokens::create)))
        .routes(guard::<SelfService, _>(routes!(http::tokens::revoke)))
        .routes(guard::<Operate, _>(routes!(http::users::list)))
        .routes(guard::<Operate, _>(routes!(http::users::patch)))
        .routes(guard::<Operate, _>(routes!(http::invitations::list, http::invitations::create)))
        .routes(guard::<Operate, _>(routes!(http::invitations::withdraw)))
        .routes(guard::<Operate, _>(routes!(http::audit::list)))
        .routes(guard::<Resolve, _>(routes!(http::internal::resolve)))
        .routes(guard::<ReadEvents, _>(routes!(http::internal::access_events)))
        .routes(guard::<ReadEvents, _>(routes!(http::internal::tool_events)))
        .routes(guard::<Erase, _>(routes!(http::internal::duties)))
        .routes(guard::<Erase, _>(routes!(http::internal::erased)))
        .routes(guard::<Mandates, _>(routes!(http::mandates::create)))
        .routes(guard::<Mandates, _>(routes!(http::mandates::sign)))
        .routes(guard::<Mandates, _>(routes!(http::mandates::end)))
        .routes(guard::<RunTokens, _>(routes!(http::mandates::token_create)))
        .routes(guard::<RunTokens, _>(routes!(http::mandates::token_revoke)))
        .routes(guard::<Addresses, _>(routes!(http::internal::recipients)))
        .routes(guard::<ToolFacts, _>(routes!(http::mandates::tool)))
        .routes(guard::<SignedIn, _>(routes!(http::tools::list)))
        .routes(guard::<SelfService, _>(routes!(http::tools::create)))
        .routes(guard::<ToolRead, _>(routes!(http::tools::show)))
        .routes(guard::<ToolOwn, _>(routes!(http::tools::delete)))
        .routes(guard::<ToolRead, _>(routes!(http::members::list)))
        .routes(guard::<ToolOwn, _>(routes!(http::members::put, http::members::remove)))
        .routes(guard::<ToolWrite, _>(routes!(http::tool_tokens::list, http::tool_tokens::create)))
        .routes(guard::<ToolWrite, _>(routes!(http::tool_tokens::revoke)))
        .routes(guard::<ToolRead, _>(routes!(http::quota::show)))
        .routes(guard::<ToolOperate, _>(routes!(http::quota::patch)))
        .routes(guard::<ToolRead, _>(routes!(http::audit::of_tool)))
}
