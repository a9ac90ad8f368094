//! What each service stands on. A service is a function `mount(&Kit) -> Mounted`; everything that services
//! share is here, and nothing here knows any of them.

pub mod backoff;
pub mod blobs;
pub mod config;
pub mod db;
pub mod events;
pub mod extract;
pub mod guard;
pub mod hosts;
pub mod keys;
pub mod outbound;
pub mod queue;
pub mod relay;
pub mod reply;
pub mod route;
pub mod server;
pub mod spec;
pub mod state;
pub mod tasks;
pub mod telemetry;
pub mod tool_cleanup;
pub mod vault;

mod entry;
mod kit;
mod lingering;
mod mandates;
pub mod mounted;
mod request_context;
mod service;
mod wellknown;
mod worker;

pub use db::{tool_state, wake};
pub use extract::{Json, Param, Query};
pub use guard::{Authed, Right, guard};
pub use kit::{Clients, Kit};
pub use mandates::Deputy;
pub use mounted::{Mounted, exchange};
pub use reply::{Answer, Dialect, Refused, Reply};
pub use request_context::RequestContext;
pub use route::{PrefixExt, RouteExt};
pub use service::Service;
pub use worker::Worker;
