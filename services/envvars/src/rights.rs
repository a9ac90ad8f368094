//! Access rights of this service's endpoints.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{MemberCaller, Requirement, ServiceCaller},
    rights,
};

rights! {
    /// Lists a tool's variables; values need write access.
    EnvvarsRead = "envvars:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Reads and changes values.
    EnvvarsWrite = "envvars:write", Requirement::Tool(Access::Write) => MemberCaller;
    /// Provides variables for runs, and finds runs with outdated ones. Builds get none, because everyone who
    /// can pull an image can read the variables of its build.
    EnvvarsForRuns = "envvars:give-out", Requirement::Services(&[Role::Jobs]) => ServiceCaller;
}
