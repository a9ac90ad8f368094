//! Access rights of the endpoints.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{AnyCaller, ImageCaller, MemberCaller, Requirement, ServiceCaller, UserCaller},
    rights,
};

rights! {
    /// Exchanging a password for a token; open to all.
    NoSignIn = "open", Requirement::Anyone => AnyCaller;
    /// Pulling provided images, and checking the sign-in.
    PullProvidedImages = "images:provided", Requirement::SignedIn => AnyCaller;
    /// Pulling images of upstream registries.
    PullUpstreamImages = "images:upstream", Requirement::SignedIn => AnyCaller;
    /// Pushing and deleting provided images.
    PushProvidedImages = "operator", Requirement::Operator => UserCaller;
    /// Pulling and listing a tool's images.
    PullToolImages = "images:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Pushing and deleting a tool's images.
    PushToolImages = "images:write", Requirement::Tool(Access::Write) => MemberCaller;
    /// Pulling an image of a tool by the registry's protocol.
    PullRepository = "images:read", Requirement::Tool(Access::Read) => ImageCaller;
    /// Pushing an image of a tool by the registry's protocol.
    PushRepository = "images:write", Requirement::Tool(Access::Write) => ImageCaller;
    /// Listing the images of all tools.
    ListAllImages = "operator", Requirement::Operator => UserCaller;
    /// Resolving an image for a tool.
    ResolveImages = "images:resolve",
        Requirement::Services(&[Role::Jobs, Role::Builds, Role::Builder, Role::Components]) => ServiceCaller;
    /// Fetching any layer.
    FetchLayers = "images:fetch", Requirement::Services(&[Role::Jobs, Role::Builder]) => ServiceCaller;
    /// Attaching documents to images of tools.
    AttachArtifacts = "images:attach", Requirement::Services(&[Role::Builds]) => ServiceCaller;
    /// Reading events about tags.
    ReadTagEvents = "images:events", Requirement::Services(&[Role::Jobs]) => ServiceCaller;
    /// Pinning images.
    PinImages = "images:pin", Requirement::Services(Role::ALL) => ServiceCaller;
}
