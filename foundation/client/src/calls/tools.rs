//! Calls about tools, their members, tokens and quotas.

use hearth_base::{Result, TokenId, ToolName, UserName};
use hearth_wire::{
    accounts::{Token, TokenCreate, TokenCreated},
    reply::{Done, Listed, Paging},
    tools::{Member, MemberPut, Quota, QuotaPatch, Tool, ToolCreate, ToolQuery},
};
use http::Method;

use crate::{Call, Client};

/// Calls to `/tools/v1`.
#[derive(Debug, Clone, Copy)]
pub struct ToolsCalls<'a>(&'a Client);

impl Client {
    /// Calls about tools.
    pub fn tools(&self) -> ToolsCalls<'_> {
        ToolsCalls(self)
    }
}

impl ToolsCalls<'_> {
    fn tool(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.call(method, "/tools/v1/tool").segment(tool)
    }

    /// The caller's tools, or all.
    pub async fn list(&self, query: &ToolQuery) -> Result<Listed<Tool>> {
        self.0.call(Method::GET, "/tools/v1/tools").query(query).data().await
    }

    /// Makes a tool.
    pub async fn create(&self, tool: &ToolCreate) -> Result<Tool> {
        self.0.call(Method::POST, "/tools/v1/tools").json(tool).data().await
    }

    /// One tool.
    pub async fn show(&self, tool: &ToolName) -> Result<Tool> {
        self.tool(Method::GET, tool).data().await
    }

    /// Ends a tool and everything that belongs to it.
    pub async fn delete(&self, tool: &ToolName) -> Result<Tool> {
        self.tool(Method::DELETE, tool).data().await
    }

    /// Who belongs to it.
    pub async fn member_list(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<Member>> {
        self.tool(Method::GET, tool).then("/members").query(paging).data().await
    }

    /// Gives somebody a role.
    pub async fn member_put(&self, tool: &ToolName, user: &UserName, put: &MemberPut) -> Result<Member> {
        self.tool(Method::PUT, tool).then("/members").segment(user).json(put).data().await
    }

    /// Takes somebody's role away.
    pub async fn member_remove(&self, tool: &ToolName, user: &UserName) -> Result<Done> {
        self.tool(Method::DELETE, tool).then("/members").segment(user).data().await
    }

    /// The tool's own tokens.
    pub async fn token_list(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<Token>> {
        self.tool(Method::GET, tool).then("/tokens").query(paging).data().await
    }

    /// Makes a token of the tool's own.
    pub async fn token_create(&self, tool: &ToolName, token: &TokenCreate) -> Result<TokenCreated> {
        self.tool(Method::POST, tool).then("/tokens").json(token).data().await
    }

    /// Revokes a token of the tool's own.
    pub async fn token_revoke(&self, tool: &ToolName, token: TokenId) -> Result<Done> {
        self.tool(Method::DELETE, tool).then("/tokens").segment(token).data().await
    }

    /// How much it may use.
    pub async fn quota(&self, tool: &ToolName) -> Result<Quota> {
        self.tool(Method::GET, tool).then("/quota").data().await
    }

    /// Changes how much it may use, for operators.
    pub async fn quota_patch(&self, tool: &ToolName, patch: &QuotaPatch) -> Result<Quota> {
        self.tool(Method::PATCH, tool).then("/quota").json(patch).data().await
    }
}
