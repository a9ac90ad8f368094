//! Access rights of the endpoints.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{AnyCaller, MemberCaller, Requirement, ServiceCaller, UserCaller},
    rights,
};

rights! {
    /// Creating an account by code, and signing in.
    NoSignIn = "open", Requirement::Anyone => AnyCaller;
    /// Reading about oneself.
    SignedIn = "accounts:me", Requirement::SignedIn => AnyCaller;
    /// Changing one's own password, confirming a mail address, listing and revoking tokens, and creating tools.
    SelfService = "accounts:self", Requirement::User => UserCaller;
    /// Creating personal tokens, and changing the mail address that recovers the account.
    ManageSignIn = "accounts:sign-in", Requirement::Session => UserCaller;
    /// Administration of this Hearth.
    OperateHearth = "operator", Requirement::Operator => UserCaller;
    /// Reading a tool.
    ToolRead = "tools:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Changing a tool.
    ToolWrite = "tools:write", Requirement::Tool(Access::Write) => MemberCaller;
    /// Managing a tool's members, and deleting it.
    ToolOwn = "tools:own", Requirement::Tool(Access::Own) => MemberCaller;
    /// Changing a tool's quota.
    ToolOperate = "operator:tool", Requirement::ToolOperator => MemberCaller;
    /// Resolving credentials.
    ResolveCredentials = "accounts:resolve", Requirement::Services(&[Role::Gateway]) => ServiceCaller;
    /// Reading events.
    ReadToolEvents = "accounts:events", Requirement::Services(Role::ALL) => ServiceCaller;
    /// Listing and acknowledging pending erasures.
    AcknowledgeErasures = "accounts:erased", Requirement::Services(Role::WITH_TOOL_FINALIZERS) => ServiceCaller;
    /// Creating and using mandates.
    UseMandates = "accounts:mandates", Requirement::Services(&[Role::Components, Role::Builds, Role::Jobs]) => ServiceCaller;
    /// Creating standing mandates, and making mandates from them.
    HoldStandingMandates = "accounts:standing-mandates", Requirement::Services(&[Role::Components]) => ServiceCaller;
    /// Managing the deploy tokens of tools for their maintainers.
    ManageDeployTokens = "accounts:deploy-tokens", Requirement::Services(&[Role::Components]) => ServiceCaller;
    /// Creating short-lived tool tokens.
    CreateToolTokens = "accounts:tool-tokens", Requirement::Services(&[Role::Builds, Role::Builder, Role::Jobs]) => ServiceCaller;
    /// Reading mail addresses.
    ReadMailAddresses = "accounts:addresses", Requirement::Services(&[Role::Notify]) => ServiceCaller;
    /// Recording changes in the audit log.
    RecordChanges = "accounts:audit", Requirement::Services(&[Role::Builds]) => ServiceCaller;
    /// Sending notices to the operators.
    NotifyOperators = "accounts:operator-notices", Requirement::Services(&[Role::Builds]) => ServiceCaller;
    /// Reading accepted requests.
    ReadAcceptedRequests = "accounts:requests", Requirement::Services(&[Role::Builds]) => ServiceCaller;
    /// Reading facts about a tool.
    ReadToolFacts = "accounts:tool", Requirement::Services(Role::ALL) => ServiceCaller;
}
