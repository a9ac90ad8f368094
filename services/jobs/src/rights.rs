//! Rights that the endpoints of this service require.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{MemberCaller, Requirement, ServiceCaller},
    rights,
};

rights! {
    /// Reading jobs and runs of a tool.
    JobsRead = "jobs:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Changing jobs and runs of a tool.
    JobsWrite = "jobs:write", Requirement::Tool(Access::Write) => MemberCaller;
    /// Reading the routes of tools' pages.
    ReadRoutes = "jobs:routes", Requirement::Services(&[Role::Edge, Role::Components]) => ServiceCaller;
    /// Reporting visits of pages, and waking them.
    ReportPages = "jobs:pages", Requirement::Services(&[Role::Edge]) => ServiceCaller;
    /// Reading the runtime's sealing key and the jobs that run with outdated variables.
    ReadForEnvvars = "jobs:envvars", Requirement::Services(&[Role::Envvars]) => ServiceCaller;
    /// Returning jobs to their state before a deployment.
    RestoreJobs = "jobs:restore", Requirement::Services(&[Role::Components]) => ServiceCaller;
    /// Reading the definitions of a tool's jobs, for plans of deployments.
    ReadDefinitions = "jobs:definitions", Requirement::Services(&[Role::Components]) => ServiceCaller;
    /// Reading events about runs.
    ReadRunEvents = "jobs:runs", Requirement::Services(&[Role::Notify]) => ServiceCaller;
}
