//! Calls between services.

use hearth_base::{MandateId, Result, Role, TokenId, ToolId};
use hearth_wire::{
    accounts::{
        RequestEventData, ToolRequestQuery,
        internal::{
            AuditedChange, MandateCreate, MandateCreated, MandateDerive, MandateUse, MandateUsed,
            OperatorNotice, Recipient, RefusedChange, ResolveCaller, ResolvedCaller, StandingMandate,
            StandingMandateCreate, ToolFacts, ToolTokenCreate, ToolTokenCreated, TriggerOwner,
            TriggerOwnerCheck,
        },
    },
    reply::{Done, Listed, Paging},
};
use http::Method;

use crate::{Client, headers};

/// Calls of services to `accounts`.
#[derive(Debug, Clone, Copy)]
pub struct AccountsInternalCalls<'a>(pub(super) &'a Client);

impl Client {
    /// Returns the calls of services to `accounts`.
    pub fn accounts_internal(&self) -> AccountsInternalCalls<'_> {
        AccountsInternalCalls(self)
    }
}

impl AccountsInternalCalls<'_> {
    /// Resolves a credential to its caller.
    pub async fn resolve(&self, resolve: &ResolveCaller, request_id: &str) -> Result<ResolvedCaller> {
        let call = self.0.build_call(Method::POST, "/accounts/v1/internal/resolve");
        call.header(headers::REQUEST_ID_HEADER, request_id).json(resolve).fetch_data().await
    }

    /// Records a change that a service refused, for the gateway.
    pub async fn record_refused_change(&self, refused: &RefusedChange, request_id: &str) -> Result<Done> {
        let call = self.0.build_call(Method::POST, "/accounts/v1/internal/refusals");
        call.header(headers::REQUEST_ID_HEADER, request_id).json(refused).fetch_data().await
    }

    /// Records a change of this service in the audit log. May be repeated: the entry is stored once, by its id.
    pub async fn record_audited_change(&self, change: &AuditedChange) -> Result<Done> {
        self.0.build_call(Method::POST, "/accounts/v1/internal/audit").json(change).fetch_data().await
    }

    /// Sends a notice to the operators.
    pub async fn send_operator_notice(&self, notice: &OperatorNotice) -> Result<Done> {
        let call = self.0.build_call(Method::POST, "/accounts/v1/internal/operator-notices");
        call.json(notice).fetch_data().await
    }

    /// Checks that the owner of something that acts without a request still has the right.
    pub async fn check_trigger_owner(&self, check: &TriggerOwnerCheck) -> Result<TriggerOwner> {
        self.0.build_call(Method::POST, "/accounts/v1/internal/owners").json(check).fetch_data().await
    }

    /// Lists the deleted tools whose data this service has not yet erased.
    pub async fn list_pending_cleanups(&self, paging: &Paging) -> Result<Listed<ToolId>> {
        self.0.build_call(Method::GET, "/accounts/v1/internal/duties").query(paging).fetch_data().await
    }

    /// Acknowledges that this service has erased the data of a tool.
    pub async fn acknowledge_cleanup(&self, tool: ToolId) -> Result<Done> {
        self.0.build_call(Method::POST, "/accounts/v1/internal/erased").segment(tool).fetch_data().await
    }

    /// Records the rights of the current request's caller as a mandate, for work after the response.
    pub async fn create_mandate(&self, mandate: &MandateCreate) -> Result<MandateCreated> {
        self.0.build_call(Method::POST, "/accounts/v1/internal/mandates").json(mandate).fetch_data().await
    }

    /// Signs a mandate for one use, if its caller still has the right.
    pub async fn use_mandate(&self, mandate: MandateId, audience: Role) -> Result<MandateUsed> {
        let call = self.0.build_call(Method::POST, "/accounts/v1/internal/mandates").segment(mandate);
        call.path_suffix("/use").json(&MandateUse { audience }).fetch_data().await
    }

    /// Ends a mandate whose work is done.
    pub async fn end_mandate(&self, mandate: MandateId) -> Result<Done> {
        self.0
            .build_call(Method::DELETE, "/accounts/v1/internal/mandates")
            .segment(mandate)
            .fetch_data()
            .await
    }

    /// Records the rights of the current request's caller for something that acts without a request.
    pub async fn create_standing_mandate(&self, create: &StandingMandateCreate) -> Result<StandingMandate> {
        let call = self.0.build_call(Method::POST, "/accounts/v1/internal/standing-mandates");
        call.json(create).fetch_data().await
    }

    /// Shows the owner of a standing mandate, and whether the owner still has the right.
    pub async fn show_standing_mandate(&self, mandate: MandateId) -> Result<StandingMandate> {
        let call = self.0.build_call(Method::GET, "/accounts/v1/internal/standing-mandates");
        call.segment(mandate).fetch_data().await
    }

    /// Makes a mandate for one work from a standing mandate, if its owner still has the right.
    pub async fn derive_mandate(
        &self,
        standing: MandateId,
        derive: &MandateDerive,
    ) -> Result<MandateCreated> {
        let call = self.0.build_call(Method::POST, "/accounts/v1/internal/standing-mandates");
        call.segment(standing).path_suffix("/mandates").json(derive).fetch_data().await
    }

    /// Creates a short-lived token of a tool.
    pub async fn create_tool_token(&self, token: &ToolTokenCreate) -> Result<ToolTokenCreated> {
        self.0.build_call(Method::POST, "/accounts/v1/internal/tool-tokens").json(token).fetch_data().await
    }

    /// Revokes a short-lived token of a tool.
    pub async fn revoke_tool_token(&self, token: TokenId) -> Result<Done> {
        self.0
            .build_call(Method::DELETE, "/accounts/v1/internal/tool-tokens")
            .segment(token)
            .fetch_data()
            .await
    }

    /// Lists the maintainers of a tool with a mail address, by name.
    pub async fn list_mail_recipients(&self, tool: ToolId, paging: &Paging) -> Result<Listed<Recipient>> {
        let call = self.0.build_call(Method::GET, "/accounts/v1/internal/tools").segment(tool);
        call.path_suffix("/recipients").query(paging).fetch_data().await
    }

    /// Shows the name and the quota of a tool.
    pub async fn show_tool_facts(&self, tool: ToolId) -> Result<ToolFacts> {
        self.0.build_call(Method::GET, "/accounts/v1/internal/tools").segment(tool).fetch_data().await
    }

    /// Lists the accepted requests of one kind, oldest first.
    pub async fn list_accepted_requests(&self, query: &ToolRequestQuery) -> Result<Listed<RequestEventData>> {
        let call = self.0.build_call(Method::GET, "/accounts/v1/internal/accepted-requests");
        call.query(query).fetch_data().await
    }
}
