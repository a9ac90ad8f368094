//! Who may do what here.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{Anybody, Member, Needs, Peer, Person},
    rights,
};

rights! {
    /// Asking for a token, whoever one is.
    Open = "open", Needs::Nothing => Anybody;
    /// Fetching what this Hearth provides, and finding out that one is signed in.
    PullProvided = "images:provided", Needs::SignedIn => Anybody;
    /// Changing what this Hearth provides.
    PushProvided = "operator", Needs::Operator => Person;
    /// Fetching a tool's images, and looking at them.
    Pull = "images:read", Needs::Tool(Access::Read) => Member;
    /// Pushing to a tool's images, and deleting them.
    Push = "images:write", Needs::Tool(Access::Write) => Member;
    /// Looking at all tools' images.
    Operate = "operator", Needs::Operator => Person;
    /// Finding the image that a tool means.
    Resolve = "images:resolve",
        Needs::Services(&[Role::Jobs, Role::Builds, Role::Builder, Role::Components]) => Peer;
    /// Fetching any layer.
    Fetch = "images:fetch", Needs::Services(&[Role::Jobs, Role::Builder]) => Peer;
    /// Reading events about tags.
    ReadEvents = "images:events", Needs::Services(&[Role::Jobs]) => Peer;
    /// Relying on images.
    Pin = "images:pin", Needs::Services(Role::ALL) => Peer;
}
