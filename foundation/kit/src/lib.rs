//! Framework of Hearth's services. A service is a function `mount(&Kit) -> MountedService`. This crate depends on no
//! service.

pub mod audit;
pub mod backoff;
pub mod blobs;
pub mod client_address;
pub mod config;
pub mod db;
pub mod events;
pub mod extract;
pub mod fair_pool;
pub mod guard;
pub mod hosts;
pub mod html_page;
pub mod keys;
pub mod outbound;
pub mod queue;
pub mod relay;
pub mod reply;
pub mod route;
pub mod server;
pub mod signed_webhooks;
pub mod spec;
pub mod state;
pub mod tasks;
pub mod telemetry;
pub mod tool_cleanup;
pub mod vault;

mod kit;
mod mandates;
pub mod mounted;
mod request_context;
mod request_layer;
mod service;
mod well_known;
mod worker;

pub use db::{tool_state, wake};
pub use extract::{Json, Param, Query};
pub use guard::{Authed, Right, require_right};
pub use kit::{Kit, ServiceClients};
pub use mandates::DelegatedClient;
pub use mounted::{MountedService, build_local_service};
pub use reply::{ApiError, ApiResponse, ApiResult, Dialect};
pub use request_context::RequestContext;
pub use route::{PrefixExt, RouteExt};
pub use service::Service;
pub use worker::Worker;
