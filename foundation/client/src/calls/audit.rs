//! Calls about who did what.

use hearth_base::{Result, ToolName};
use hearth_wire::{
    accounts::{AuditEntry, AuditQuery},
    reply::{Listed, Paging},
};
use http::Method;

use crate::Client;

/// Calls to the audit log.
#[derive(Debug, Clone, Copy)]
pub struct AuditCalls<'a>(&'a Client);

impl Client {
    /// Calls to the audit log.
    pub fn audit(&self) -> AuditCalls<'_> {
        AuditCalls(self)
    }
}

impl AuditCalls<'_> {
    /// Every change, newest first, for operators.
    pub async fn list(&self, query: &AuditQuery) -> Result<Listed<AuditEntry>> {
        self.0.call(Method::GET, "/accounts/v1/audit").query(query).data().await
    }

    /// The changes of one tool, newest first.
    pub async fn of_tool(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<AuditEntry>> {
        self.0.call(Method::GET, "/tools/v1/tool").segment(tool).then("/audit").query(paging).data().await
    }
}
