//! The rights of this service.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{AnyCaller, MemberCaller, Requirement, ServiceCaller},
    rights,
};

rights! {
    /// Read the JSON Schema of configurations, and receive webhooks of forges, which a signature protects; open to all.
    NoSignIn = "open", Requirement::Anyone => AnyCaller;
    /// Read deployments, revisions and linked repositories.
    ToolRead = "components:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Create deployments, also with the deploy token of the tool.
    Deploy = "components:deploy", Requirement::Deploy => MemberCaller;
    /// Cancel and delete deployments, manage the deploy token and linked repositories, and plan deployments: a plan fetches
    /// the address of a configuration.
    ToolWrite = "components:write", Requirement::Tool(Access::Write) => MemberCaller;
    /// Read events about deployments.
    ReadDeploymentEvents = "components:events", Requirement::Services(&[Role::Notify]) => ServiceCaller;
}
