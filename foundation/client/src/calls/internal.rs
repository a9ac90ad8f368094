//! Calls between services.

use hearth_base::{Result, ToolId};
use hearth_wire::{
    accounts::internal::{Resolve, Resolved},
    feed::{After, Events},
    reply::{Done, Listed, Paging},
};
use http::Method;

use crate::{Client, headers};

/// Calls that only services make.
#[derive(Debug, Clone, Copy)]
pub struct InternalCalls<'a>(&'a Client);

impl Client {
    /// Calls that only services make.
    pub fn internal(&self) -> InternalCalls<'_> {
        InternalCalls(self)
    }
}

impl InternalCalls<'_> {
    /// Asks `accounts` who shows a credential.
    pub async fn resolve(&self, resolve: &Resolve, request_id: &str) -> Result<Resolved> {
        let call = self.0.call(Method::POST, "/accounts/v1/internal/resolve");
        call.header(headers::REQUEST_ID, request_id).json(resolve).data().await
    }

    /// Reads `accounts`' feed.
    pub async fn accounts_feed(&self, after: &After) -> Result<Events> {
        self.0.call(Method::GET, "/accounts/v1/internal/feed").query(after).data().await
    }

    /// The ended tools of which this service has yet to erase what it has.
    pub async fn duties(&self, paging: &Paging) -> Result<Listed<ToolId>> {
        self.0.call(Method::GET, "/accounts/v1/internal/duties").query(paging).data().await
    }

    /// Tells `accounts` that this service has erased what a tool had.
    pub async fn tool_erased(&self, tool: ToolId) -> Result<Done> {
        self.0.call(Method::POST, "/accounts/v1/internal/erased").segment(tool).data().await
    }
}
