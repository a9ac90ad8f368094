//! The rights of this service.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{MemberCaller, Requirement, ServiceCaller},
    rights,
};

rights! {
    /// Read the lines of a tool's jobs.
    LogsRead = "logs:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Append lines of runs and builds.
    AppendLogs = "logs:append", Requirement::Services(&[Role::Jobs, Role::Builds, Role::Builder]) => ServiceCaller;
    /// Read lines for another API.
    ShowLogsForService = "logs:show", Requirement::Services(&[Role::Jobs, Role::Builds, Role::Components]) => ServiceCaller;
}
