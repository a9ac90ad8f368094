//! Access rights of the endpoints.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{AnyCaller, MemberCaller, Requirement, ServiceCaller, UserCaller},
    rights,
};

rights! {
    /// Exchanging a password for a token; open to all.
    Open = "open", Requirement::Anyone => AnyCaller;
    /// Pulling provided images, and checking the sign-in.
    PullProvided = "images:provided", Requirement::SignedIn => AnyCaller;
    /// Pushing and deleting provided images.
    PushProvided = "operator", Requirement::Operator => UserCaller;
    /// Pulling and listing a tool's images.
    Pull = "images:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Pushing and deleting a tool's images.
    Push = "images:write", Requirement::Tool(Access::Write) => MemberCaller;
    /// Listing the images of all tools.
    Operate = "operator", Requirement::Operator => UserCaller;
    /// Resolving an image for a tool.
    Resolve = "images:resolve",
        Requirement::Services(&[Role::Jobs, Role::Builds, Role::Builder, Role::Components]) => ServiceCaller;
    /// Fetching any layer.
    Fetch = "images:fetch", Requirement::Services(&[Role::Jobs, Role::Builder]) => ServiceCaller;
    /// Reading events about tags.
    ReadEvents = "images:events", Requirement::Services(&[Role::Jobs]) => ServiceCaller;
    /// Pinning images.
    Pin = "images:pin", Requirement::Services(Role::ALL) => ServiceCaller;
}
