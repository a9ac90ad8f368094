//! Calls to the audit log.

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
    /// Returns the calls to the audit log.
    pub fn audit(&self) -> AuditCalls<'_> {
        AuditCalls(self)
    }
}

impl AuditCalls<'_> {
    /// Lists all changes, newest first, for operators.
    pub async fn list(&self, query: &AuditQuery) -> Result<Listed<AuditEntry>> {
        self.0.build_call(Method::GET, "/accounts/v1/audit").query(query).fetch_data().await
    }

    /// Lists the changes of one tool, newest first.
    pub async fn list_for_tool(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<AuditEntry>> {
        self.0
            .build_call(Method::GET, "/tools/v1/tool")
            .segment(tool)
            .path_suffix("/audit")
            .query(paging)
            .fetch_data()
            .await
    }
}
