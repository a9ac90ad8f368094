//! Access rights of the endpoints.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{MemberCaller, Requirement, ServiceCaller},
    rights,
};

rights! {
    /// Reading a tool's builds.
    BuildsRead = "builds:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Starting, cancelling and deleting builds.
    BuildsWrite = "builds:write", Requirement::Tool(Access::Write) => MemberCaller;
    /// Leasing builds.
    LeaseBuilds = "builds:make", Requirement::Services(&[Role::Builder]) => ServiceCaller;
}
