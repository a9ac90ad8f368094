//! Access rights of the endpoints.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{AnyCaller, MemberCaller, ReportingCaller, Requirement, ServiceCaller, UserCaller},
    rights,
};

rights! {
    /// Reading a tool's builds.
    BuildsRead = "builds:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Starting, cancelling and deleting builds.
    BuildsWrite = "builds:write", Requirement::Tool(Access::Write) => MemberCaller;
    /// Reading the public keys of the provenance of images; open to all.
    ReadProvenanceKeys = "open", Requirement::Anyone => AnyCaller;
    /// Listing builders, suspending them and returning them.
    OperateBuilders = "operator", Requirement::Operator => UserCaller;
    /// Reporting about a build: the holder of its lease, or its outside builder.
    ReportBuilds = "builds:report", Requirement::Reporters(&[Role::Builder]) => ReportingCaller;
    /// Listing, adding and removing package sources.
    OperatePackageSources = "operator", Requirement::Operator => UserCaller;
    /// Granting package sources to tools.
    GrantPackageSources = "operator:tool", Requirement::ToolOperator => MemberCaller;
    /// Checking that a package source exists.
    CheckPackageSources = "builds:sources", Requirement::Services(&[Role::Accounts]) => ServiceCaller;
    /// Reading events about builds.
    ReadBuildEvents = "builds:events", Requirement::Services(&[Role::Notify]) => ServiceCaller;
    /// Leasing builds.
    LeaseBuilds = "builds:make", Requirement::Services(&[Role::Builder]) => ServiceCaller;
}
