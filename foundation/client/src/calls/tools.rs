//! Calls about tools, their members, tokens and quotas.

use hearth_base::{Result, TokenId, ToolName, ToolRequestId, UserName};
use hearth_wire::{
    accounts::{Token, TokenCreate, TokenCreated, ToolRequest, ToolRequestCreate, ToolRequestQuery},
    reply::{Done, Listed, Paging},
    tools::{Member, MemberPut, Quota, QuotaPatch, Tool, ToolCreate, ToolQuery},
};
use http::Method;

use crate::{Call, Client};

/// Calls to `/tools/v1`.
#[derive(Debug, Clone, Copy)]
pub struct ToolsCalls<'a>(&'a Client);

impl Client {
    /// Returns the calls about tools.
    pub fn tools(&self) -> ToolsCalls<'_> {
        ToolsCalls(self)
    }
}

impl ToolsCalls<'_> {
    fn tool_call(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.build_call(method, "/tools/v1/tool").segment(tool)
    }

    /// Lists the caller's tools, or all tools.
    pub async fn list(&self, query: &ToolQuery) -> Result<Listed<Tool>> {
        self.0.build_call(Method::GET, "/tools/v1/tools").query(query).fetch_data().await
    }

    /// Creates a tool.
    pub async fn create(&self, tool: &ToolCreate) -> Result<Tool> {
        self.0.build_call(Method::POST, "/tools/v1/tools").json(tool).fetch_data().await
    }

    /// Shows a tool.
    pub async fn show(&self, tool: &ToolName) -> Result<Tool> {
        self.tool_call(Method::GET, tool).fetch_data().await
    }

    /// Deletes a tool and everything that belongs to it.
    pub async fn delete(&self, tool: &ToolName) -> Result<Tool> {
        self.tool_call(Method::DELETE, tool).fetch_data().await
    }

    /// Lists the members of a tool.
    pub async fn list_members(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<Member>> {
        self.tool_call(Method::GET, tool).path_suffix("/members").query(paging).fetch_data().await
    }

    /// Assigns a role to a member, or offers it to another user, who accepts it.
    pub async fn set_member(&self, tool: &ToolName, user: &UserName, put: &MemberPut) -> Result<Member> {
        self.tool_call(Method::PUT, tool).path_suffix("/members").segment(user).json(put).fetch_data().await
    }

    /// Lists the roles that a tool offers to users who have not accepted yet.
    pub async fn list_member_offers(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<Member>> {
        self.tool_call(Method::GET, tool).path_suffix("/member-offers").query(paging).fetch_data().await
    }

    /// Removes a member, or withdraws an offer.
    pub async fn remove_member(&self, tool: &ToolName, user: &UserName) -> Result<Done> {
        self.tool_call(Method::DELETE, tool).path_suffix("/members").segment(user).fetch_data().await
    }

    /// Lists the tool's own tokens.
    pub async fn list_tokens(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<Token>> {
        self.tool_call(Method::GET, tool).path_suffix("/tokens").query(paging).fetch_data().await
    }

    /// Creates a token of the tool.
    pub async fn create_token(&self, tool: &ToolName, token: &TokenCreate) -> Result<TokenCreated> {
        self.tool_call(Method::POST, tool).path_suffix("/tokens").json(token).fetch_data().await
    }

    /// Takes over a token of the tool: the caller becomes its owner, and it gets a new secret.
    pub async fn take_over_token(&self, tool: &ToolName, token: TokenId) -> Result<TokenCreated> {
        let call = self.tool_call(Method::POST, tool).path_suffix("/tokens").segment(token);
        call.path_suffix("/owner").fetch_data().await
    }

    /// Revokes a token of the tool.
    pub async fn revoke_token(&self, tool: &ToolName, token: TokenId) -> Result<Done> {
        self.tool_call(Method::DELETE, tool).path_suffix("/tokens").segment(token).fetch_data().await
    }

    /// Shows the quota of a tool.
    pub async fn show_quota(&self, tool: &ToolName) -> Result<Quota> {
        self.tool_call(Method::GET, tool).path_suffix("/quota").fetch_data().await
    }

    /// Changes the quota of a tool, for operators.
    pub async fn update_quota(&self, tool: &ToolName, patch: &QuotaPatch) -> Result<Quota> {
        self.tool_call(Method::PATCH, tool).path_suffix("/quota").json(patch).fetch_data().await
    }

    /// Lists the requests of a tool to the operators, newest first.
    pub async fn list_requests(
        &self,
        tool: &ToolName,
        query: &ToolRequestQuery,
    ) -> Result<Listed<ToolRequest>> {
        self.tool_call(Method::GET, tool).path_suffix("/requests").query(query).fetch_data().await
    }

    /// Creates a request to the operators.
    pub async fn create_request(&self, tool: &ToolName, create: &ToolRequestCreate) -> Result<ToolRequest> {
        self.tool_call(Method::POST, tool).path_suffix("/requests").json(create).fetch_data().await
    }

    /// Shows a request of a tool.
    pub async fn show_request(&self, tool: &ToolName, request: ToolRequestId) -> Result<ToolRequest> {
        self.tool_call(Method::GET, tool).path_suffix("/requests").segment(request).fetch_data().await
    }

    /// Withdraws an open request of a tool.
    pub async fn withdraw_request(&self, tool: &ToolName, request: ToolRequestId) -> Result<ToolRequest> {
        let call = self.tool_call(Method::POST, tool).path_suffix("/requests").segment(request);
        call.path_suffix("/withdraw").fetch_data().await
    }
}
