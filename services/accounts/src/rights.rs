//! Who may do what here.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{Anybody, Member, Needs, Peer, Person},
    rights,
};

rights! {
    /// Coming in.
    Open = "open", Needs::Nothing => Anybody;
    /// Asking about oneself.
    SignedIn = "accounts:me", Needs::SignedIn => Anybody;
    /// Changing what is one's own: password, tokens, new tools.
    SelfService = "accounts:self", Needs::User => Person;
    /// Running this Hearth.
    Operate = "operator", Needs::Operator => Person;
    /// Looking at a tool.
    ToolRead = "tools:read", Needs::Tool(Access::Read) => Member;
    /// Working on a tool.
    ToolWrite = "tools:write", Needs::Tool(Access::Write) => Member;
    /// Deciding about a tool.
    ToolOwn = "tools:own", Needs::Tool(Access::Own) => Member;
    /// Deciding how much a tool may use.
    ToolOperate = "operator:tool", Needs::ToolOperator => Member;
    /// Finding out who is calling.
    Resolve = "accounts:resolve", Needs::Services(&[Role::Gateway]) => Peer;
    /// Reading events.
    ReadEvents = "accounts:events", Needs::Services(Role::ALL) => Peer;
    /// Acknowledging a tool's end.
    Erase = "accounts:erased", Needs::Services(Role::KEEPERS) => Peer;
    /// Acting for somebody after their request has ended.
    Mandates = "accounts:mandates", Needs::Services(&[Role::Components, Role::Builds, Role::Jobs]) => Peer;
    /// Speaking for a tool for a while.
    RunTokens = "accounts:tool-tokens", Needs::Services(&[Role::Builds, Role::Builder]) => Peer;
    /// Seeing where mail to people goes.
    Addresses = "accounts:addresses", Needs::Services(&[Role::Notify]) => Peer;
    /// Asking about a tool.
    ToolFacts = "accounts:tool", Needs::Services(Role::ALL) => Peer;
}
