//! Calls between services.

use hearth_base::{MandateId, Result, Role, TokenId, ToolId};
use hearth_wire::{
    accounts::internal::{
        MandateCreate, MandateCreated, MandateUse, MandateUsed, Recipient, Resolve, Resolved, ToolFacts,
        ToolTokenCreate, ToolTokenCreated,
    },
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

    /// The ended tools of which this service has yet to erase what it has.
    pub async fn duties(&self, paging: &Paging) -> Result<Listed<ToolId>> {
        self.0.call(Method::GET, "/accounts/v1/internal/duties").query(paging).data().await
    }

    /// Tells `accounts` that this service has erased what a tool had.
    pub async fn tool_erased(&self, tool: ToolId) -> Result<Done> {
        self.0.call(Method::POST, "/accounts/v1/internal/erased").segment(tool).data().await
    }

    /// Keeps what the caller of the present request may do, for what comes after the answer.
    pub async fn mandate_create(&self, mandate: &MandateCreate) -> Result<MandateCreated> {
        self.0.call(Method::POST, "/accounts/v1/internal/mandates").json(mandate).data().await
    }

    /// Has a mandate signed for one use, if its giver still has the right.
    pub async fn mandate_use(&self, mandate: MandateId, audience: Role) -> Result<MandateUsed> {
        let call = self.0.call(Method::POST, "/accounts/v1/internal/mandates").segment(mandate);
        call.then("/use").json(&MandateUse { audience }).data().await
    }

    /// Ends a mandate: what it was needed for is done.
    pub async fn mandate_end(&self, mandate: MandateId) -> Result<Done> {
        self.0.call(Method::DELETE, "/accounts/v1/internal/mandates").segment(mandate).data().await
    }

    /// Makes a token that speaks for a tool for a while.
    pub async fn tool_token_create(&self, token: &ToolTokenCreate) -> Result<ToolTokenCreated> {
        self.0.call(Method::POST, "/accounts/v1/internal/tool-tokens").json(token).data().await
    }

    /// Revokes such a token.
    pub async fn tool_token_revoke(&self, token: TokenId) -> Result<Done> {
        self.0.call(Method::DELETE, "/accounts/v1/internal/tool-tokens").segment(token).data().await
    }

    /// The maintainers of a tool who have an address for mail, by name.
    pub async fn recipients(&self, tool: ToolId, paging: &Paging) -> Result<Listed<Recipient>> {
        let call = self.0.call(Method::GET, "/accounts/v1/internal/tools").segment(tool);
        call.then("/recipients").query(paging).data().await
    }

    /// A tool's name and quota.
    pub async fn tool_facts(&self, tool: ToolId) -> Result<ToolFacts> {
        self.0.call(Method::GET, "/accounts/v1/internal/tools").segment(tool).data().await
    }
}
